//! Whether somebody takes connections at HOST:PORT.

use crate::buffer::Buffer;
use crate::duration::Duration;
use crate::kernel::Errno;
use crate::kernel::clock::Deadline;
use crate::kernel::socket::Socket;
use crate::message::{misuse, note_error};
use crate::names::{self, Addresses};
use crate::text::{Text, text};
use crate::words::Words;

/// Room for a host and a zero byte: a name has at most 253 (RFC 1035, 2.3.4).
pub const HOST: usize = 256;

/// Asks.
#[inline(never)]
pub fn ask(mut words: Words, end: Deadline) -> bool {
    let (mut target, mut limit) = (text!(""), Duration::SECOND);
    while let (0, value) = words.option_or(&[text!("timeout=")], &mut target) {
        limit = Duration::parse(value);
    }
    let mut host = [0; HOST];
    let (port, rest) = endpoint(target, target, 0, &mut host);
    if !rest.is_empty() {
        misuse(text!("HOST:PORT, such as db:5432 or [::1]:8080"), target);
    }
    let socket = connect(target, Text::within(&mut host), port, Deadline::after(limit).or(end));
    let connected = socket.is_some();
    socket.into_iter().for_each(Socket::close);
    connected
}

/// Reads HOST:PORT or [IPV6]:PORT, or ends: puts the host in its place, and gives the port and what follows. Without a port
/// only where there is a default, which is not 0. `all` is what a message shows.
#[inline(never)]
pub fn endpoint(
    all: Text<'static>,
    text: Text<'static>,
    default: u64,
    host: &mut [u8; HOST],
) -> (u64, Text<'static>) {
    let mut host = Buffer::of(host);
    let bracketed = text.after(text!("["));
    let mut rest = bracketed.unwrap_or(text);
    while rest.byte().is_ascii_graphic() && !matches!(rest.byte(), b']' | b'/' | b'?' | b'#' | b'@') {
        if rest.byte() == b':' && bracketed.is_none() {
            break;
        }
        host.push(rest.byte());
        rest = rest.next();
    }
    if bracketed.is_some() {
        rest = rest.after(text!("]")).unwrap_or(text!(" "));
    }
    let mut port = default;
    if rest.byte() == b':' {
        (port, rest) = rest.next().number();
    }
    if host.length == 0 || host.length >= HOST || !(1..65536).contains(&port) {
        misuse(text!("HOST:PORT, such as db:5432 or [::1]:8080"), all);
    }
    (port, rest)
}

/// Connects to the first of the host's addresses that takes a connection; none with a message, about `all`.
#[inline(never)]
pub fn connect(all: Text<'_>, host: Text<'_>, port: u64, deadline: Deadline) -> Option<Socket> {
    let mut addresses = Addresses::none();
    if !names::find(host, &mut addresses) {
        return None;
    }
    let mut last = Errno::NOT_FOUND;
    for address in addresses.as_mut_slice() {
        match Socket::connect(address, port as u16, deadline) {
            Ok(socket) => return Some(socket),
            Err(error) => last = error,
        }
    }
    note_error(text!("connect to"), all, last);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_hosts_and_ports() {
        for (text, default, host, port, rest) in [
            (c"db:5432", 0, "db", 5432, 0),
            (c"127.0.0.1:80", 0, "127.0.0.1", 80, 0),
            (c"[::1]:8080/x", 0, "::1", 8080, b'/'),
            (c"db?x", 80, "db", 80, b'?'),
            (c"[::1]#x", 80, "::1", 80, b'#'),
        ] {
            let mut place = [0; HOST];
            let text = Text::of(text);
            let (read, after) = endpoint(text, text, default, &mut place);
            assert_eq!((read, after.byte()), (port, rest));
            assert!(place.starts_with(host.as_bytes()) && place[host.len()] == 0);
        }
    }
}
