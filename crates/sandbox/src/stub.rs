//! The program that a program is started from: all that is to be seen of its process at the moment when it is executed.
//!
//! While the kernel executes a program, `/proc/self/exe` still means what the process ran before. Were that bareboat, an
//! image whose program (or its `#!` line, which the kernel alone resolves) is `/proc/self/exe` would have this machine's
//! file executed under the image's own loader, which can then change the file's mode or content (the kind of
//! CVE-2019-5736). So the process first becomes this stub, which lies in the sandbox's own read-only /dev and is in none of
//! its folders. One more execution of a single page costs less than a read-only copy of bareboat, which would have to be told
//! its plan again; and a memfd is what some machines forbid to be executed (the sysctl vm.memfd_noexec).
//!
//! It is executed with the program's path before the program's own arguments. It marks the socket to be closed, executes
//! the program, and if that fails says so over the socket as [`crate::report::Message`] does. An image that executes it once
//! more finds no socket, and gets exit code 127.

#![allow(unsafe_code)]

use crate::report::Step;

/// How long the stub is: an ELF header, two program headers, the code, zeros.
const LENGTH: usize = 320;

/// The begin of the message that the program cannot be executed; the error's number follows.
const FAILED: u32 = 1 | (Step::Execute as u32) << 8;

#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

macro_rules! stub {
    ($($code:literal)*) => {
        std::arch::global_asm!(
            ".pushsection .rodata.bareboat_stub, \"a\", @progbits",
            ".balign 16",
            ".globl bareboat_stub",
            ".hidden bareboat_stub",
            "bareboat_stub:",
            // e_ident, e_type (ET_EXEC), e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags (elf(5)).
            ".byte 0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0",
            ".2byte 2, {machine}",
            ".4byte 1",
            ".8byte 0x4000b0, 64, 0",
            ".4byte 0",
            // e_ehsize, e_phentsize, e_phnum; no sections.
            ".2byte 64, 56, 2, 0, 0, 0",
            // PT_LOAD, to be read and executed.
            ".4byte 1, 5",
            ".8byte 0, 0x400000, 0x400000, {length}, {length}, 0x10000",
            // PT_GNU_STACK, not to be executed.
            ".4byte 0x6474e551, 6",
            ".8byte 0, 0, 0, 0, 0, 16",
            // Where e_entry points: 64 + 2 * 56 = 0xb0.
            $($code,)*
            ".skip {length} - (. - bareboat_stub)",
            ".popsection",
            machine = const MACHINE,
            length = const LENGTH,
            failed = const FAILED,
        );
    };
}

// The stack at the begin: argc, the arguments and a null, the environment and a null. In turn: fcntl(3, F_SETFD,
// FD_CLOEXEC), or the end; execve(argv[0], argv + 1, environment); write(3, message, 8); exit(127).
#[cfg(target_arch = "x86_64")]
stub! {
    "mov eax, 72"
    "mov edi, 3"
    "mov esi, 2"
    "mov edx, 1"
    "syscall"
    "test eax, eax"
    "js 2f"
    "mov rdi, [rsp + 8]"
    "lea rsi, [rsp + 16]"
    "mov rax, [rsp]"
    "lea rdx, [rsp + rax * 8 + 16]"
    "mov eax, 59"
    "syscall"
    "neg eax"
    "sub rsp, 16"
    "mov dword ptr [rsp], {failed}"
    "mov dword ptr [rsp + 4], eax"
    "mov eax, 1"
    "mov edi, 3"
    "mov rsi, rsp"
    "mov edx, 8"
    "syscall"
    "2:"
    "mov eax, 60"
    "mov edi, 127"
    "syscall"
}

#[cfg(target_arch = "aarch64")]
stub! {
    "mov x8, #25"
    "mov x0, #3"
    "mov x1, #2"
    "mov x2, #1"
    "svc #0"
    "tbnz w0, #31, 2f"
    "ldr x0, [sp, #8]"
    "add x1, sp, #16"
    "ldr x2, [sp]"
    "add x2, x1, x2, lsl #3"
    "mov x8, #221"
    "svc #0"
    "neg w0, w0"
    "sub sp, sp, #16"
    "mov w1, #{failed}"
    "str w1, [sp]"
    "str w0, [sp, #4]"
    "mov x0, #3"
    "mov x1, sp"
    "mov x2, #8"
    "mov x8, #64"
    "svc #0"
    "2:"
    "mov x0, #127"
    "mov x8, #93"
    "svc #0"
}

unsafe extern "C" {
    static bareboat_stub: [u8; LENGTH];
}

/// The stub as a file.
pub(crate) fn file() -> &'static [u8] {
    // SAFETY: the assembler made it of this length, it is never written, and any bytes are a value.
    unsafe { &bareboat_stub }
}

#[cfg(test)]
mod tests {
    use bareboat_formats::elf;
    use bareboat_model::Arch;

    #[test]
    fn the_stub_is_a_program_without_a_loader() {
        let program = elf::parse(super::file()).unwrap().unwrap();
        assert_eq!(program.machine, Arch::host().unwrap().elf_machine());
        assert!(program.interpreter.is_none());
        // The code is not cut off: zeros follow it.
        assert!(super::file().ends_with(&[0; 4]));
    }
}
