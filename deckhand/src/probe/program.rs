//! Whether a command ends with 0, in time.

use crate::child::start;
use crate::duration::Duration;
use crate::kernel::Errno;
use crate::kernel::clock::Deadline;
use crate::kernel::file::{Poll, poll};
use crate::kernel::process::{RUNNING, ended, kill};
use crate::kernel::signal::{self, Set};
use crate::message::{fail, misuse, note_error, note_number};
use crate::text::text;
use crate::words::Words;

/// Runs the command in a process group of its own, which is killed when the time is over.
#[inline(never)]
pub fn ask(mut words: Words, environment: Words, end: Deadline) -> bool {
    let mut limit = Duration::SECOND;
    while let (0, value) = words.option(&[text!("timeout=")]) {
        limit = Duration::parse(value);
    }
    let name = words.peek();
    if words.is_empty() {
        misuse(text!("a command"), name);
    }
    signal::keep_children();
    let mask = Set::CHILD.block();
    let signals = match Set::CHILD.open() {
        Ok(signals) => signals,
        Err(error) => fail(text!("wait for"), name, error),
    };
    let child = match start(words, environment, None, mask, true) {
        Ok(child) => child as i32,
        Err(error) => fail(text!("start"), name, error),
    };
    signal::take_along(child);
    let deadline = Deadline::after(limit).or(end);
    let mut code = ended(child);
    while code == RUNNING && poll(&mut [Poll::readable(&signals)], deadline) == Ok(1) {
        // Read to be told of the next; who ended is for `ended` to say.
        let _ = signal::next(&signals);
        code = ended(child);
    }
    signal::take_along(0);
    signals.close();
    if code == RUNNING {
        // Whoever asks again reaps it.
        kill(-child, signal::KILL);
        note_error(text!("wait for"), name, Errno::TIMED_OUT);
    } else if code != 0 {
        note_number(name, text!(" to end with 0, it ended with "), code as u64);
    }
    code == 0
}
