//! `wait-for`: a probe, until the answer is yes.

use crate::duration::Duration;
use crate::kernel::clock::{Deadline, sleep_until};
use crate::message::{add, end, say};
use crate::probe::Probe;
use crate::words::Words;

/// Waits.
pub fn run(mut words: Words, environment: Words) -> u8 {
    let (mut timeout, mut interval) = (Duration::INFINITE, Duration::seconds(1));
    words.options(&["timeout=", "interval="], &mut |option, value| {
        *(if option == 0 { &mut timeout } else { &mut interval }) = Duration::parse(value.to_bytes());
    });
    let probe = Probe::read(words);
    let last = Deadline::after(timeout);
    let mut told = false;
    while !probe.ask(environment, last) {
        if last.is_over() {
            add(b", and there is no time left");
            end(1);
        }
        if !told {
            told = true;
            say(b"waiting: ");
        }
        sleep_until(Deadline::after(interval).or(last));
    }
    0
}
