//! What deckhand asks of the kernel, each call behind a safe function.

pub mod clock;
pub mod file;
pub mod process;
pub mod signal;
pub mod socket;

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
mod architecture;
mod errno;

use architecture::{number, syscall};

pub use errno::Errno;
pub use file::Fd;

/// What the kernel answers: a number, or an error as a small negative one.
pub type Answer<T> = core::result::Result<T, Errno>;

/// A system call.
///
/// # Safety
/// The call's contract with the kernel: every pointer among the arguments is good for what the call does with it.
#[inline(never)]
unsafe fn call(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> Answer<usize> {
    // SAFETY: the caller's promise is the same.
    let answer = unsafe { syscall(number, a, b, c, d, e) };
    usize::try_from(answer).map_err(|_| Errno(answer.unsigned_abs()))
}

/// As [`call`], again for as long as a signal comes between; of four arguments.
///
/// # Safety
/// As for [`call`].
#[inline(never)]
unsafe fn call_on(number: usize, a: usize, b: usize, c: usize, d: usize) -> Answer<usize> {
    loop {
        // SAFETY: the caller's promise is the same.
        match unsafe { call(number, a, b, c, d, 0) } {
            Err(Errno::INTERRUPTED) => {}
            answer => return answer,
        }
    }
}

/// The address of a value that the kernel reads.
fn address<T: ?Sized>(value: &T) -> usize {
    core::ptr::from_ref(value).expose_provenance()
}

/// The address of a value that the kernel writes.
fn room<T: ?Sized>(value: &mut T) -> usize {
    core::ptr::from_mut(value).expose_provenance()
}
