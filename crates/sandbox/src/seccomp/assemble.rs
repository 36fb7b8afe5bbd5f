//! The table as a program for the kernel (seccomp(2); struct seccomp_data).

use std::collections::BTreeMap;

use bareboat_model::{Error, Result};
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W,
    c_long, sock_filter,
};

use super::table::{
    FAMILIES, LAST, NAMESPACES, NOT_KNOWN, NOT_PERMITTED, NOT_PERMITTED_HERE, PERSONALITIES, REQUESTS,
};

/// Offsets in struct seccomp_data: the call's number, the machine's, and the lower half of an argument; both machines
/// have the lower half first.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
const SECOND_ARGUMENT: u32 = 24;

/// AUDIT_ARCH_* (linux/audit.h): the machine's number in ELF, 64-bit, little-endian.
#[cfg(target_arch = "x86_64")]
const THIS_MACHINE: u32 = 62 | 0x8000_0000 | 0x4000_0000;
#[cfg(target_arch = "aarch64")]
const THIS_MACHINE: u32 = 183 | 0x8000_0000 | 0x4000_0000;

/// Numbers from here on are those of x32, another face of the x86-64 kernel (asm/unistd.h).
const X32: u32 = 0x4000_0000;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const NOT_PERMITTED_ANSWER: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
const NOT_KNOWN_ANSWER: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
const NO_FAMILY_ANSWER: u32 = libc::SECCOMP_RET_ERRNO | libc::EAFNOSUPPORT as u32;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

/// The filter for this machine. A program of another (32-bit ones too) is killed at its first call.
///
/// # Errors
/// None that a correct table can cause.
pub(crate) fn filter() -> Result<Vec<sock_filter>> {
    let mut program = vec![
        load(MACHINE),
        jump(BPF_JEQ, THIS_MACHINE, 1, 0),
        answer(KILL),
        load(NUMBER),
        jump(BPF_JGE, X32, 0, 1),
        answer(NOT_PERMITTED_ANSWER),
        jump(BPF_JGT, LAST, 0, 1),
        answer(NOT_KNOWN_ANSWER),
    ];
    program.extend(choose(&rules()?)?);
    Ok(program)
}

/// What is done about each call that is not simply allowed, by its number.
fn rules() -> Result<Vec<(u32, Vec<sock_filter>)>> {
    let mut rules = BTreeMap::new();
    for (calls, its) in [
        (NOT_PERMITTED, NOT_PERMITTED_ANSWER),
        (NOT_PERMITTED_HERE, NOT_PERMITTED_ANSWER),
        (NOT_KNOWN, NOT_KNOWN_ANSWER),
    ] {
        for &call in calls {
            rules.insert(number(call)?, vec![answer(its)]);
        }
    }
    let clone = [
        load(FIRST_ARGUMENT),
        and(NAMESPACES),
        jump(BPF_JEQ, 0, 1, 0),
        answer(NOT_PERMITTED_ANSWER),
        answer(ALLOW),
    ];
    rules.insert(number(libc::SYS_clone)?, clone.to_vec());
    let ioctl = one_of(SECOND_ARGUMENT, &REQUESTS, NOT_PERMITTED_ANSWER, ALLOW);
    rules.insert(number(libc::SYS_ioctl)?, ioctl);
    let personality = one_of(FIRST_ARGUMENT, &PERSONALITIES, ALLOW, NOT_PERMITTED_ANSWER);
    rules.insert(number(libc::SYS_personality)?, personality);
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        let families = FAMILIES.map(|family| family as u32);
        rules.insert(number(call)?, one_of(FIRST_ARGUMENT, &families, ALLOW, NO_FAMILY_ANSWER));
    }
    Ok(rules.into_iter().collect())
}

/// Finds the rule for the call by halves: the kernel goes through the filter for each call once when it is set, and later
/// for those that are not simply allowed.
fn choose(rules: &[(u32, Vec<sock_filter>)]) -> Result<Vec<sock_filter>> {
    let mut program = Vec::new();
    if rules.len() <= 2 {
        for (number, body) in rules {
            program.push(jump(BPF_JEQ, *number, 0, length(body)?));
            program.extend_from_slice(body);
        }
        program.push(answer(ALLOW));
        return Ok(program);
    }
    let (lower, upper) = rules.split_at(rules.len() / 2);
    let below = choose(lower)?;
    let first = upper.first().map_or(0, |(number, _)| *number);
    // A conditional jump reaches no further than 255 instructions.
    program.extend([
        jump(BPF_JGE, first, 0, 1),
        instruction(BPF_JMP | BPF_JA, u32::from(below.len() as u16), 0, 0),
    ]);
    program.extend(below);
    program.extend(choose(upper)?);
    Ok(program)
}

fn length(body: &[sock_filter]) -> Result<u8> {
    u8::try_from(body.len()).map_err(|_| Error::new("a seccomp rule is too long"))
}

/// Answers `yes` if the argument is one of these, and `no` otherwise.
fn one_of(argument: u32, values: &[u32], yes: u32, no: u32) -> Vec<sock_filter> {
    let mut body = vec![load(argument)];
    for &value in values {
        body.extend([jump(BPF_JEQ, value, 0, 1), answer(yes)]);
    }
    body.push(answer(no));
    body
}

