//! `exec`: runs a command with its output in a log file, as `sh -c 'exec COMMAND >>FILE 2>&1'` does; with rotation.

use crate::child::Start;
use crate::duration::Duration;
use crate::kernel::clock::Deadline;
use crate::kernel::file::{Poll, pipe, poll};
use crate::kernel::process::{ended, kill};
use crate::kernel::signal::{self, Set, Signals};
use crate::kernel::{Answer, Errno, Fd};
use crate::log_file::LogFile;
use crate::message::{end, fail, misuse, note_error, run_another, say};
use crate::text;
use crate::words::Words;

/// So much is still taken from a pipe whose program has ended: what fits into the largest one.
const REST: usize = 1 << 20;
/// At most so many bytes can be written at once without waiting, once there is room in a pipe (POSIX: PIPE_BUF).
const AT_ONCE: usize = 4096;

/// Runs the command.
pub fn run(mut words: Words, environment: Words) -> u8 {
    run_another();
    let (mut path, mut stdout, mut size, mut keep) = (c"", false, 0, 0);
    words.options(&["log-file=", "also-stdout", "max-size=", "keep="], &mut |option, value| match option {
        0 => path = value,
        1 => stdout = true,
        2 => size = bytes(value.to_bytes()),
        _ => keep = count(value.to_bytes()),
    });
    if words.is_empty() {
        misuse("expected a command", b"");
    }
    if path.is_empty() && (stdout || size > 0) || size == 0 && keep > 0 {
        misuse("--also-stdout and --max-size are for a --log-file, and --keep is for --max-size", b"");
    }
    let log = (!path.is_empty()).then(|| LogFile::open(path, size, keep.max(1)));
    let watched = Watch::start(words, environment, log, stdout).and_then(|mut watch| watch.until_the_end());
    match watched {
        Ok(code) => code,
        Err(error) => fail("cannot watch over the command: ", b"", error),
    }
}

/// A size: digits, and perhaps K, M or G (of 1024).
#[inline(never)]
fn bytes(text: &[u8]) -> u64 {
    let mut rest = text;
    let digits = text::take(&mut rest, b"KMG");
    // The unit is the last of the bytes, or there is none.
    let place = text::position(b"KMG", text::from(text, digits.len())) as u32;
    let shift = if digits.len() == text.len() { 0 } else { 10 * (place + 1) };
    match text::number(digits).and_then(|number| number.checked_mul(1 << shift)) {
        Some(size @ 1..) if rest.is_empty() => size,
        _ => misuse("expected a size such as 65536, 64K, 10M or 1G, found %", text),
    }
}

#[inline(never)]
fn count(text: &[u8]) -> u64 {
    match text::number(text) {
        Some(count @ 1..100) => count,
        _ => misuse("expected a number of old files from 1 to 99, found %", text),
    }
}

/// What is seen to while the command runs.
struct Watch {
    child: i32,
    signals: Signals,
    pipe: Option<Fd>,
    log: Option<LogFile>,
    stdout: bool,
    /// What of the buffer is still to be written to standard output: from where to where.
    start: usize,
    end: usize,
    buffer: [u8; AT_ONCE],
}

impl Watch {
    #[inline(never)]
    fn start(words: Words, environment: Words, log: Option<LogFile>, stdout: bool) -> Answer<Self> {
        signal::keep_children();
        // Held back for good: a broken pipe and a full quota are then errors of the write instead of the end of us.
        let mask = Set::FORWARDED.block();
        let signals = Set::FORWARDED.open()?;
        let (reading, writing) = pipe()?;
        let output = log.is_some().then_some(&writing);
        let start = Start { words, environment, output, mask, leads_group: false };
        let child = start.start().unwrap_or_else(|code| end(code));
        // `writing` ends here, so that the pipe ends with the command.
        let pipe = log.is_some().then_some(reading);
        Ok(Self { child, signals, pipe, log, stdout, start: 0, end: 0, buffer: [0; AT_ONCE] })
    }

    #[inline(never)]
    fn until_the_end(&mut self) -> Answer<u8> {
        loop {
            let mut polls = [Poll::readable(self.signals.fd()), self.output()];
            poll(&mut polls, Deadline::NEVER)?;
            let [signals, output] = polls;
            if output.is_ready() {
                self.carry()?;
            }
            if signals.is_ready()
                && let Some(code) = self.heed()?
            {
                self.finish()?;
                return Ok(code);
            }
        }
    }

    /// Takes one signal: a child's end, or one to forward. The exit code when the command has ended.
    #[inline(never)]
    fn heed(&mut self) -> Answer<Option<u8>> {
        let signal = self.signals.next()?;
        let mut code = None;
        if signal.number != signal::CHILD {
            if signal.is_sent {
                kill(self.child, signal.number);
            }
        } else {
            // One signal may stand for many children; as process 1, orphans are among them.
            while let Some(ended) = ended(false) {
                if ended.process == self.child {
                    code = Some(ended.code);
                }
            }
        }
        Ok(code)
    }

    /// What there is to wait for: room for what was read, else something to read.
    #[inline(never)]
    fn output(&self) -> Poll {
        match &self.pipe {
            _ if self.start < self.end => Poll::writable(&Fd::OUTPUT),
            Some(pipe) => Poll::readable(pipe),
            None => Poll::IDLE,
        }
    }

    /// One step of that.
    #[inline(never)]
    fn carry(&mut self) -> Answer<()> {
        if self.start < self.end {
            self.write_on();
        } else if let Some(pipe) = &self.pipe {
            let count = pipe.read(&mut self.buffer)?;
            if count == 0 {
                self.pipe = None;
            }
            if let Some(log) = &mut self.log {
                log.append(text::first(&self.buffer, count));
            }
            (self.start, self.end) = (0, if self.stdout { count } else { 0 });
        }
        Ok(())
    }

    fn write_on(&mut self) {
        match Fd::OUTPUT.write(text::from(text::first(&self.buffer, self.end), self.start)) {
            Ok(count) => self.start += count,
            Err(Errno::AGAIN) => {}
            Err(error) => {
                // The log goes on without it.
                note_error("cannot write to standard output, it gets no more: ", b"", error);
                say(b"");
                (self.end, self.stdout) = (0, false);
            }
        }
    }

    /// Takes what the command left in the pipe. Whoever else still holds the pipe is not waited for, and whoever does not
    /// read our output for a second neither.
    #[inline(never)]
    fn finish(&mut self) -> Answer<()> {
        let patience = Deadline::after(Duration::seconds(1));
        for _ in 0..REST / AT_ONCE {
            let deadline = if self.start < self.end { patience } else { Deadline::after(Duration(0)) };
            if !poll(&mut [self.output()], deadline)? {
                break;
            }
            self.carry()?;
        }
        if let Some(log) = &mut self.log {
            log.tell_what_was_lost();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [("1", 1), ("64K", 65536), ("10M", 10 << 20), ("1G", 1 << 30)] {
            assert_eq!(bytes(text.as_bytes()), expected);
        }
    }
}
