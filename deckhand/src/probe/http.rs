//! Whether a server answers with a status: one request of HTTP/1.1, of whose answer the first line is read. What comes after it is
//! never taken in, however long it is.

use super::tcp::{HOST, connect, endpoint};
use crate::buffer::Buffer;
use crate::duration::Duration;
use crate::kernel::clock::Deadline;
use crate::kernel::signal;
use crate::kernel::socket::Socket;
use crate::kernel::{Answer, Errno};
use crate::message::{misuse, note_error, note_number};
use crate::text::{PLACE, Text, text};
use crate::words::Words;

const OPTIONS: &[Text<'static>] = &[text!("timeout="), text!("status="), text!("header=")];

/// Asks.
#[inline(never)]
pub fn ask(mut words: Words, end: Deadline) -> bool {
    let (mut url, mut limit, mut expected) = (text!(""), Duration::SECOND, (200, 399));
    let mut again = words;
    loop {
        match words.option_or(OPTIONS, &mut url) {
            (0, value) => limit = Duration::parse(value),
            (1, value) => expected = statuses(value),
            (2, _) => {}
            _ => break,
        }
    }
    let (mut host, mut bytes) = ([0; HOST], [0; 2 * PLACE]);
    let mut request = Buffer::of(&mut bytes);
    let port = write(&mut request, url, &mut host);
    // What the request begins with was not known before all options were read.
    let mut target = text!("");
    loop {
        match again.option_or(OPTIONS, &mut target) {
            (2, value) => write_header(&mut request, value),
            (0 | 1, _) => {}
            _ => break,
        }
    }
    request.push_text(text!("\r\n"));
    if request.is_cut() {
        misuse(text!("URL and headers below 8 KiB"), url);
    }
    let deadline = Deadline::after(limit).or(end);
    signal::survive_broken_pipes();
    let Some(socket) = connect(url, Text::within(&mut host), port, deadline) else { return false };
    let status = socket.send(request.as_bytes()).and_then(|()| status(&socket, deadline));
    socket.close();
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            note_error(text!("get"), url, error);
            return false;
        }
    };
    if expected.0 <= status && status <= expected.1 {
        return true;
    }
    note_number(url, text!(" to answer otherwise than with the status "), status);
    false
}

/// Reads N, or N-M, or ends.
#[inline(never)]
fn statuses(text: Text<'static>) -> (u64, u64) {
    let (lowest, mut rest) = text.number();
    let mut highest = lowest;
    if rest.byte() == b'-' {
        (highest, rest) = rest.next().number();
    }
    if lowest < 100 || lowest > highest || highest > 999 || !rest.is_empty() {
        misuse(text!("a status such as 204 or 200-299"), text);
    }
    (lowest, highest)
}

/// Writes a header, NAME:VALUE, or ends.
#[inline(never)]
fn write_header(request: &mut Buffer<'_>, header: Text<'static>) {
    let mut rest = header;
    // A space in the name would be the end of it; a line's end anywhere the start of another header.
    while rest.byte().is_ascii_graphic() && rest.byte() != b':' {
        rest = rest.next();
    }
    let mut good = rest.byte() == b':' && header.byte() != b':';
    while !rest.is_empty() {
        good &= rest.byte() >= b' ' || rest.byte() == b'\t';
        rest = rest.next();
    }
    if !good {
        misuse(text!("a header NAME:VALUE on one line"), header);
    }
    request.push_text(header);
    request.push_text(text!("\r\n"));
}

/// Writes the beginning of the request for a URL, or ends; gives the host and the port.
#[inline(never)]
fn write(request: &mut Buffer<'_>, url: Text<'static>, host: &mut [u8; HOST]) -> u64 {
    let authority = url.after(text!("http://")).unwrap_or(text!(""));
    let (port, target) = endpoint(url, authority, 80, host);
    // A space or a line's end in it would be the end of the target or of the line.
    let mut rest = target;
    while rest.byte().is_ascii_graphic() {
        rest = rest.next();
    }
    if !rest.is_empty() || !matches!(target.byte(), b'/' | b'?' | b'#' | 0) {
        misuse(text!("http://HOST[:PORT]/PATH (no TLS, no password, in ASCII)"), url);
    }
    request.push_text(text!("GET "));
    if target.byte() != b'/' {
        request.push(b'/');
    }
    request.push_until(target, b'#');
    request.push_text(text!(" HTTP/1.1\r\nHost: "));
    // RFC 9112, 3.2: as in the URL.
    rest = authority;
    while rest.as_ptr() != target.as_ptr() {
        request.push(rest.byte());
        rest = rest.next();
    }
    request.push_text(text!("\r\nUser-Agent: deckhand\r\nAccept: */*\r\nConnection: close\r\n"));
    port
}

/// The answer's status.
#[inline(never)]
fn status(socket: &Socket, deadline: Deadline) -> Answer<u64> {
    // `HTTP/1.1 200`, the byte after it, and room for the zero byte: no more of the line says anything.
    let mut line = [0; 14];
    let mut length = 0;
    while length < 13 {
        match socket.receive(line.get_mut(length..13).unwrap_or_default(), deadline)? {
            0 => break,
            count => length += count,
        }
    }
    let (status, after) = match Text::within(&mut line).after(text!("HTTP/1.")) {
        Some(version) if version.byte().is_ascii_digit() && version.next().byte() == b' ' => {
            version.next().next().number()
        }
        _ => return Err(Errno::NOT_HTTP),
    };
    let good = (100..1000).contains(&status) && matches!(after.byte(), b' ' | b'\r' | b'\n');
    if good { Ok(status) } else { Err(Errno::NOT_HTTP) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &'static std::ffi::CStr) -> (String, u64) {
        let (mut bytes, mut host) = ([0; 2 * PLACE], [0; HOST]);
        let mut request = Buffer::of(&mut bytes);
        let port = write(&mut request, Text::of(url), &mut host);
        (String::from_utf8(request.as_bytes().to_vec()).unwrap(), port)
    }

    #[test]
    fn a_request_is_for_the_urls_path_and_host() {
        for (url, target, host, port) in [
            (c"http://[::1]:81?x#y", "/?x", "[::1]:81", 81),
            (c"http://h/a/b", "/a/b", "h", 80),
            (c"http://h", "/", "h", 80),
            (c"http://h#x", "/", "h", 80),
        ] {
            let (text, read) = request(url);
            assert!(
                text.starts_with(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ")),
                "{text}"
            );
            assert!(text.ends_with("close\r\n"));
            assert_eq!(read, port);
        }
    }

    #[test]
    fn statuses_are_one_or_a_range() {
        assert_eq!(statuses(text!("204")), (204, 204));
        assert_eq!(statuses(text!("200-299")), (200, 299));
    }
}
