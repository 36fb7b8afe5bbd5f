//! Signals: to end at one, to leave children to the kernel, or to read them like a file.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicI32, Ordering};

use super::file::Fd;
use super::process::{exit, kill};
use super::{Answer, address, call, call_on, number, room};

/// Asks to hang up.
pub const HANGUP: i32 = 1;
/// Ctrl-C.
pub const INTERRUPT: i32 = 2;
/// Ctrl-\.
pub const QUIT: i32 = 3;
/// Ends without being asked.
pub const KILL: i32 = 9;
/// Nobody reads any more.
const PIPE: i32 = 13;
/// A file is larger than it may be.
const QUOTA: i32 = 25;
/// Asks to end.
pub const TERMINATE: i32 = 15;
/// A child ended.
pub const CHILD: i32 = 17;

/// The kernel's `struct sigaction`, with SA_RESTORER's field on both architectures.
#[repr(C)]
struct Action {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

const SA_RESTORER: usize = 0x0400_0000;
const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;

#[inline(never)]
fn act(signal: i32, handler: usize) {
    // A handler of ours never returns, so nothing is ever restored; x86-64 wants an address all the same.
    let action = Action { handler, flags: SA_RESTORER, restorer: handler, mask: 0 };
    // SAFETY: the kernel reads one `struct sigaction`; the handler is none, or `stop`, which may run at any time.
    let _ = unsafe { call(number::RT_SIGACTION, signal as usize, address(&action), 0, 8, 0) };
}

/// What [`stop`] ends with, if not with 128 and the signal's number.
static CODE: AtomicI32 = AtomicI32::new(-1);
/// The process group that ends with us; 0 for none.
static GROUP: AtomicI32 = AtomicI32::new(0);

extern "C" fn stop(signal: i32) {
    let group = GROUP.load(Ordering::Relaxed);
    if group != 0 {
        kill(-group, KILL);
    }
    let code = CODE.load(Ordering::Relaxed);
    exit(u8::try_from(if code < 0 { 128 + signal } else { code }).unwrap_or(1))
}

/// Ends at once, with 128 and the signal's number, when asked to: also as process 1, which is spared
/// by signals that it has no handler for.
pub fn end_when_asked() {
    for signal in [HANGUP, INTERRUPT, QUIT, TERMINATE] {
        act(signal, stop as *const () as usize);
    }
}

/// Lets writing to a connection that the other side closed fail, instead of ending us.
pub fn survive_broken_pipes() {
    act(PIPE, SIG_IGN);
}

/// From now on, being asked to end is no failure.
pub fn end_well() {
    CODE.store(0, Ordering::Relaxed);
}

/// From now on this process group ends with us.
pub fn take_along(group: i32) {
    GROUP.store(group, Ordering::Relaxed);
}

/// Leaves ended children to the kernel: as process 1, all that lost their parents.
pub fn ignore_children() {
    act(CHILD, SIG_IGN);
}

/// Keeps ended children until they are asked for, whatever whoever started us had said.
pub fn keep_children() {
    act(CHILD, SIG_DFL);
}

/// A set of signals: bit `n - 1` for signal `n`.
#[derive(Clone, Copy)]
pub struct Set(u64);

impl Set {
    /// A child's end only.
    pub const CHILD: Self = Self(1 << (CHILD - 1));
    /// All that one process sends to another. Not those that say that this process itself went wrong
    /// (ILL 4, TRAP 5, ABRT 6, BUS 7, FPE 8, SEGV 11, SYS 31), nor those that stop and continue (CONT 18, TSTP 20,
    /// TTIN 21, TTOU 22), which must do to us what they do to the child.
    pub const FORWARDED: Self = Self(
        !(1 << 3
            | 1 << 4
            | 1 << 5
            | 1 << 6
            | 1 << 7
            | 1 << 10
            | 1 << 30
            | 1 << 17
            | 1 << 19
            | 1 << 20
            | 1 << 21),
    );

    /// Holds these signals back; gives those that were.
    pub fn block(self) -> Self {
        const SIG_BLOCK: usize = 0;
        Self(mask(SIG_BLOCK, self.0))
    }

    /// Holds these back and no others.
    pub fn restore(self) {
        const SIG_SETMASK: usize = 2;
        mask(SIG_SETMASK, self.0);
    }

    /// A descriptor that gives these signals, which must be blocked.
    pub fn open(self) -> Answer<Fd> {
        const SFD_CLOEXEC: usize = 0o2_000_000;
        // SAFETY: the kernel reads a set of 8 bytes.
        unsafe { call(number::SIGNALFD4, usize::MAX, address(&self.0), 8, SFD_CLOEXEC, 0) }.map(Fd::opened)
    }
}

#[inline(never)]
fn mask(how: usize, set: u64) -> u64 {
    let mut old = MaybeUninit::<u64>::zeroed();
    // SAFETY: the kernel reads one set of 8 bytes and writes another.
    let _ = unsafe { call(number::RT_SIGPROCMASK, how, address(&set), room(&mut old), 8, 0) };
    // SAFETY: it was zero at first, and every pattern of bits is a number.
    unsafe { old.assume_init() }
}

/// In place of a signal: one that no other process sent. The kernel's own (a terminal's Ctrl-C, a broken pipe) reach whom they
/// are for without us.
pub const NOT_SENT: i32 = 0;

/// The next signal of [`Set::open`].
#[inline(never)]
pub fn next(signals: &Fd) -> Answer<i32> {
    // struct signalfd_siginfo: number, errno, code, and more.
    let mut words = [0i32; 32];
    // SAFETY: the kernel writes 128 bytes, which is what there is room for, and every pattern of bits is a number.
    unsafe { call_on(number::READ, signals.number(), room(&mut words), 128, 0) }?;
    let [signal, _, code, ..] = words;
    // Those of our own broken pipe or full quota look as if we had sent them.
    let is_sent = signal == CHILD || code <= 0 && !matches!(signal, PIPE | QUOTA);
    Ok(if is_sent { signal } else { NOT_SENT })
}
