//! Whether a server answers with a status: one request of HTTP/1.1, of whose answer only the head is read.

use super::tcp::Endpoint;
use crate::buffer::Buffer;
use crate::kernel::clock::Deadline;
use crate::kernel::signal;
use crate::kernel::socket::Socket;
use crate::message::{add_number, misuse, note, note_error};
use crate::text;

/// The longest request.
const LONGEST_REQUEST: usize = 8192;
/// The most that the head of an answer may have.
const LARGEST_HEAD: u32 = 64 << 10;

/// The status in answers that are good.
pub struct Expected {
    pub lowest: u64,
    pub highest: u64,
}

impl Expected {
    /// Reads N, or N-M, or ends.
    #[inline(never)]
    pub fn read(text: &[u8]) -> Self {
        let mut rest = text;
        let first = text::take(&mut rest, b"-");
        let lowest = text::number(first).unwrap_or_default();
        let highest = if first.len() == text.len() { Some(lowest) } else { text::number(rest) };
        match highest {
            Some(highest @ ..1000) if lowest >= 100 && lowest <= highest => Self { lowest, highest },
            _ => misuse("expected a status such as 204 or 200-299, found %", text),
        }
    }
}

/// A URL in its parts.
pub struct Url {
    whole: &'static [u8],
    endpoint: Endpoint,
    /// Path and query, without the slash at its beginning.
    target: &'static [u8],
}

impl Url {
    /// Reads a URL, or ends.
    #[inline(never)]
    pub fn read(whole: &'static [u8]) -> Self {
        let rest = text::after(whole, b"http://").unwrap_or_default();
        let authority = text::first(rest, text::position(rest, b"/?#"));
        let mut target = text::from(rest, authority.len());
        let target = text::take(&mut target, b"#");
        // A space or a line's end in it would be the end of the target or of the line.
        if authority.is_empty()
            || !whole.iter().all(u8::is_ascii_graphic)
            || text::position(authority, b"@") < authority.len()
        {
            misuse("expected http://HOST[:PORT]/PATH (no TLS, no password, in ASCII), found %", whole);
        }
        let target = text::after(target, b"/").unwrap_or(target);
        Self { whole, endpoint: Endpoint::read(authority, 80), target }
    }
}

/// Adds a header to send, NAME:VALUE, or ends.
#[inline(never)]
pub fn add_header(headers: &mut Buffer<'_>, header: &[u8]) {
    let name = text::position(header, b":");
    // A line's end in it would be the start of another header; a space in the name, the end of it.
    let is_good = |(at, byte): (usize, &u8)| {
        if at < name { byte.is_ascii_graphic() } else { *byte >= b' ' || *byte == b'\t' }
    };
    if name == 0 || name == header.len() || !header.iter().enumerate().all(is_good) {
        misuse("expected a header NAME:VALUE on one line, found %", header);
    }
    headers.push(header).push(b"\r\n");
    if headers.is_cut() {
        misuse("expected less than 4 KiB of headers, found too many at %", header);
    }
}

/// Asks.
#[inline(never)]
pub fn ask(url: &Url, headers: &[u8], expected: &Expected, deadline: Deadline) -> bool {
    let mut bytes = [0; LONGEST_REQUEST];
    let mut request = Buffer::at(&mut bytes, 0);
    // RFC 9112, 3.2: the host first.
    request.push(b"GET /").push(url.target).push(b" HTTP/1.1\r\nHost: ").push(url.endpoint.text);
    request
        .push(b"\r\nUser-Agent: deckhand\r\nAccept: */*\r\nConnection: close\r\n")
        .push(headers)
        .push(b"\r\n");
    if request.is_cut() {
        misuse("expected a URL of less than 4 KiB, found %", url.whole);
    }
    signal::survive_broken_pipes();
    let Some(socket) = url.endpoint.connect(deadline) else { return false };
    if let Err(error) = socket.send(request.as_bytes(), deadline) {
        note_error("cannot ask %: ", url.whole, error);
        return false;
    }
    match status(url, &socket, deadline) {
        0 => false,
        status if (expected.lowest..=expected.highest).contains(&status) => true,
        status => {
            note("expected % to answer with", url.whole);
            add_number(b" ", expected.lowest);
            add_number(b"-", expected.highest);
            add_number(b", it answered with ", status);
            false
        }
    }
}

