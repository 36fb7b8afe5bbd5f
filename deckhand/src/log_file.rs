//! A log file that is exchanged when it is full: F becomes F.1, F.1 becomes F.2, …

use core::ffi::CStr;

use crate::buffer::Buffer;
use crate::kernel::file::{Status, rename};
use crate::kernel::{Answer, Errno, Fd};
use crate::message::{add, add_number, fail, note, note_error, say};
use crate::text;

/// The log.
pub struct LogFile {
    path: &'static CStr,
    file: Fd,
    size: u64,
    /// The most bytes that a file may have; 0 for any number.
    most: u64,
    /// How many old files to keep.
    keep: u64,
    /// Bytes that could not be written since it last could.
    lost: u64,
}

impl LogFile {
    /// Opens it, making it if there is none, and goes on at its end. Or ends.
    #[inline(never)]
    pub fn open(path: &'static CStr, most: u64, keep: u64) -> Self {
        let mut status = Status::none();
        let opened = Fd::append(path).and_then(|file| file.status(&mut status).map(|()| file));
        match opened {
            Ok(file) if most == 0 || status.is_file() => {
                Self { path, file, size: status.size, most, keep, lost: 0 }
            }
            Ok(_) => fail("cannot keep the log % small, it is no file: ", path.to_bytes(), Errno::INVALID),
            Err(error) => fail("cannot open the log %: ", path.to_bytes(), error),
        }
    }

    /// Adds what the command wrote. The command matters more than its log: what cannot be written is told on standard
    /// error, once, and lost.
    #[inline(never)]
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = if self.most == 0 { bytes.len() } else { fitting(bytes, self.most, self.size) };
            if count == 0 {
                self.rotate();
            }
            self.write(text::first(bytes, count));
            bytes = text::from(bytes, count);
        }
    }

    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(count) => {
                    self.size += count as u64;
                    bytes = text::from(bytes, count);
                    self.tell_what_was_lost();
                }
                Err(error) => {
                    if self.lost == 0 {
                        self.complain("cannot write to the log %: ", error);
                    }
                    self.lost += bytes.len() as u64;
                    return;
                }
            }
        }
    }

    #[inline(never)]
    fn complain(&self, text: &'static str, error: Errno) {
        note_error(text, self.path.to_bytes(), error);
        add(b"; the command goes on");
        say(b"");
    }

    /// Says how much was lost, if any was.
    #[inline(never)]
    pub fn tell_what_was_lost(&mut self) {
        if self.lost > 0 {
            note("the log % lacks", self.path.to_bytes());
            add_number(b" so many bytes: ", self.lost);
            say(b"");
            self.lost = 0;
        }
    }

    fn rotate(&mut self) {
        // Whatever comes of it, the next attempt is after as many bytes again.
        self.size = 0;
        if let Err(error) = self.exchange() {
            self.complain("cannot rename the log %, it grows on: ", error);
        }
    }

    fn exchange(&mut self) -> Answer<()> {
        let (mut old, mut new) = ([0; 4096], [0; 4096]);
        for number in (0..self.keep).rev() {
            match rename(numbered(&mut old, self.path, number)?, numbered(&mut new, self.path, number + 1)?) {
                Err(Errno::NOT_FOUND) if number > 0 => {}
                answer => answer?,
            }
        }
        self.file = Fd::append(self.path)?;
        Ok(())
    }
}

#[inline(never)]
fn numbered<'b>(bytes: &'b mut [u8; 4096], path: &CStr, number: u64) -> Answer<&'b CStr> {
    let mut name = Buffer::at(bytes, 0);
    name.push(path.to_bytes());
    if number > 0 {
        name.push_byte(b'.');
        name.push_number(number);
    }
    name.push_byte(0);
    CStr::from_bytes_until_nul(bytes).map_err(|_| Errno::TOO_LONG)
}

/// How many of the bytes go into a file of at most `most` bytes that has `size`: whole lines, unless a line alone is too
/// long for any file.
#[inline(never)]
fn fitting(bytes: &[u8], most: u64, size: u64) -> usize {
    let room = usize::try_from(most.saturating_sub(size)).unwrap_or(usize::MAX);
    if bytes.len() <= room {
        return bytes.len();
    }
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
        ] {
            assert_eq!(fitting(text.as_bytes(), most, size), expected, "{text:?} {most} {size}");
        }
    }
}
