//! As much of HTTP/1.1 as is needed to answer one request a connection, well or badly.
//!
//! By hand, because no well-behaved server library can be made to misbehave in these ways.

use std::io::{self, Write};

use super::{Alive, Fault, Stream};

/// An answer under way.
pub(crate) struct Reply<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) alive: &'a Alive,
    /// `HEAD` gets no body.
    pub(crate) is_head: bool,
    /// The first byte that was asked for.
    pub(crate) from: Option<u64>,
    /// Header lines that go with every answer but a fault's.
    pub(crate) headers: String,
}

impl Reply<'_> {
    /// Answers as the fault has it, where `body` would have been right.
    pub(crate) fn faulty(&mut self, fault: Fault, body: Option<Vec<u8>>) -> io::Result<()> {
        let body = body.unwrap_or_default();
        match fault {
            Fault::Status(status) => self.status(status, ""),
            Fault::Busy { retry_after } => self.status(503, &format!("Retry-After: {retry_after}\r\n")),
            Fault::HangUp | Fault::LoseAnswer | Fault::CutUpload { .. } => Ok(()),
            Fault::Redirect(to) => self.status(302, &format!("Location: {to}\r\n")),
            Fault::Answer { status, headers, body } => {
                let lines: String =
                    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                self.head(status, &(length(body.len()) + &lines))?;
                self.body(&body)
            }
            Fault::Body(other) => self.file(&other, false),
            Fault::NoRange => self.file(&body, false),
            Fault::Corrupt => self.file(&corrupted(body), true),
            Fault::Cut { after } => {
                self.head(200, &length(body.len()))?;
                self.body(&body[..after.min(body.len())])
            }
            Fault::Stall { after, pause } => {
                self.head(200, &length(body.len()))?;
                self.body(&body[..after.min(body.len())])?;
                self.alive.wait(pause);
                Ok(())
            }
            Fault::DripHead { pause } => {
                for byte in b"HTTP/1.1 200 Testing\r\nX-Long: ".iter().chain(std::iter::repeat(&b'x')) {
                    self.stream.write_all(&[*byte])?;
                    if !self.alive.wait(pause) {
                        break;
                    }
                }
                Ok(())
            }
            Fault::Slow { chunk, pause } => {
                self.head(200, &length(body.len()))?;
                for piece in body.chunks(chunk.max(1)) {
                    self.body(piece)?;
                    if !self.alive.wait(pause) {
                        break;
                    }
                }
                Ok(())
            }
            Fault::TooLong { extra } => {
                self.head(200, "")?;
                self.body(&body)?;
                self.body(&vec![b'x'; extra])
            }
        }
    }

    /// Answers with bytes, or the part of them that was asked for.
    pub(crate) fn file(&mut self, body: &[u8], ranges: bool) -> io::Result<()> {
        let from = self.from.filter(|_| ranges).map(|from| usize::try_from(from).unwrap_or(usize::MAX));
        match from {
            None => {
                self.head(200, &length(body.len()))?;
                self.body(body)
            }
            Some(from) if from < body.len() => {
                let range = format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
                self.head(206, &(length(body.len() - from) + &range))?;
                self.body(&body[from..])
            }
            Some(_) => self.status(416, &format!("Content-Range: bytes */{}\r\n", body.len())),
        }
    }

    /// Answers with a short text.
    pub(crate) fn status(&mut self, status: u16, headers: &str) -> io::Result<()> {
        let text = if status == 204 { String::new() } else { format!("the server says {status}\n") };
        let length = if status == 204 { String::new() } else { length(text.len()) };
        self.head(status, &(length + headers))?;
        self.body(text.as_bytes())
    }

    /// The first lines of an answer.
    pub(crate) fn head(&mut self, status: u16, headers: &str) -> io::Result<()> {
        let own = &self.headers;
        let head = format!("HTTP/1.1 {status} Testing\r\nConnection: close\r\n{own}{headers}\r\n");
        let mut stream = self.stream;
        stream.write_all(head.as_bytes())
    }

    /// What follows them.
    pub(crate) fn body(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.stream;
        if self.is_head { Ok(()) } else { stream.write_all(bytes) }
    }
}

/// The line that says how long the body is.
pub(crate) fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}\r\n")
}

fn corrupted(mut body: Vec<u8>) -> Vec<u8> {
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 0x01;
    }
    body
}
