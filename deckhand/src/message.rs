//! What deckhand says when something is wrong, and how it ends then.
//!
//! There is one message at a time, in one place: a function that cannot do its part writes it and says `false`, and whoever
//! knows what that means says it, ends, or tries again. To hand the words upwards instead, through every return, would
//! make the program half as large again.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU8, Ordering};

use crate::buffer::Buffer;
use crate::kernel::{Errno, Fd, process};

/// Longer ones are cut.
const LONGEST: usize = 1024;

struct Message(UnsafeCell<([u8; LONGEST], usize)>);

// SAFETY: deckhand has one thread, and its signal handler does not come here. Tests have threads, each with a message of
// its own.
#[cfg(not(test))]
unsafe impl Sync for Message {}

#[cfg(not(test))]
static MESSAGE: Message = Message(UnsafeCell::new(([0; LONGEST], 0)));

#[cfg(test)]
thread_local! {
    static MESSAGE: Message = const { Message(UnsafeCell::new(([0; LONGEST], 0))) };
}

/// Changes the message, from its beginning or at its end.
#[inline(never)]
fn change(at_end: bool, change: &mut dyn FnMut(&mut Buffer<'_>)) {
    let apply = &mut |message: &Message| {
        // SAFETY: there is one thread, and the closures that are given here, all of this file, do not come here again: so
        // this is the only reference while it lasts.
        let (bytes, length) = unsafe { &mut *message.0.get() };
        let mut buffer = Buffer::at(bytes, if at_end { *length } else { 0 });
        change(&mut buffer);
        *length = buffer.as_bytes().len();
    };
    #[cfg(test)]
    MESSAGE.with(|message| apply(message));
    #[cfg(not(test))]
    apply(&MESSAGE);
}

/// The exit codes of what goes wrong: of a command line that makes no sense, and of all else.
static MISUSED: AtomicU8 = AtomicU8::new(2);
static FAILED: AtomicU8 = AtomicU8::new(1);

/// From now on deckhand runs another program, so that its own failures are 125: as of `env`, `timeout` and `nohup`.
pub fn run_another() {
    MISUSED.store(125, Ordering::Relaxed);
    FAILED.store(125, Ordering::Relaxed);
}

/// A new message: these words, with a name from outside, between backticks, in place of the `%` among them.
#[inline(never)]
pub fn note(text: &'static str, name: &[u8]) {
    change(false, &mut |message| {
        for byte in text.as_bytes() {
            if *byte == b'%' {
                message.push(b"`").push_name(name).push(b"`");
            } else {
                message.push_byte(*byte);
            }
        }
    });
}

/// As [`note`], and what the kernel says.
#[inline(never)]
pub fn note_error(text: &'static str, name: &[u8], error: Errno) {
    note(text, name);
    match error.text() {
        Some(text) => add(text),
        None => add_number(b"error ", error.0 as u64),
    }
}

/// Further words.
#[inline(never)]
pub fn add(text: &[u8]) {
    change(true, &mut |message| {
        message.push(text);
    });
}

/// Further words, and a number.
#[inline(never)]
pub fn add_number(text: &[u8], number: u64) {
    change(true, &mut |message| {
        message.push(text).push_number(number);
    });
}

/// Says the message on standard error, in one write, so that lines of several processes do not mix.
#[inline(never)]
pub fn say(before: &[u8]) {
    change(true, &mut |message| {
        let mut bytes = [0; LONGEST + 32];
        let mut line = Buffer::at(&mut bytes, 0);
        line.push(b"deckhand: ").push(before).push(message.as_bytes()).push(b"\n");
        // There is nobody to tell that standard error cannot be written to.
        let _ = Fd::ERROR.write_all(line.as_bytes());
    });
}

/// Says the message and ends.
#[inline(never)]
pub fn end(code: u8) -> ! {
    say(b"");
    process::exit(code)
}

/// Ends because of the command line.
#[inline(never)]
pub fn misuse(text: &'static str, name: &[u8]) -> ! {
    note(text, name);
    end(MISUSED.load(Ordering::Relaxed))
}

/// Ends because something could not be done.
#[inline(never)]
pub fn fail(text: &'static str, name: &[u8], error: Errno) -> ! {
    note_error(text, name, error);
    end(FAILED.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> String {
        let mut text = String::new();
        change(true, &mut |message| text = String::from_utf8(message.as_bytes().to_vec()).unwrap());
        text
    }

    #[test]
    fn names_and_errors_come_where_they_belong() {
        note_error("cannot open %: ", b"/a\x1b", Errno(2));
        assert_eq!(message(), "cannot open `/a\\x1b`: no such file or directory");
        note_error("cannot open %: ", &[b'x'; 2000], Errno(999));
        assert_eq!(message().len(), LONGEST);
        note("x", b"");
        add_number(b" ", 107);
        assert_eq!(message(), "x 107");
    }
}
