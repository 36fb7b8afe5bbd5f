//! Sockets, as far as a client needs them.

use super::clock::Deadline;
use super::file::{Fd, Poll, poll};
use super::{Answer, Errno, address as address_of, call, number, room};

/// What kind of connection.
#[derive(Clone, Copy)]
pub enum Kind {
    /// TCP.
    Stream = 1,
    /// UDP.
    Datagram = 2,
}

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const SOCK_NONBLOCK: usize = 0o4000;
const SOCK_CLOEXEC: usize = 0o2_000_000;

/// A connection that never waits for longer than it is told.
pub struct Socket(Fd);

impl Socket {
    /// Connects before the deadline.
    #[inline(never)]
    pub fn connect(kind: Kind, address: &Address, port: u16, deadline: Deadline) -> Answer<Self> {
        let kind = kind as usize | SOCK_NONBLOCK | SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let socket = Self(
            unsafe { call(number::SOCKET, usize::from(address.family()), kind, 0, 0, 0) }.map(Fd::opened)?,
        );
        let mut target = *address;
        target.put(2, &port.to_be_bytes());
        // SAFETY: the kernel reads `length` bytes, which is at most the 28 that there are.
        match unsafe {
            call(number::CONNECT, socket.0.number(), address_of(&target.bytes), target.length(), 0, 0)
        } {
            Err(Errno::IN_PROGRESS) => socket.finish(deadline)?,
            answer => drop(answer?),
        }
        Ok(socket)
    }

    fn finish(&self, deadline: Deadline) -> Answer<()> {
        const SOL_SOCKET: usize = 1;
        const SO_ERROR: usize = 4;
        self.wait(Poll::writable(&self.0), deadline)?;
        let (mut error, mut length) = (0u32, 4u32);
        // SAFETY: the kernel writes an int and its length, for which there is room.
        unsafe {
            call(
                number::GETSOCKOPT,
                self.0.number(),
                SOL_SOCKET,
                SO_ERROR,
                room(&mut error),
                room(&mut length),
            )
        }?;
        if error == 0 { Ok(()) } else { Err(Errno(error as usize)) }
    }

    fn wait(&self, what: Poll, deadline: Deadline) -> Answer<()> {
        if poll(&mut [what], deadline)? { Ok(()) } else { Err(Errno::TIMED_OUT) }
    }

    /// Sends all of the bytes before the deadline.
    #[inline(never)]
    pub fn send(&self, mut bytes: &[u8], deadline: Deadline) -> Answer<()> {
        while !bytes.is_empty() {
            match self.0.write(bytes) {
                Err(Errno::AGAIN) => self.wait(Poll::writable(&self.0), deadline)?,
                count => bytes = crate::text::from(bytes, count?),
            }
        }
        Ok(())
    }

    /// Takes what comes before the deadline, and says how much; nothing at the end.
    pub fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> Answer<usize> {
        self.wait(Poll::readable(&self.0), deadline)?;
        self.0.read(buffer)
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

    /// Becomes the address of these bytes; whether they are 4 or 16.
    #[inline(never)]
    pub fn set(&mut self, octets: &[u8]) -> bool {
        // Family, port, four bytes of flow information in IPv6; then the address.
        let (family, start) = if octets.len() == 4 { (AF_INET, 4) } else { (AF_INET6, 8) };
        self.bytes[0] = family;
        self.put(start, octets);
        matches!(octets.len(), 4 | 16)
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

/// Bytes that nobody can guess.
pub fn random() -> [u8; 2] {
    let mut bytes = [0u8; 2];
    // SAFETY: the kernel writes at most two bytes to the array.
    let _ = unsafe { call(number::GETRANDOM, room(&mut bytes), 2, 0, 0, 0) };
    bytes
}
