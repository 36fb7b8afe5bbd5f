//! `probe`: one question, answered by the exit code.

mod file;
mod http;
mod program;
mod tcp;

use crate::buffer::Buffer;
use crate::duration::Duration;
use crate::kernel::clock::Deadline;
use crate::kernel::signal;
use crate::message::{end, misuse};
use crate::text;
use crate::words::Words;

use http::{Expected, Url};
use tcp::Endpoint;

/// What can be asked, by its place among these names.
const KINDS: [&[u8]; 4] = [b"http", b"tcp", b"exec", b"file"];
const HTTP: usize = 0;
const TCP: usize = 1;
const EXEC: usize = 2;
const FILE: usize = 3;

/// Their options: the first is a file's, the second all others', the rest http's.
const OPTIONS: [&str; 4] = ["newer-than=", "timeout=", "status=", "header="];

/// The most bytes of headers to send.
const MOST_HEADERS: usize = 4096;

/// A question, as it stands on the command line.
pub struct Probe {
    kind: usize,
    /// What it is about; of a command, all the words that it is made of.
    words: Words,
    target: &'static [u8],
    /// How long it may take; of a file, how old it may be.
    limit: Duration,
    expected: Expected,
    headers: [u8; MOST_HEADERS],
    header_length: usize,
}

/// Asks once.
pub fn run(arguments: Words, environment: Words) -> u8 {
    if Probe::read(arguments).ask(environment, Deadline::NEVER) {
        return 0;
    }
    end(1)
}

impl Probe {
    /// Reads the question from the command line, and ends if it makes no sense.
    #[inline(never)]
    pub fn read(mut words: Words) -> Self {
        signal::end_when_asked();
        let name = words.take().to_bytes();
        let Some(kind) = KINDS.iter().position(|kind| text::same(kind, name)) else {
            misuse("expected http, tcp, exec or file to probe, found %", name);
        };
        let limit = if kind == FILE { Duration::INFINITE } else { Duration::seconds(1) };
        let expected = Expected { lowest: 200, highest: 399 };
        let mut probe =
            Self { kind, words, target: b"", limit, expected, headers: [0; MOST_HEADERS], header_length: 0 };
        probe.options();
        probe.target = probe.words.peek().to_bytes();
        if probe.target.is_empty() {
            misuse("expected what to probe after %", name);
        }
        if kind != EXEC {
            let about = probe.words;
            probe.words.take();
            // Options may also come after what they are about.
            probe.options();
            if !probe.words.is_empty() {
                misuse("expected nothing more, found %", probe.words.peek().to_bytes());
            }
            probe.words = about;
        }
        match kind {
            HTTP => drop(Url::read(probe.target)),
            TCP => drop(Endpoint::read(probe.target, 0)),
            _ => {}
        }
        probe
    }

    #[inline(never)]
    fn options(&mut self) {
        let (start, end) = match self.kind {
            HTTP => (1, 4),
            FILE => (0, 1),
            _ => (1, 2),
        };
        let known = OPTIONS.get(start..end).unwrap_or_default();
        let Self { words, limit, expected, headers, header_length, .. } = self;
        words.options(known, &mut |option, value| match option {
            0 => *limit = Duration::parse(value.to_bytes()),
            1 => *expected = Expected::read(value.to_bytes()),
            _ => {
                let mut buffer = Buffer::at(headers, *header_length);
                http::add_header(&mut buffer, value.to_bytes());
                *header_length = buffer.as_bytes().len();
            }
        });
    }

    /// Asks: whether it is so; if not, with a message. `end` ends it earlier than its own timeout would.
    #[inline(never)]
    pub fn ask(&self, environment: Words, end: Deadline) -> bool {
        let deadline = Deadline::after(self.limit).or(end);
        match self.kind {
            HTTP => {
                let headers = text::first(&self.headers, self.header_length);
                http::ask(&Url::read(self.target), headers, &self.expected, deadline)
            }
            TCP => Endpoint::read(self.target, 0).connect(deadline).is_some(),
            EXEC => program::ask(self.words, environment, deadline),
            _ => file::ask(self.words.peek(), self.limit),
        }
    }
}
