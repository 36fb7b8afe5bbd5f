//! A log file that is exchanged when it is full: F becomes F.1, F.1 becomes F.2, …

use crate::buffer::Buffer;
use crate::kernel::file::{Status, rename};
use crate::kernel::{Answer, Errno, Fd};
use crate::message::{add, fail, note_error, note_number, say};
use crate::text::{PLACE, Text, text};

/// The log.
pub struct LogFile {
    /// Where it is; an empty one if there is none.
    pub path: Text<'static>,
    file: Fd,
    size: u64,
    /// The most bytes that a file may have; the largest number for any.
    pub most: u64,
    /// How many old files to keep.
    pub keep: u64,
    /// Bytes that could not be written since it last could.
    lost: u64,
}

impl LogFile {
    /// No log yet, or none at all.
    pub const fn none() -> Self {
        Self { path: text!(""), file: Fd::NONE, size: 0, most: u64::MAX, keep: 1, lost: 0 }
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.path.is_empty()
    }

    /// Opens it, making it if there is none, and goes on at its end. Or ends.
    #[inline(never)]
    pub fn open(&mut self) {
        let mut status = Status::none();
        match Fd::append(self.path).and_then(|file| file.status(&mut status).map(|()| file)) {
            Ok(file) => self.file = file,
            Err(error) => fail(text!("open the log"), self.path, error),
        }
        if self.most < u64::MAX && !status.is_file() {
            fail(text!("rotate the log"), self.path, Errno::NO_FILE);
        }
        self.size = status.size;
    }

    /// Adds what the command wrote. The command matters more than its log: what cannot be written is told on standard
    /// error, once, and lost.
    #[inline(never)]
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = fitting(bytes, self.most, self.size);
            if count == 0 {
                self.rotate();
                continue;
            }
            let now = bytes.get(..count).unwrap_or_default();
            let written = match self.file.write(now) {
                Ok(written) => {
                    self.size += written as u64;
                    self.tell_what_was_lost();
                    written
                }
                Err(error) => {
                    if self.lost == 0 {
                        self.complain(text!("write to the log"), error);
                    }
                    self.lost += count as u64;
                    count
                }
            };
            bytes = bytes.get(written..).unwrap_or_default();
        }
    }

    #[inline(never)]
    fn complain(&self, verb: Text<'static>, error: Errno) {
        note_error(verb, self.path, error);
        add(text!("; the command goes on"));
        say();
    }

    /// Says how much was lost, if any was.
    #[inline(never)]
    pub fn tell_what_was_lost(&mut self) {
        if self.lost > 0 {
            note_number(self.path, text!(" to have so many bytes more: "), self.lost);
            say();
            self.lost = 0;
        }
    }

    #[inline(never)]
    fn rotate(&mut self) {
        // Whatever comes of it, the next attempt is after as many bytes again.
        self.size = 0;
        let mut number = self.keep;
        while number > 0 {
            number -= 1;
            match self.rename(number) {
                Ok(()) => {}
                // Not so many yet.
                Err(Errno::NOT_FOUND) if number > 0 => {}
                Err(error) => return self.complain(text!("rename the log"), error),
            }
        }
        match Fd::append(self.path) {
            Ok(file) => core::mem::replace(&mut self.file, file).close(),
            Err(error) => self.complain(text!("make the log"), error),
        }
    }

    /// F.number becomes F.number+1; F itself is the one with 0.
    #[inline(never)]
    fn rename(&self, number: u64) -> Answer<()> {
        let (mut old, mut new) = ([0; PLACE], [0; PLACE]);
        rename(self.numbered(&mut old, number), self.numbered(&mut new, number + 1))
    }

    #[inline(never)]
    fn numbered<'b>(&self, bytes: &'b mut [u8; PLACE], number: u64) -> Text<'b> {
        let mut name = Buffer::of(bytes);
        name.push_text(self.path);
        if number > 0 {
            name.push(b'.');
            if number > 9 {
                name.push(b'0' + (number / 10) as u8);
            }
            name.push(b'0' + (number % 10) as u8);
        }
        Text::within(bytes)
    }
}

/// How many of the bytes go into a file of at most `most` bytes that has `size`: whole lines, unless a line alone is too
/// long for any file.
#[inline(never)]
fn fitting(bytes: &[u8], most: u64, size: u64) -> usize {
    let room = most.saturating_sub(size);
    if bytes.len() as u64 <= room {
        return bytes.len();
    }
    let room = room as usize;
    let mut end = room;
    while end > 0 && bytes.get(end - 1) != Some(&b'\n') {
        end -= 1;
    }
    // Where no line ends in what fits, the next file has more room, if this one has something in it.
    if end == 0 && size == 0 { room } else { end }
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn lines_stay_whole_where_they_can() {
        for (text, most, size, expected) in [
            ("ab\ncd\n", 6, 0, 6),
            ("ab\ncd\n", 5, 0, 3),
            ("ab\ncd\n", 6, 1, 3),
            ("ab\ncd\n", 6, 4, 0),
            ("ab\ncd\n", 6, 6, 0),
            ("ab\ncd\n", 6, 9, 0),
            ("abcdefgh", 3, 0, 3),
            ("abcdefgh", 3, 1, 0),
            ("abcdefgh", u64::MAX, u64::MAX - 9, 8),
        ] {
            assert_eq!(fitting(text.as_bytes(), most, size), expected, "{text:?} {most} {size}");
        }
    }
}
