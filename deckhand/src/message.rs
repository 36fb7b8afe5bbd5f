//! What deckhand says when something is wrong, and how it ends then.
//!
//! There is one message at a time, in one place: a function that cannot do its part writes it and says `false`, and whoever
//! knows what that means says it, ends, or tries again. To hand the words upwards instead, through every return, would
//! make the program half as large again. Atomic, for that is safe without locks; there is one thread.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::kernel::{Errno, Fd, process};
use crate::text::{Text, text};

/// Longer ones are cut.
const LONGEST: usize = 1024;

static BYTES: [AtomicU8; LONGEST] = [const { AtomicU8::new(0) }; LONGEST];
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// What goes wrong is deckhand's own when it is not the program's that it runs.
static RUNS_ANOTHER: AtomicU8 = AtomicU8::new(0);

/// From now on deckhand runs another program, so that its own failures are 125: as of `env`, `timeout` and `nohup`.
pub fn run_another() {
    RUNS_ANOTHER.store(125, Ordering::Relaxed);
}

#[inline(never)]
fn push(byte: u8) {
    let length = LENGTH.load(Ordering::Relaxed);
    if let Some(place) = BYTES.get(length) {
        place.store(byte, Ordering::Relaxed);
        LENGTH.store(length + 1, Ordering::Relaxed);
    }
}

/// A name from outside, between backticks: what a terminal could take for a command is written as `?`.
#[inline(never)]
fn add_name(mut name: Text<'_>) {
    push(b'`');
    while !name.is_empty() {
        let byte = name.byte();
        push(if byte < b' ' || byte == 0x7f { b'?' } else { byte });
        name = name.next();
    }
    push(b'`');
}

/// Further words.
#[inline(never)]
pub fn add(mut text: Text<'_>) {
    while !text.is_empty() {
        push(text.byte());
        text = text.next();
    }
}

/// A number.
#[inline(never)]
pub fn add_number(number: u64) {
    if number >= 10 {
        add_number(number / 10);
    }
    push(b'0' + (number % 10) as u8);
}

/// A new message: ``cannot VERB `NAME`: `` and what the kernel says.
#[inline(never)]
pub fn note_error(verb: Text<'static>, name: Text<'_>, error: Errno) {
    begin(text!("cannot "));
    add(verb);
    add(text!(" "));
    add_name(name);
    add(text!(": "));
    match error.text() {
        Some(mut text) => {
            while !text.is_empty() && text.byte() != b';' {
                push(text.byte());
                text = text.next();
            }
        }
        None => add_number(error.0 as u64),
    }
}

/// A new message: ``expected `NAME` `` and these words, which the number ends.
#[inline(never)]
pub fn note_number(name: Text<'_>, text: Text<'static>, number: u64) {
    begin(text!("expected "));
    add_name(name);
    add(text);
    add_number(number);
}

#[inline(never)]
fn begin(text: Text<'static>) {
    LENGTH.store(0, Ordering::Relaxed);
    add(text!("deckhand: "));
    add(text);
}

/// Says the message on standard error, in one write, so that lines of several processes do not mix.
#[inline(never)]
pub fn say() {
    push(b'\n');
    let length = LENGTH.load(Ordering::Relaxed);
    // SAFETY: so many of these bytes there are; an AtomicU8 is as a u8, and nothing changes them while the slice lives.
    let line = unsafe { core::slice::from_raw_parts(BYTES.as_ptr().cast::<u8>(), length) };
    // There is nobody to tell that standard error cannot be written to.
    let _ = Fd::ERROR.write_all(line);
}

/// Says the message and ends.
pub fn end(code: u8) -> ! {
    say();
    process::exit(code)
}

/// Ends because of the command line: ``expected WHAT, found `NAME```.
#[inline(never)]
pub fn misuse(what: Text<'static>, name: Text<'_>) -> ! {
    begin(text!("expected "));
    add(what);
    add(text!(", found "));
    add_name(name);
    end(RUNS_ANOTHER.load(Ordering::Relaxed).max(2))
}

/// Ends because something could not be done: ``cannot VERB `NAME`: `` and what the kernel says.
#[inline(never)]
pub fn fail(verb: Text<'static>, name: Text<'_>, error: Errno) -> ! {
    note_error(verb, name, error);
    end(RUNS_ANOTHER.load(Ordering::Relaxed).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> String {
        let length = LENGTH.load(Ordering::Relaxed);
        let bytes = BYTES.iter().take(length).map(|byte| byte.load(Ordering::Relaxed)).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn names_and_errors_come_where_they_belong() {
        note_error(text!("open"), Text::of(c"/a\x1b\x7f"), Errno(2));
        assert_eq!(message(), "deckhand: cannot open `/a??`: no such file or directory");
        note_error(text!("write to"), text!("x"), Errno(122));
        assert_eq!(message(), "deckhand: cannot write to `x`: disk quota exceeded");
        note_error(text!("x"), text!("y"), Errno(999));
        assert_eq!(message(), "deckhand: cannot x `y`: 999");
        note_number(text!("x"), text!(" to be "), 107);
        assert_eq!(message(), "deckhand: expected `x` to be 107");
        let long = std::ffi::CString::new(vec![b'x'; 2000]).unwrap();
        note_error(text!("open"), Text::of(&long), Errno(2));
        assert_eq!(message().len(), LONGEST);
    }
}
