//! From a host's name to its addresses: literals and /etc/hosts. Asking name servers would take a seventh of all that deckhand
//! may have.

mod literal;

use crate::kernel::socket::Address;
use crate::kernel::{Errno, Fd};
use crate::message::note_error;
use crate::text::{Text, text};

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
        if let Some(place) = self.found.get_mut(self.count) {
            place.set(octets);
            self.count += 1;
        }
    }

    /// In the order in which to try them.
    pub fn as_mut_slice(&mut self) -> &mut [Address] {
        self.found.get_mut(..self.count).unwrap_or_default()
    }
}

/// Finds all addresses of a host: whether there is one; if not, with a message.
#[inline(never)]
pub fn find(host: Text<'_>, found: &mut Addresses) -> bool {
    literal(host, found);
    if found.count == 0 {
        find_in_hosts(host, found);
    }
    // RFC 6761, 6.3: this one needs no file.
    if found.count == 0 && host.same_word(text!("localhost")) {
        literal(text!("127.0.0.1"), found);
    }
    if found.count == 0 {
        note_error(text!("find the host"), host, Errno::NO_NAME_SERVER);
    }
    found.count > 0
}

#[inline(never)]
fn find_in_hosts(host: Text<'_>, found: &mut Addresses) {
    // So much of the file is read; more is not there.
    let mut bytes = [0; 16 << 10];
    if let Ok(file) = Fd::open(text!("/etc/hosts")) {
        // What cannot be read is not there either.
        let _ = file.fill(&mut bytes);
        file.close();
    }
    let mut line = Text::within(&mut bytes);
    while !line.is_empty() {
        let mut name = line.next_word();
        while !name.is_word_end() {
            if name.same_word(host) {
                literal(line, found);
                break;
            }
            name = name.next_word();
        }
        line = line.find(b'\n').next();
    }
}
