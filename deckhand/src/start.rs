//! The first instructions, and what stands in for a panic.

use crate::command;
use crate::kernel::process;
use crate::words::Words;

// The kernel enters with the number of arguments at the stack pointer, above it the arguments, a null, the
// environment and a null (System V ABI, "Initial Stack"). The stack is aligned to 16 bytes before the call.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    "ud2",
    begin = sym begin,
);

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, xzr",
    "mov x30, xzr",
    "mov x0, sp",
    "bl {begin}",
    "brk 1",
    begin = sym begin,
);

extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: `stack` is the stack pointer at entry, where the kernel wrote the number of arguments, then that many
    // pointers and a null, then the environment's pointers and a null. All of it stays for the life of the process
    // and nothing here writes to it.
    let (arguments, environment) = unsafe {
        let count = stack.read();
        let arguments = stack.add(1).cast::<*const u8>();
        (Words::new(arguments), Words::new(arguments.add(count + 1)))
    };
    process::exit(command::run(arguments, environment))
}

/// No code here panics on purpose, and what could is not reached; a process that did would end as by `abort`.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    process::exit(134)
}
