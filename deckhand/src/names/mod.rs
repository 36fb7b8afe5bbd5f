//! From a host's name to its addresses: literals, /etc/hosts, name servers.

mod dns;
mod hosts;
mod lines;
mod literal;
mod resolver;

use crate::kernel::clock::Deadline;
use crate::kernel::socket::Address;
use crate::message::note;
use crate::text;

use lines::Lines;
use literal::literal;

/// As many addresses of one host as are tried.
const MOST: usize = 8;

/// Some addresses.
pub struct Addresses {
    found: [Address; MOST],
    count: usize,
}

impl Addresses {
    /// None yet.
    pub const fn none() -> Self {
        Self { found: [Address::NONE; MOST], count: 0 }
    }

    /// Adds the address of 4 or 16 bytes.
    #[inline(never)]
    fn push(&mut self, octets: &[u8]) {
        if let Some(place) = self.found.get_mut(self.count)
            && place.set(octets)
        {
            self.count += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// In the order in which to try them.
    pub fn as_slice(&self) -> &[Address] {
        self.found.get(..self.count).unwrap_or_default()
    }
}

/// Finds all addresses of a host: whether there is one; if not, with a message.
#[inline(never)]
pub fn find(host: &[u8], found: &mut Addresses, deadline: Deadline) -> bool {
    let mut file = Lines::none();
    if !literal(host, found) {
        hosts::find(host, file.read(c"/etc/hosts"), found);
    }
    // RFC 6761, 6.3: never asked of a name server.
    if found.is_empty() && text::same_name(host, b"localhost") {
        let _ = literal(b"127.0.0.1", found) && literal(b"::1", found);
    }
    if found.is_empty() {
        // In case that nothing more is to be said.
        note("there is no host %", host);
        resolver::find(host, file.read(c"/etc/resolv.conf"), found, deadline);
    }
    !found.is_empty()
}
