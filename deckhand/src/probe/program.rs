//! Whether a command ends with 0, in time.

use crate::child::Start;
use crate::kernel::clock::Deadline;
use crate::kernel::file::{Poll, poll};
use crate::kernel::process::{ended, kill};
use crate::kernel::signal::{self, Set};
use crate::message::{add_number, fail, note};
use crate::words::Words;

/// Runs the command in a process group of its own, which ends with it, or with the time.
#[inline(never)]
pub fn ask(words: Words, environment: Words, deadline: Deadline) -> bool {
    let name = words.peek().to_bytes();
    signal::keep_children();
    let mask = Set::CHILD.block();
    let signals = match Set::CHILD.open() {
        Ok(signals) => signals,
        Err(error) => fail("cannot wait for %: ", name, error),
    };
    let start = Start { words, environment, output: None, mask, leads_group: true };
    let Ok(child) = start.start() else { return false };
    signal::take_along(child);
    let mut in_time = true;
    let code = loop {
        match ended(!in_time) {
            Some(ended) if ended.process == child => break ended.code,
            None if in_time => {
                in_time = poll(&mut [Poll::readable(signals.fd())], deadline) == Ok(true);
                if in_time {
                    // Read to be told of the next; who ended is for `ended` to say.
                    let _ = signals.next();
                } else {
                    kill(-child, signal::KILL);
                }
            }
            _ => {}
        }
    };
    signal::take_along(0);
    if !in_time {
        note("expected % to end in time, it was killed", name);
        return false;
    }
    if code != 0 {
        note("expected % to end with 0,", name);
        add_number(b" it ended with ", u64::from(code));
    }
    code == 0
}
