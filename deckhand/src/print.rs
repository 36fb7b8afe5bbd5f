//! `print`: files as one JSON object, for programs that read them through `kubectl exec` and its like.

use crate::base64::{self, GROUPS};
use crate::command;
use crate::kernel::file::Status;
use crate::kernel::{Answer, Errno, Fd, signal};
use crate::message::{fail, misuse};
use crate::text::{Text, text};
use crate::words::Words;

/// So many files at most: each is open until all are.
const MOST: usize = 64;

/// Prints.
pub fn run(arguments: Words, _environment: Words) -> u8 {
    signal::end_when_asked();
    let mut files = [const { Fd::NONE }; MOST];
    let count = open_all(arguments, &mut files);
    print(arguments, files.get(..count).unwrap_or_default());
    0
}

/// Opens what the words name, all before anything is printed; says how many there are.
#[inline(never)]
fn open_all(mut words: Words, files: &mut [Fd; MOST]) -> usize {
    for (number, place) in files.iter_mut().enumerate() {
        let word = words.take();
        let mut name = word;
        while (b' '..0x7f).contains(&name.byte()) && name.byte() != b'=' {
            name = name.next();
        }
        let path = name.next();
        if word.byte() == b'=' || name.byte() != b'=' || path.is_empty() {
            misuse(text!("NAME=PATH such as tls.crt=/certs/tls.crt, in printable ASCII"), word);
        }
        let mut others = words;
        while !others.is_empty() {
            if is_same_name(word, others.take()) {
                misuse(text!("each name once"), word);
            }
        }
        match open(path) {
            Ok(file) => *place = file,
            Err(error) => fail(text!("open"), path, error),
        }
        if words.is_empty() {
            return number + 1;
        }
    }
    misuse(text!("at most 64 files"), words.peek());
}

fn open(path: Text<'_>) -> Answer<Fd> {
    let file = Fd::open(path)?;
    let mut status = Status::none();
    file.status(&mut status)?;
    if status.is_directory() { Err(Errno::IS_DIRECTORY) } else { Ok(file) }
}

fn is_same_name(mut a: Text<'_>, mut b: Text<'_>) -> bool {
    while a.byte() == b.byte() {
        if a.byte() == b'=' {
            return true;
        }
        (a, b) = (a.next(), b.next());
    }
    false
}

#[inline(never)]
fn print(mut words: Words, files: &[Fd]) {
    let mut before = b"{\"";
    for file in files {
        command::write(before);
        let word = words.take();
        print_name(word);
        command::write(b"\":\"");
        print_content(file, word.find(b'=').next());
        before = b",\"";
        command::write(b"\"");
    }
    command::write(b"}\n");
}

/// What stands before the `=`, as in a JSON string (RFC 8259, section 7).
fn print_name(mut word: Text<'_>) {
    while word.byte() != b'=' {
        if matches!(word.byte(), b'"' | b'\\') {
            command::write(b"\\");
        }
        command::write(&[word.byte()]);
        word = word.next();
    }
}

/// A file's content in base64.
#[inline(never)]
fn print_content(file: &Fd, path: Text<'_>) {
    // As many bytes as there are threes in it, so that only a file's last bytes can be fewer.
    let (mut bytes, mut digits) = ([0; 3 * GROUPS], [0; 4 * GROUPS]);
    loop {
        let count = match file.fill(&mut bytes) {
            Ok(count) => count,
            Err(error) => fail(text!("read"), path, error),
        };
        let length = base64::encode(&mut bytes, count, &mut digits);
        command::write(digits.get(..length).unwrap_or_default());
        if count < bytes.len() {
            return;
        }
    }
}