fn number(call: c_long) -> Result<u32> {
    u32::try_from(call).map_err(|_| Error::new(format!("{call} is no system call")))
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0)
}

fn and(mask: u32) -> sock_filter {
    instruction(BPF_ALU | BPF_AND | BPF_K, mask, 0, 0)
}

fn jump(condition: u32, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    instruction(BPF_JMP | condition | BPF_K, value, if_true, if_false)
}

fn answer(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, value, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel does (net/core/filter.c), for a call with these arguments.
    fn ask(machine: u32, call: u32, arguments: [u64; 2]) -> u32 {
        let program = filter().unwrap();
        let word = |offset: u32| match offset {
            NUMBER => call,
            MACHINE => machine,
            FIRST_ARGUMENT => arguments[0] as u32,
            SECOND_ARGUMENT => arguments[1] as u32,
            other => panic!("nothing is read at {other}"),
        };
        let (mut at, mut value) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            let jump = |taken: bool| usize::from(if taken { jt } else { jf });
            match u32::from(code) {
                code if code == BPF_LD | BPF_W | BPF_ABS => value = word(k),
                code if code == BPF_ALU | BPF_AND | BPF_K => value &= k,
                code if code == BPF_JMP | BPF_JEQ | BPF_K => at += jump(value == k),
                code if code == BPF_JMP | BPF_JGE | BPF_K => at += jump(value >= k),
                code if code == BPF_JMP | BPF_JGT | BPF_K => at += jump(value > k),
                code if code == BPF_JMP | BPF_JA => at += k as usize,
                code if code == BPF_RET | BPF_K => return k,
                other => panic!("an instruction {other:#x}"),
            }
        }
    }

    fn here(call: c_long, arguments: [u64; 2]) -> u32 {
        ask(THIS_MACHINE, call as u32, arguments)
    }

    #[test]
    fn calls_get_the_answer_of_the_table() {
        for call in 0..=LAST {
            let its = c_long::from(call);
            let expected = match its {
                _ if NOT_PERMITTED.contains(&its) || NOT_PERMITTED_HERE.contains(&its) => {
                    NOT_PERMITTED_ANSWER
                }
                _ if NOT_KNOWN.contains(&its) => NOT_KNOWN_ANSWER,
                libc::SYS_socket | libc::SYS_socketpair => NO_FAMILY_ANSWER,
                _ => ALLOW,
            };
            assert_eq!(ask(THIS_MACHINE, call, [0, 0]), expected, "{call}");
        }
        for call in [LAST + 1, 1000, X32 - 1] {
            assert_eq!(ask(THIS_MACHINE, call, [0, 0]), NOT_KNOWN_ANSWER, "{call}");
        }
    }

    #[test]
    fn other_machines_and_other_faces_of_this_one_are_refused() {
        const I386: u32 = 3 | 0x4000_0000;
        assert_eq!(ask(I386, 1, [0, 0]), KILL);
        assert_eq!(ask(THIS_MACHINE, X32 | 1, [0, 0]), NOT_PERMITTED_ANSWER);
        assert_eq!(ask(THIS_MACHINE, u32::MAX, [0, 0]), NOT_PERMITTED_ANSWER);
    }

    #[test]
    fn arguments_are_looked_at() {
        let thread = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND;
        // The kernel reads only the lower half of these: what is above must not hide it.
        let above = 1 << 32;
        for (call, arguments, expected) in [
            (libc::SYS_clone, [libc::SIGCHLD as u64, 0], ALLOW),
            (libc::SYS_clone, [thread as u64, 0], ALLOW),
            (libc::SYS_clone, [libc::CLONE_NEWUSER as u64, 0], NOT_PERMITTED_ANSWER),
            (libc::SYS_clone, [above | (libc::CLONE_NEWNS | thread) as u64, 0], NOT_PERMITTED_ANSWER),
            (libc::SYS_ioctl, [0, libc::TIOCGWINSZ], ALLOW),
            (libc::SYS_ioctl, [0, libc::TIOCSTI], NOT_PERMITTED_ANSWER),
            (libc::SYS_ioctl, [0, above | libc::TIOCSTI], NOT_PERMITTED_ANSWER),
            (libc::SYS_ioctl, [0, libc::TIOCLINUX], NOT_PERMITTED_ANSWER),
            (libc::SYS_personality, [0xffff_ffff, 0], ALLOW),
            // ADDR_NO_RANDOMIZE.
            (libc::SYS_personality, [0x0004_0000, 0], NOT_PERMITTED_ANSWER),
            (libc::SYS_socket, [libc::AF_INET6 as u64, 0], ALLOW),
            (libc::SYS_socket, [libc::AF_VSOCK as u64, 0], NO_FAMILY_ANSWER),
            (libc::SYS_socket, [above | libc::AF_ALG as u64, 0], NO_FAMILY_ANSWER),
        ] {
            assert_eq!(here(call, arguments), expected, "{call} {arguments:?}");
        }
    }
}
