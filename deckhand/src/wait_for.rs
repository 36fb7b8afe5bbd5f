//! `wait-for`: a probe, until the answer is yes.

use crate::duration::Duration;
use crate::kernel::clock::{Deadline, sleep_until};
use crate::kernel::signal;
use crate::message::{add, end, say};
use crate::probe;
use crate::text::text;
use crate::words::Words;

/// Waits.
pub fn run(mut words: Words, environment: Words) -> u8 {
    let (mut timeout, mut interval) = (Duration::INFINITE, Duration::SECOND);
    loop {
        match words.option(&[text!("timeout="), text!("interval=")]) {
            (0, value) => timeout = Duration::parse(value),
            (1, value) => interval = Duration::parse(value),
            _ => break,
        }
    }
    signal::end_when_asked();
    let last = Deadline::after(timeout);
    let mut told = false;
    while !probe::ask(words, environment, last) {
        if last.is_over() {
            add(text!(", and there is no time left"));
            end(1);
        }
        if !told {
            told = true;
            add(text!(", waiting"));
            say();
        }
        sleep_until(Deadline::after(interval).or(last));
    }
    0
}
