//! `sleep`: coreutils' sleep, that can also be process 1.

use crate::duration::Duration;
use crate::kernel::clock::{Deadline, sleep_until};
use crate::kernel::signal;
use crate::words::Words;

/// Sleeps.
pub fn run(mut arguments: Words, _environment: Words) -> u8 {
    arguments.option(&[]);
    let mut total = if arguments.is_empty() { u64::MAX } else { 0 };
    while !arguments.is_empty() {
        total = total.saturating_add(Duration::parse(arguments.take()).0);
    }
    // For ever has no other end than being asked, so that is no failure: as Kubernetes' own pause container has it.
    if total == u64::MAX {
        signal::end_well();
    }
    signal::end_when_asked();
    signal::ignore_children();
    sleep_until(Deadline::after(Duration(total)));
    0
}
