//! Processes: to end, to start others, to wait for them.

use core::ffi::CStr;

use super::signal::CHILD;
use super::{Answer, call, call_on, number, room};
use crate::words::Words;

/// Ends this process.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: no pointers. It does not return; the loop says so to the compiler.
        let _ = unsafe { call(number::EXIT_GROUP, usize::from(code), 0, 0, 0, 0) };
    }
}

/// Makes a copy of this process. The copy is given 0, this one the copy's number.
pub fn fork() -> Answer<i32> {
    // SAFETY: without CLONE_VM and with no new stack this is fork(2): the copy has its own memory, and goes on here
    // with a stack like ours. There is one thread, so that no lock can be held by another that is not in the copy.
    let child = unsafe { call(number::CLONE, CHILD as usize, 0, 0, 0, 0) }?;
    Ok(i32::try_from(child).unwrap_or(0))
}

/// Becomes another program. Returns only if that fails.
pub fn execute(program: &CStr, arguments: Words, environment: Words) -> Answer<()> {
    let (arguments, environment) =
        (arguments.as_ptr().expose_provenance(), environment.as_ptr().expose_provenance());
    // SAFETY: a C string, and two arrays of such that end in a null, by `Words`' invariant.
    unsafe { call(number::EXECVE, program.as_ptr().expose_provenance(), arguments, environment, 0, 0) }
        .map(drop)
}

/// Puts a process (0: this one) into a group of its own.
pub fn lead_group(process: i32) {
    // SAFETY: no pointers. It fails when the process has gone or became another program, both of which are fine.
    let _ = unsafe { call(number::SETPGID, process as usize, process as usize, 0, 0, 0) };
}

/// Sends a signal to a process, or to the group of a negative number. It may have gone, which is fine.
pub fn kill(process: i32, signal: i32) {
    // SAFETY: no pointers.
    let _ = unsafe { call(number::KILL, process as isize as usize, signal as usize, 0, 0, 0) };
}

/// How a process ended.
#[derive(Clone, Copy)]
pub struct Ended {
    /// Which.
    pub process: i32,
    /// Its exit code; 128 and the signal's number if one ended it.
    pub code: u8,
}

/// Any child that ended; none when none has yet, or there are none. `wait` is whether to wait for one.
pub fn ended(wait: bool) -> Option<Ended> {
    const WNOHANG: usize = 1;
    let mut status = 0i32;
    let how = if wait { 0 } else { WNOHANG };
    // SAFETY: the kernel writes one int, which `status` is.
    let process = unsafe { call_on(number::WAIT4, usize::MAX, room(&mut status), how, 0) }.ok()?;
    let [signal, code, ..] = status.to_le_bytes();
    let code = if signal & 0x7f == 0 { code } else { 128 + (signal & 0x7f) };
    i32::try_from(process).ok().filter(|process| *process > 0).map(|process| Ended { process, code })
}
