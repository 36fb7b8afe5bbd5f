//! `print`: files as one JSON object, for programs that read them through `kubectl exec` and its like.

use core::ffi::CStr;

use crate::base64;
use crate::buffer::hexadecimal;
use crate::command;
use crate::kernel::file::Status;
use crate::kernel::{Answer, Errno, Fd, signal};
use crate::message::{fail, misuse};
use crate::text;
use crate::words::Words;

/// So many files at most: each is open until all are.
const MOST: usize = 64;

/// Prints.
pub fn run(arguments: Words, _environment: Words) -> u8 {
    signal::end_when_asked();
    let mut files = [const { None }; MOST];
    open_all(arguments, &mut files);
    let mut output = Output { bytes: [0; 4096], length: 0 };
    output.object(arguments, &files);
    // As the process ends here, the kernel closes them.
    core::mem::forget(files);
    0
}

/// Opens what the words name, all before anything is printed.
#[inline(never)]
fn open_all(words: Words, files: &mut [Option<Fd>; MOST]) {
    let mut places = files.iter_mut();
    let mut left = words;
    loop {
        let word = left.take();
        let name = name(word);
        let path = text::tail(word, name.len() + 1);
        if name.is_empty() || path.is_empty() || !text::is_utf8(name) {
            misuse(
                "expected NAME=PATH with NAME in UTF-8, such as tls.crt=/certs/tls.crt, found %",
                word.to_bytes(),
            );
        }
        if is_named_in(name, left) {
            misuse("expected each name once, found %", name);
        }
        let Some(place) = places.next() else { misuse("expected at most 64 files", b"") };
        match open(path) {
            Ok(file) => *place = Some(file),
            Err(error) => fail("cannot open %: ", path.to_bytes(), error),
        }
        if left.is_empty() {
            return;
        }
    }
}

#[inline(never)]
fn open(path: &CStr) -> Answer<Fd> {
    let file = Fd::open(path)?;
    let mut status = Status::none();
    file.status(&mut status)?;
    if status.is_directory() { Err(Errno::IS_DIRECTORY) } else { Ok(file) }
}

#[inline(never)]
fn name(word: &'static CStr) -> &'static [u8] {
    let mut rest = word.to_bytes();
    text::take(&mut rest, b"=")
}

#[inline(never)]
fn is_named_in(wanted: &[u8], mut words: Words) -> bool {
    while !words.is_empty() {
        if text::same(name(words.take()), wanted) {
            return true;
        }
    }
    false
}

/// Standard output, in few large writes.
struct Output {
    bytes: [u8; 4096],
    length: usize,
}

impl Output {
    #[inline(never)]
    fn object(&mut self, mut words: Words, files: &[Option<Fd>; MOST]) {
        self.byte(b'{');
        for file in files.iter().flatten() {
            let word = words.take();
            self.string(name(word));
            self.byte(b':');
            self.byte(b'"');
            self.content(file, word);
            self.byte(b'"');
            self.byte(if words.is_empty() { b'}' } else { b',' });
        }
        self.byte(b'\n');
        command::write(text::first(&self.bytes, self.length));
    }

    #[inline(never)]
    fn byte(&mut self, byte: u8) {
        if self.length == self.bytes.len() {
            command::write(&self.bytes);
            self.length = 0;
        }
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// A JSON string (RFC 8259, section 7).
    fn string(&mut self, text: &[u8]) {
        self.byte(b'"');
        for &byte in text {
            if byte < 0x20 {
                let escape = [b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), hexadecimal(byte & 15)];
                escape.into_iter().for_each(|byte| self.byte(byte));
                continue;
            }
            if byte == b'"' || byte == b'\\' {
                self.byte(b'\\');
            }
            self.byte(byte);
        }
        self.byte(b'"');
    }

    /// A file's content in base64.
    #[inline(never)]
    fn content(&mut self, file: &Fd, word: &CStr) {
        // As many bytes as there are threes in it, so that only a file's last bytes can be fewer.
        let mut buffer = [0u8; 3 * 1024];
        loop {
            let count = match file.fill(&mut buffer) {
                Ok(count) => count,
                Err(error) => fail("cannot read %: ", word.to_bytes(), error),
            };
            let mut rest = text::first(&buffer, count);
            while !rest.is_empty() {
                base64::digits(text::first(rest, 3)).into_iter().for_each(|digit| self.byte(digit));
                rest = text::from(rest, 3);
            }
            if count < buffer.len() {
                return;
            }
        }
    }
}
