//! `probe`: one question, answered by the exit code.

mod file;
mod http;
mod program;
mod tcp;

use crate::kernel::clock::Deadline;
use crate::kernel::signal;
use crate::message::{end, misuse};
use crate::text::text;
use crate::words::Words;

/// Asks once.
pub fn run(words: Words, environment: Words) -> u8 {
    signal::end_when_asked();
    if ask(words, environment, Deadline::NEVER) {
        return 0;
    }
    end(1)
}

/// Reads the question from the command line and asks: whether it is so; if not, with a message. `end` ends it earlier than its
/// own timeout would. Ends if the question makes no sense.
#[inline(never)]
pub fn ask(mut words: Words, environment: Words, end: Deadline) -> bool {
    let kind = words.take();
    if kind.same(text!("http")) {
        http::ask(words, end)
    } else if kind.same(text!("tcp")) {
        tcp::ask(words, end)
    } else if kind.same(text!("exec")) {
        program::ask(words, environment, end)
    } else if kind.same(text!("file")) {
        file::ask(words)
    } else {
        misuse(text!("http, tcp, exec or file to probe"), kind)
    }
}
