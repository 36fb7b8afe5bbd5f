//! As much of HTTP/1.1 as a mirror needs: one GET or HEAD a connection, with or without a range.
//!
//! By hand, because no well-behaved server library can be made to misbehave in these ways.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::{Fault, Request, Shared, lock};

/// More header lines than this are not read.
const MOST_HEADERS: usize = 100;

pub(super) fn answer(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let Some(request) = read_request(&stream)? else { return Ok(()) };
    lock(&shared.log).push(request.clone());
    let fault = lock(&shared.faults).take(&request.path);
    let body = lock(&shared.files).get(&request.path).cloned();
    let mut reply = Reply { stream: &stream, request: &request, shared };
    match (fault, body) {
        (Some(fault), body) => reply.faulty(fault, body)?,
        (None, Some(body)) => reply.file(&body, true)?,
        (None, None) => reply.status(404, "")?,
    }
    // Both sides are done: without this a client that sent more than was read would see a reset.
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut (&stream).take(1 << 20), &mut io::sink())?;
    Ok(())
}

fn read_request(stream: &TcpStream) -> io::Result<Option<Request>> {
    let mut lines = BufReader::new(stream.take(1 << 16)).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let mut from = None;
    for line in lines.take(MOST_HEADERS) {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("range")
        {
            let range = value.trim().strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
            from = range.and_then(|first| first.parse().ok());
        }
    }
    Ok(Some(Request { method: method.to_owned(), path: decode(target.trim_start_matches('/')), from }))
}

fn decode(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

struct Reply<'a> {
    stream: &'a TcpStream,
    request: &'a Request,
    shared: &'a Shared,
}

impl Reply<'_> {
    fn faulty(&mut self, fault: Fault, body: Option<Vec<u8>>) -> io::Result<()> {
        let body = body.unwrap_or_default();
        match fault {
            Fault::Status(status) => self.status(status, ""),
            Fault::Busy { retry_after } => self.status(503, &format!("Retry-After: {retry_after}\r\n")),
            Fault::HangUp => Ok(()),
            Fault::Redirect(to) => self.status(302, &format!("Location: {to}\r\n")),
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
                self.shared.wait(pause);
                Ok(())
            }
            Fault::Slow { chunk, pause } => {
                self.head(200, &length(body.len()))?;
                for piece in body.chunks(chunk.max(1)) {
                    self.body(piece)?;
                    if !self.shared.wait(pause) {
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

    fn file(&mut self, body: &[u8], ranges: bool) -> io::Result<()> {
        let from =
            self.request.from.filter(|_| ranges).map(|from| usize::try_from(from).unwrap_or(usize::MAX));
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

    fn status(&mut self, status: u16, headers: &str) -> io::Result<()> {
        let text = format!("the mirror says {status}\n");
        self.head(status, &(length(text.len()) + headers))?;
        self.body(text.as_bytes())
    }

    fn head(&mut self, status: u16, headers: &str) -> io::Result<()> {
        let head = format!("HTTP/1.1 {status} Testing\r\nConnection: close\r\n{headers}\r\n");
        self.stream.write_all(head.as_bytes())
    }

    fn body(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.request.method == "HEAD" { Ok(()) } else { self.stream.write_all(bytes) }
    }
}

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}\r\n")
}

fn corrupted(mut body: Vec<u8>) -> Vec<u8> {
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 0x01;
    }
    body
}
