//! Whether somebody takes connections at HOST:PORT.

use crate::kernel::Errno;
use crate::kernel::clock::Deadline;
use crate::kernel::socket::{Kind, Socket};
use crate::message::{misuse, note_error};
use crate::names::{self, Addresses};
use crate::text;

/// A host and a port.
pub struct Endpoint {
    /// A name or an address, without the brackets of IPv6.
    host: &'static [u8],
    port: u16,
    /// All of it as it was written.
    pub text: &'static [u8],
}

impl Endpoint {
    /// Reads HOST:PORT or [IPV6]:PORT, or ends; without a port only where there is a default, which is not 0.
    #[inline(never)]
    pub fn read(text: &'static [u8], default: u16) -> Self {
        let mut rest = text;
        let mut host = text::take(&mut rest, b":");
        if let Some(bracketed) = text::after(text, b"[") {
            rest = bracketed;
            host = text::take(&mut rest, b"]");
            // What follows is nothing, or a port; a `]` that is not there leaves nothing, as does a host that is.
            rest = text::after(rest, b":").unwrap_or(if rest.is_empty() { rest } else { b"x" });
        }
        let port = match rest.is_empty() && text.last() != Some(&b':') {
            true => default.into(),
            false => text::number(rest).unwrap_or_default(),
        };
        if host.is_empty() || !(1..65536).contains(&port) || !host.iter().all(u8::is_ascii_graphic) {
            misuse("expected HOST:PORT, such as db:5432 or [::1]:8080, found %", text);
        }
        Self { host, port: port as u16, text }
    }

    /// Connects to the first of the host's addresses that takes a connection; none with a message.
    #[inline(never)]
    pub fn connect(&self, deadline: Deadline) -> Option<Socket> {
        let mut addresses = Addresses::none();
        if !names::find(self.host, &mut addresses, deadline) {
            return None;
        }
        let mut last = Errno::NOT_FOUND;
        for address in addresses.as_slice() {
            match Socket::connect(Kind::Stream, address, self.port, deadline) {
                Ok(socket) => return Some(socket),
                Err(error) => last = error,
            }
        }
        note_error("cannot connect to %: ", self.text, last);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_hosts_and_ports() {
        for (text, default, host, port) in [
            ("db:5432", 0, "db", 5432),
            ("127.0.0.1:80", 0, "127.0.0.1", 80),
            ("[::1]:8080", 0, "::1", 8080),
            ("db", 80, "db", 80),
            ("[::1]", 80, "::1", 80),
        ] {
            let endpoint = Endpoint::read(text.as_bytes(), default);
            assert_eq!((endpoint.host, endpoint.port), (host.as_bytes(), port));
        }
    }
}