/// The answer's status; 0 with a message.
#[inline(never)]
fn status(url: &Url, socket: &Socket, deadline: Deadline) -> u64 {
    let (mut head, mut buffer) = (Head::new(), [0u8; 2048]);
    loop {
        let count = match socket.receive(&mut buffer, deadline) {
            Ok(count) => count,
            Err(error) => {
                note_error("cannot get an answer of %: ", url.whole, error);
                return 0;
            }
        };
        match head.feed(text::first(&buffer, count)) {
            None if count > 0 => {}
            Some(status @ 1..) => return status,
            _ => {
                note("expected an answer in HTTP/1 of %, with a whole head of at most 64 KiB", url.whole);
                return 0;
            }
        }
    }
}

/// The head of an answer, as it comes in.
struct Head {
    /// The beginning of the first line: `HTTP/1.1 200`.
    first: [u8; 13],
    length: usize,
    in_first: bool,
    /// Whether the current line has nothing in it yet.
    empty: bool,
    total: u32,
}

impl Head {
    const fn new() -> Self {
        Self { first: [0; 13], length: 0, in_first: true, empty: true, total: 0 }
    }

    /// Takes more of the answer: the status when the head is complete, 0 when it is none.
    #[inline(never)]
    fn feed(&mut self, bytes: &[u8]) -> Option<u64> {
        for &byte in bytes {
            self.total += 1;
            if self.total > LARGEST_HEAD {
                return Some(0);
            }
            if self.in_first && byte >= b' ' {
                let mut first = Buffer::at(&mut self.first, self.length);
                first.push_byte(byte);
                self.length = first.as_bytes().len();
            }
            if byte == b'\n' {
                let status = self.status();
                if self.empty || status == 0 {
                    if !matches!(status, 100 | 102..200) {
                        return Some(status);
                    }
                    // A provisional answer, after which the real one comes; 101 is the last.
                    *self = Self { total: self.total, ..Self::new() };
                } else {
                    (self.in_first, self.empty) = (false, true);
                }
            } else if byte != b'\r' {
                self.empty = false;
            }
        }
        None
    }

    /// The status in the first line (RFC 9112, section 4); 0 if it is none.
    fn status(&self) -> u64 {
        let [version @ .., a, b, c] = text::first(&self.first, 12) else { return 0 };
        let is_whole = self.length >= 12 && (self.length == 12 || self.first[12] == b' ');
        let is_http = text::same(text::first(version, 7), b"HTTP/1.") && version.last() == Some(&b' ');
        match text::number(&[*a, *b, *c]) {
            Some(status @ 100..) if is_whole && is_http => status,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(text: &[u8], at_once: usize) -> Option<u64> {
        let mut head = Head::new();
        text.chunks(at_once).find_map(|chunk| head.feed(chunk))
    }

    #[test]
    fn the_status_is_read_when_the_head_is_whole() {
        for (text, expected) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", Some(200)),
            ("HTTP/1.0 404\r\n\r\n", Some(404)),
            ("HTTP/1.1 204 \n\n", Some(204)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Not yet\r\n\r\n", Some(503)),
            ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Some(200)),
            ("HTTP/1.1 101 Switching\r\n\r\n", Some(101)),
            ("HTTP/1.1 200 OK\r\nA: b\r\n", None),
            ("", None),
            ("SSH-2.0-OpenSSH\r\n", Some(0)),
            ("HTTP/2 200\r\n", Some(0)),
            ("HTTP/1.1 2000 OK\r\n", Some(0)),
            ("HTTP/1.1 +20 OK\r\n", Some(0)),
            ("HTTP/1.1 20\r\n", Some(0)),
            ("HTTP/1.1 099 x\r\n", Some(0)),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", Some(0)),
        ] {
            for at_once in [1, 2, 7, 1000] {
                assert_eq!(feed(text.as_bytes(), at_once), expected, "{text:?} by {at_once}");
            }
        }
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let mut text = b"HTTP/1.1 200 OK\r\n".to_vec();
        text.resize(70_000, b'x');
        assert_eq!(feed(&text, 1000), Some(0));
    }

    #[test]
    fn urls_and_statuses_are_read() {
        let url = Url::read(b"http://[::1]:81?x#y");
        assert_eq!((url.endpoint.text, url.target), (&b"[::1]:81"[..], &b"?x"[..]));
        assert_eq!(Url::read(b"http://h/a/b").target, b"a/b");
        for (text, lowest, highest) in [("204", 204, 204), ("200-299", 200, 299)] {
            let expected = Expected::read(text.as_bytes());
            assert_eq!((expected.lowest, expected.highest), (lowest, highest));
        }
    }
}
