//! Whether a file is there, and was written lately.

use crate::duration::Duration;
use crate::kernel::clock::calendar;
use crate::kernel::file::Status;
use crate::message::{note_error, note_number};
use crate::text::text;
use crate::words::Words;

/// Follows links; a time of writing in the future is late enough.
#[inline(never)]
pub fn ask(mut words: Words) -> bool {
    let (mut path, mut newer_than) = (text!(""), Duration::INFINITE);
    while let (0, value) = words.option_or(&[text!("newer-than=")], &mut path) {
        newer_than = Duration::parse(value);
    }
    let mut status = Status::none();
    if let Err(error) = status.read(path) {
        note_error(text!("find"), path, error);
        return false;
    }
    let age = calendar().saturating_sub(status.modified());
    if age > newer_than.0 {
        note_number(path, text!(" to be newer, its age in seconds is "), age / 1_000_000_000);
    }
    age <= newer_than.0
}
