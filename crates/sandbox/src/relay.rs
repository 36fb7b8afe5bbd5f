//! Bytes from one descriptor to another, as far as they go without waiting.
//!
//! Programs inside get pipes and not this process's own files and terminals: those they could open again through
//! /proc/self/fd, for more than they were meant for.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

const BUFFER: usize = 64 << 10;

/// What a terminal takes at once without making the writer wait, if it is ready at all.
const PIECE: usize = 4096;

/// Where the bytes go.
pub(crate) enum Sink {
    Descriptor(OwnedFd),
    /// Kept up to a limit, and dropped beyond it.
    Memory {
        kept: Vec<u8>,
        limit: usize,
        truncated: bool,
    },
}

/// One way for bytes.
pub(crate) struct Relay {
    from: Option<OwnedFd>,
    to: Option<Sink>,
    waiting: Vec<u8>,
    done: usize,
    is_input: bool,
    failed: Option<Errno>,
}

impl Relay {
    /// A way for what a program writes.
    pub(crate) fn new(from: OwnedFd, to: Sink) -> Self {
        Self { from: Some(from), to: Some(to), waiting: Vec::new(), done: 0, is_input: false, failed: None }
    }

    /// A way for what a program reads.
    pub(crate) fn into_program(from: OwnedFd, to: OwnedFd) -> Self {
        Self { is_input: true, ..Self::new(from, Sink::Descriptor(to)) }
    }

    /// What must happen before [`Relay::step`] gets on; nothing at its end.
    pub(crate) fn poll(&self) -> Option<PollFd<'_>> {
        let (from, to) = (self.from.as_ref(), self.to.as_ref()?);
        match to {
            Sink::Descriptor(to) if self.is_waiting() => {
                Some(PollFd::from_borrowed_fd(to.as_fd(), PollFlags::OUT))
            }
            _ => Some(PollFd::from_borrowed_fd(from?.as_fd(), PollFlags::IN)),
        }
    }

    /// Gets on, once [`Relay::poll`] says that it can. At the end, or when nobody takes any more, both ends are closed.
    pub(crate) fn step(&mut self) {
        if self.is_waiting() {
            self.write();
        } else {
            self.read();
        }
    }

    /// Brings what a program wrote to its end; for when nobody is left to write more.
    pub(crate) fn drain(&mut self) {
        while !self.is_input
            && let Some(poll) = self.poll()
        {
            // What is not there now will not come; what is here must be got rid of, however long that takes.
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            let wait = if self.is_waiting() { None } else { Some(&at_once) };
            match rustix::event::poll(&mut [poll], wait) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => self.step(),
                Err(_) => break,
            }
        }
    }

    /// Why what a program wrote could not be passed on, if so.
    pub(crate) fn failure(&self) -> Option<Errno> {
        self.failed
    }

    /// What was kept since the last time, and whether it is not all.
    pub(crate) fn take(&mut self) -> (Vec<u8>, bool) {
        match &mut self.to {
            Some(Sink::Memory { kept, truncated, .. }) => (std::mem::take(kept), std::mem::take(truncated)),
            _ => (Vec::new(), false),
        }
    }

    fn is_waiting(&self) -> bool {
        self.done < self.waiting.len()
    }

    fn read(&mut self) {
        let Some(from) = &self.from else { return };
        self.waiting.resize(BUFFER, 0);
        self.done = 0;
        let read = rustix::io::read(from, &mut self.waiting);
        self.waiting.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Err(Errno::INTR | Errno::AGAIN) => return,
            // A terminal that nobody has open at its other end any more fails (EIO) where a pipe ends.
            Ok(0) | Err(_) => return self.end(),
            Ok(_) => {}
        }
        if let Some(Sink::Memory { kept, limit, truncated }) = &mut self.to {
            let room = limit.saturating_sub(kept.len()).min(self.waiting.len());
            kept.extend_from_slice(&self.waiting[..room]);
            *truncated |= room < self.waiting.len();
            self.waiting.clear();
        }
    }

    fn write(&mut self) {
        let Some(Sink::Descriptor(to)) = &self.to else { return };
        let piece = &self.waiting[self.done..];
        match rustix::io::write(to, &piece[..piece.len().min(PIECE)]) {
            Ok(written) => self.done += written,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => {
                // That nobody reads any more is for the program to notice, as it does elsewhere.
                self.failed = Some(errno).filter(|&errno| !self.is_input && errno != Errno::PIPE);
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.from = None;
        self.waiting.clear();
        self.done = 0;
        if let Some(Sink::Descriptor(_)) = self.to {
            self.to = None;
        }
    }
}

/// A pipe whose end of ours does not make us wait.
pub(crate) fn pipe(ours_reads: bool) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let ours: BorrowedFd<'_> = if ours_reads { reader.as_fd() } else { writer.as_fd() };
    rustix::fs::fcntl_setfl(ours, rustix::fs::OFlags::NONBLOCK)?;
    Ok(if ours_reads { (reader, writer) } else { (writer, reader) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_no_more_than_its_limit() {
        let (reader, writer) = pipe(true).unwrap();
        let mut relay = Relay::new(reader, Sink::Memory { kept: Vec::new(), limit: 5, truncated: false });
        for text in ["abc", "def", "ghi"] {
            rustix::io::write(&writer, text.as_bytes()).unwrap();
            relay.step();
        }
        drop(writer);
        relay.drain();
        assert!(relay.poll().is_none());
        assert_eq!(relay.take(), (b"abcde".to_vec(), true));
    }

    #[test]
    fn bytes_arrive_in_order_and_the_end_too() {
        let (from, writer) = pipe(true).unwrap();
        let (reader, to) = pipe(true).unwrap();
        let mut relay = Relay::new(from, Sink::Descriptor(to));
        let sent: Vec<u8> = (0..10_000_u32).flat_map(u32::to_ne_bytes).collect();
        rustix::io::write(&writer, &sent).unwrap();
        drop(writer);
        relay.drain();
        let mut received = vec![0; sent.len() + 1];
        let length = rustix::io::read(&reader, &mut received).unwrap();
        assert_eq!(received[..length], sent);
        assert_eq!(rustix::io::read(&reader, &mut received).unwrap(), 0);
    }
}
