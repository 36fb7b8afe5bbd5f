//! System calls of AArch64: the instruction, and the numbers (include/uapi/asm-generic/unistd.h).

/// A system call of at most five arguments: from a function's registers to the kernel's, that is
/// x0 to x5 to x8 and x0 to x4, and the answer comes in x0, as a function's does.
///
/// # Safety
/// Whatever the call does with its arguments must be sound.
#[unsafe(naked)]
pub unsafe extern "C" fn syscall(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    core::arch::naked_asm!(
        "mov x8, x0",
        "mov x0, x1",
        "mov x1, x2",
        "mov x2, x3",
        "mov x3, x4",
        "mov x4, x5",
        "svc 0",
        "ret",
    )
}

/// The numbers.
pub mod number {
    #![allow(missing_docs)]
    pub const DUP3: usize = 24;
    pub const RENAMEAT: usize = 38;
    pub const FACCESSAT: usize = 48;
    pub const OPENAT: usize = 56;
    pub const CLOSE: usize = 57;
    pub const PIPE2: usize = 59;
    pub const READ: usize = 63;
    pub const WRITE: usize = 64;
    pub const PPOLL: usize = 73;
    pub const SIGNALFD4: usize = 74;
    pub const EXIT_GROUP: usize = 94;
    pub const CLOCK_GETTIME: usize = 113;
    pub const CLOCK_NANOSLEEP: usize = 115;
    pub const KILL: usize = 129;
    pub const RT_SIGACTION: usize = 134;
    pub const RT_SIGPROCMASK: usize = 135;
    pub const SETPGID: usize = 154;
    pub const SOCKET: usize = 198;
    pub const CONNECT: usize = 203;
    pub const SETSOCKOPT: usize = 208;
    pub const CLONE: usize = 220;
    pub const EXECVE: usize = 221;
    pub const WAIT4: usize = 260;
    pub const STATX: usize = 291;
}
