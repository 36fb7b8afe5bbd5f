//! Connections, as far as a client needs them.

use super::clock::Deadline;
use super::file::Fd;
use super::{Answer, address as address_of, call, number};

const SO_RCVTIMEO: usize = 20;
const SO_SNDTIMEO: usize = 21;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// A connection that never waits for longer than it is told.
pub struct Socket(Fd);

impl Socket {
    /// Connects before the deadline.
    #[inline(never)]
    pub fn connect(address: &mut Address, port: u16, deadline: Deadline) -> Answer<Self> {
        const SOCK_STREAM: usize = 1;
        const SOCK_CLOEXEC: usize = 0o2_000_000;
        let family = usize::from(address.family());
        // SAFETY: no pointers.
        let socket = Self(
            unsafe { call(number::SOCKET, family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0) }.map(Fd::opened)?,
        );
        address.put(2, &port.to_be_bytes());
        socket.hurry(SO_SNDTIMEO, deadline)?;
        // SAFETY: the kernel reads as many bytes as the address has.
        let made = unsafe {
            call(number::CONNECT, socket.0.number(), address_of(&address.bytes), address.length(), 0, 0)
        };
        match made {
            Ok(_) => Ok(socket),
            Err(error) => {
                socket.close();
                Err(error)
            }
        }
    }

    /// From now on what would wait beyond the deadline is an error: EAGAIN, or EINPROGRESS of connecting (socket(7)).
    #[inline(never)]
    fn hurry(&self, option: usize, deadline: Deadline) -> Answer<usize> {
        const SOL_SOCKET: usize = 1;
        // Seconds and microseconds, of which none at all would be for ever.
        let left = (deadline.remaining().0 / 1000).max(1);
        let time = [left / 1_000_000, left % 1_000_000];
        // SAFETY: the kernel reads a `struct timeval`, which is two such numbers.
        unsafe { call(number::SETSOCKOPT, self.0.number(), SOL_SOCKET, option, address_of(&time), 16) }
    }

    /// Sends all of the bytes, which are fewer than the kernel takes without waiting.
    pub fn send(&self, bytes: &[u8]) -> Answer<()> {
        self.0.write_all(bytes)
    }

    /// Takes what comes before the deadline, and says how much; nothing at the end.
    pub fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> Answer<usize> {
        self.hurry(SO_RCVTIMEO, deadline)?;
        self.0.read(buffer)
    }

    /// Hangs up.
    pub fn close(self) {
        self.0.close();
    }
}

/// An address as the kernel has it: `struct sockaddr_in` or `struct sockaddr_in6`.
#[derive(Clone, Copy)]
pub struct Address {
    bytes: [u8; 28],
}

impl Address {
    /// No address.
    pub const NONE: Self = Self { bytes: [0; 28] };

    /// Becomes the address of these 4 or 16 bytes.
    #[inline(never)]
    pub fn set(&mut self, octets: &[u8]) {
        // Family, port, four bytes of flow information in IPv6; then the address.
        let (family, start) = if octets.len() == 4 { (AF_INET, 4) } else { (AF_INET6, 8) };
        self.bytes[0] = family;
        self.put(start, octets);
    }

    #[inline(never)]
    fn put(&mut self, start: usize, bytes: &[u8]) {
        self.bytes.iter_mut().skip(start).zip(bytes).for_each(|(place, byte)| *place = *byte);
    }

    fn family(&self) -> u8 {
        self.bytes[0]
    }

    fn length(&self) -> usize {
        if self.family() == AF_INET { 16 } else { 28 }
    }
}

#[cfg(test)]
impl Address {
    /// The same for the standard library.
    pub fn to_std(self) -> std::net::IpAddr {
        match self.family() {
            AF_INET => <[u8; 4]>::try_from(&self.bytes[4..8]).unwrap().into(),
            _ => <[u8; 16]>::try_from(&self.bytes[8..24]).unwrap().into(),
        }
    }
}
