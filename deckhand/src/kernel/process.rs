//! Processes: to end, to start others, to wait for them.

use super::signal::CHILD;
use super::{Answer, call, call_on, number, room};
use crate::text::Text;
use crate::words::Words;

/// Ends this process.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: no pointers. It does not return; the loop says so to the compiler.
        let _ = unsafe { call(number::EXIT_GROUP, usize::from(code), 0, 0, 0, 0) };
    }
}

/// Makes a copy of this process. The copy is given 0, this one the copy's number.
pub fn fork() -> Answer<usize> {
    // SAFETY: without CLONE_VM and with no new stack this is fork(2): the copy has its own memory, and goes on here
    // with a stack like ours. There is one thread, so that no lock can be held by another that is not in the copy.
    unsafe { call(number::CLONE, CHILD as usize, 0, 0, 0, 0) }
}

/// Becomes another program. Returns only if that fails.
pub fn execute(program: Text<'_>, arguments: Words, environment: Words) -> Answer<()> {
    let (arguments, environment) =
        (arguments.as_ptr().expose_provenance(), environment.as_ptr().expose_provenance());
    // SAFETY: a text, and two arrays of such that end in a null, by `Words`' invariant.
    unsafe { call(number::EXECVE, program.as_ptr().expose_provenance(), arguments, environment, 0, 0) }
        .map(drop)
}

/// Puts a process (0: this one) into a group of its own.
#[inline(never)]
pub fn lead_group(process: usize) {
    // SAFETY: no pointers. It fails when the process has gone or became another program, both of which are fine.
    let _ = unsafe { call(number::SETPGID, process, process, 0, 0, 0) };
}

/// Sends a signal to a process, or to the group of a negative number. It may have gone, which is fine.
pub fn kill(process: i32, signal: i32) {
    // SAFETY: no pointers.
    let _ = unsafe { call(number::KILL, process as isize as usize, signal as usize, 0, 0, 0) };
}

/// In place of an exit code: there is none yet.
pub const RUNNING: i32 = -1;

/// Reaps all children that have ended: one signal may stand for many, and as process 1, orphans are among them. Gives the
/// exit code of this one if it is among them: 128 and the signal's number if one ended it.
#[inline(never)]
pub fn ended(child: i32) -> i32 {
    const WNOHANG: usize = 1;
    let mut found = RUNNING;
    loop {
        let mut status = 0i32;
        // SAFETY: the kernel writes one int, which `status` is.
        let process = unsafe { call_on(number::WAIT4, usize::MAX, room(&mut status), WNOHANG, 0) };
        let Ok(process @ 1..) = process else { return found };
        if process == child as usize {
            let signal = status & 0x7f;
            found = if signal == 0 { status >> 8 & 0xff } else { 128 + signal };
        }
    }
}
