//! Small text files of /etc, line by line and word by word.

use core::ffi::CStr;

use crate::kernel::Fd;
use crate::text;

/// So much of a file is read; more is not there.
const MOST: usize = 16 << 10;

/// A file's beginning.
pub struct Lines {
    bytes: [u8; MOST],
}

impl Lines {
    /// An empty file.
    pub const fn none() -> Self {
        Self { bytes: [0; MOST] }
    }

    /// Reads the file; what cannot be read is empty.
    #[inline(never)]
    pub fn read(&mut self, path: &CStr) -> &[u8] {
        let length = Fd::open(path).and_then(|file| file.fill(&mut self.bytes)).unwrap_or_default();
        text::first(&self.bytes, length)
    }
}

/// Takes the first line, without its comment.
#[inline(never)]
pub fn next_line<'t>(rest: &mut &'t [u8]) -> Option<&'t [u8]> {
    if rest.is_empty() {
        return None;
    }
    let mut line = text::take(rest, b"\n");
    Some(text::take(&mut line, b"#;"))
}

/// Takes the first word; an empty one if there is none.
#[inline(never)]
pub fn next_word<'t>(rest: &mut &'t [u8]) -> &'t [u8] {
    while let [b' ' | b'\t' | b'\r', after @ ..] = rest {
        *rest = after;
    }
    text::take(rest, b" \t\r")
}
