//! `exec`: runs a command with its output in a log file, as `sh -c 'exec COMMAND >>FILE 2>&1'` does; with rotation.

use crate::child::start;
use crate::duration::Duration;
use crate::kernel::clock::Deadline;
use crate::kernel::file::{Poll, pipe, poll};
use crate::kernel::process::{RUNNING, ended, kill};
use crate::kernel::signal::{self, Set};
use crate::kernel::{Answer, Errno, Fd};
use crate::log_file::LogFile;
use crate::message::{fail, misuse, note_error, run_another, say};
use crate::text::{Text, text};
use crate::words::Words;

/// So often something is still taken from a pipe whose program has ended: as much as fits into the largest one.
const REST: usize = (1 << 20) / AT_ONCE;
/// At most so many bytes can be written at once without waiting, once there is room in a pipe (POSIX: PIPE_BUF).
const AT_ONCE: usize = 4096;

/// Runs the command.
pub fn run(mut words: Words, environment: Words) -> u8 {
    run_another();
    let (mut log, mut stdout) = (LogFile::none(), false);
    loop {
        match words.option(&[text!("log-file="), text!("also-stdout"), text!("max-size="), text!("keep=")]) {
            (0, value) => log.path = value,
            (1, _) => stdout = true,
            (2, value) => log.most = bytes(value),
            (3, value) => log.keep = count(value),
            _ => break,
        }
    }
    if words.is_empty() {
        misuse(text!("a command"), text!(""));
    }
    if log.is_none() && (stdout || log.most < u64::MAX) || log.most == u64::MAX && log.keep > 1 {
        misuse(text!("--log-file with --also-stdout and --max-size, --max-size with --keep"), words.peek());
    }
    if !log.is_none() {
        log.open();
    }
    watch(words, environment, &mut log, stdout)
}

/// What comes of a call without which nothing goes on.
fn must<T>(answer: Answer<T>) -> T {
    match answer {
        Ok(value) => value,
        Err(error) => cannot(error),
    }
}

#[inline(never)]
fn cannot(error: Errno) -> ! {
    fail(text!("watch"), text!("the command"), error)
}

/// A size: digits, and perhaps K, M or G (of 1024).
#[inline(never)]
fn bytes(text: Text<'static>) -> u64 {
    let (number, rest) = text.number();
    let shift = match rest.byte() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        _ => 0,
    };
    let ends = if shift > 0 { rest.next() } else { rest };
    match number.checked_mul(1 << shift) {
        Some(size @ 1..) if ends.is_empty() && size < u64::MAX => size,
        _ => misuse(text!("a size such as 65536, 64K, 10M or 1G"), text),
    }
}

#[inline(never)]
fn count(text: Text<'static>) -> u64 {
    match text.number() {
        (count @ 1..100, rest) if rest.is_empty() => count,
        _ => misuse(text!("a number of old files from 1 to 99"), text),
    }
}

/// Sees to what the command writes, to its signals, and to its end; gives its exit code.
#[inline(never)]
fn watch(words: Words, environment: Words, log: &mut LogFile, mut stdout: bool) -> u8 {
    signal::keep_children();
    // Held back for good: a broken pipe and a full quota are then errors of the write instead of the end of us.
    let mask = Set::FORWARDED.block();
    let signals = must(Set::FORWARDED.open());
    let [pipe, writing] = must(pipe());
    let output = if log.is_none() { None } else { Some(&writing) };
    let child = must(start(words, environment, output, mask, false)) as i32;
    // The pipe ends with the command.
    writing.close();
    let mut buffer = [0; AT_ONCE];
    // What of the buffer is still to be written to standard output.
    let mut waiting: &[u8] = &[];
    let mut is_open = !log.is_none();
    let (mut code, mut patience, mut rest) = (RUNNING, Deadline::NEVER, REST);
    loop {
        // For room for what was read, else for something to read.
        let output = match is_open {
            _ if !waiting.is_empty() => Poll::writable(&Fd::OUTPUT),
            true => Poll::readable(&pipe),
            false => Poll::IDLE,
        };
        // When the command has ended, what it left in the pipe is taken. Whoever else still holds the pipe is not waited for, and
        // whoever does not read our output for a second neither.
        let deadline = if code != RUNNING && waiting.is_empty() { Deadline::NOW } else { patience };
        let mut polls = [Poll::readable(&signals), output];
        if must(poll(&mut polls, deadline)) == 0 || rest == 0 {
            break;
        }
        let [signaled, output] = polls;
        if signaled.is_ready() {
            let ended = heed(&signals, child);
            if ended != RUNNING {
                (code, patience) = (ended, Deadline::after(Duration::SECOND));
            }
        }
        if !output.is_ready() {
            continue;
        }
        if waiting.is_empty() {
            let count = must(pipe.read(&mut buffer));
            is_open = count > 0;
            let read = buffer.get(..count).unwrap_or_default();
            log.append(read);
            waiting = if stdout { read } else { &[] };
            rest -= usize::from(code != RUNNING);
            continue;
        }
        match Fd::OUTPUT.write(waiting) {
            Ok(count) => waiting = waiting.get(count..).unwrap_or_default(),
            Err(Errno::AGAIN) => {}
            Err(error) => {
                // The log goes on without it.
                note_error(text!("write to"), text!("standard output"), error);
                say();
                (waiting, stdout) = (&[], false);
            }
        }
    }
    log.tell_what_was_lost();
    code as u8
}

/// Takes one signal: a child's end, or one to forward. The exit code when the command has ended.
#[inline(never)]
fn heed(signals: &Fd, child: i32) -> i32 {
    let signal = must(signal::next(signals));
    if signal == signal::CHILD {
        return ended(child);
    }
    if signal != signal::NOT_SENT {
        kill(child, signal);
    }
    RUNNING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [(c"1", 1), (c"64K", 65536), (c"10M", 10 << 20), (c"1G", 1 << 30)] {
            assert_eq!(bytes(Text::of(text)), expected);
        }
    }
}
