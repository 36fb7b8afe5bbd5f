//! Clocks and waiting.

use core::mem::MaybeUninit;

use super::{Errno, address, call, number, room};
use crate::duration::Duration;

const SECOND: u64 = 1_000_000_000;
const CALENDAR: usize = 0;
/// Goes on evenly whatever is done to the calendar; stands still while the machine sleeps, as for coreutils' sleep.
const MONOTONIC: usize = 1;

/// The kernel's `struct timespec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}

impl TimeSpec {
    fn of(nanoseconds: u64) -> Self {
        // Both fit: u64::MAX nanoseconds are 18 446 744 073 seconds.
        Self {
            seconds: (nanoseconds / SECOND).cast_signed(),
            nanoseconds: (nanoseconds % SECOND).cast_signed(),
        }
    }
}

#[inline(never)]
fn now(clock: usize) -> u64 {
    let mut time = MaybeUninit::<TimeSpec>::zeroed();
    // SAFETY: the kernel writes one timespec, which is what there is room for. It cannot fail for these clocks.
    let _ = unsafe { call(number::CLOCK_GETTIME, clock, room(&mut time), 0, 0, 0) };
    // SAFETY: it was zero at first, and every pattern of bits is a value of these integers.
    let time = unsafe { time.assume_init() };
    time.seconds.cast_unsigned().wrapping_mul(SECOND).wrapping_add(time.nanoseconds.cast_unsigned())
}

/// The calendar's time, in nanoseconds since 1970.
pub fn calendar() -> u64 {
    now(CALENDAR)
}

/// A point in time until which something is waited for.
#[derive(Clone, Copy)]
pub struct Deadline(u64);

impl Deadline {
    /// No end.
    pub const NEVER: Self = Self(u64::MAX);

    /// Past already.
    pub const NOW: Self = Self(0);

    /// So long from now.
    pub fn after(duration: Duration) -> Self {
        // For ever from now is for ever.
        Self(now(MONOTONIC).saturating_add(duration.0))
    }

    /// The earlier of the two.
    pub fn or(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// How long it is until then.
    #[inline(never)]
    pub fn remaining(self) -> Duration {
        match self.0 {
            u64::MAX => Duration::INFINITE,
            end => Duration(end.saturating_sub(now(MONOTONIC))),
        }
    }

    /// Whether it has come.
    pub fn is_over(self) -> bool {
        self.remaining() == Duration(0)
    }

    /// How long it is until then, for the kernel: none for ever.
    pub(super) fn left(self) -> Option<TimeSpec> {
        Some(self.remaining()).filter(|left| *left != Duration::INFINITE).map(|left| TimeSpec::of(left.0))
    }
}

/// Does nothing until then. To a fixed end: however often it is interrupted or stopped, it takes no longer.
pub fn sleep_until(deadline: Deadline) {
    const TIMER_ABSTIME: usize = 1;
    let end = TimeSpec::of(deadline.0);
    // SAFETY: the kernel reads one timespec, which `end` is.
    while unsafe { call(number::CLOCK_NANOSLEEP, MONOTONIC, TIMER_ABSTIME, address(&end), 0, 0) }
        == Err(Errno::INTERRUPTED)
    {}
}
