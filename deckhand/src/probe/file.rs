//! Whether a file is there, and was written lately.

use core::ffi::CStr;

use crate::duration::Duration;
use crate::kernel::clock::calendar;
use crate::kernel::file::Status;
use crate::message::{add_number, note, note_error};

/// Follows links; a time of writing in the future is late enough.
pub fn ask(path: &CStr, newer_than: Duration) -> bool {
    let mut status = Status::none();
    if let Err(error) = status.read(path) {
        note_error("cannot find %: ", path.to_bytes(), error);
        return false;
    }
    let age = calendar().saturating_sub(status.modified());
    if age > newer_than.0 {
        note("expected % to be newer, it was written", path.to_bytes());
        add_number(b" so many seconds ago: ", age / 1_000_000_000);
    }
    age <= newer_than.0
}
