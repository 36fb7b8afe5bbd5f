//! A connection to a client, encrypted or not.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

/// A connection, read and written by one thread.
pub(crate) struct Stream {
    plain: TcpStream,
    tls: Option<RefCell<ServerConnection>>,
}

impl Stream {
    pub(super) fn new(plain: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let tls = tls.map(ServerConnection::new).transpose().map_err(io::Error::other)?;
        Ok(Self { plain, tls: tls.map(RefCell::new) })
    }

    /// The server's end of it.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.plain.local_addr()
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Both sides are done: without this a client that sent more than was read would see a reset.
    pub(super) fn end(&self) -> io::Result<()> {
        if let Some(tls) = &self.tls {
            let mut tls = tls.borrow_mut();
            tls.send_close_notify();
            tls.write_tls(&mut &self.plain)?;
        }
        self.plain.shutdown(Shutdown::Write)?;
        io::copy(&mut (&self.plain).take(1 << 20), &mut io::sink())?;
        Ok(())
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.tls {
            Some(tls) => rustls::Stream::new(&mut *tls.borrow_mut(), &mut &self.plain).read(buffer),
            None => (&self.plain).read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.tls {
            Some(tls) => rustls::Stream::new(&mut *tls.borrow_mut(), &mut &self.plain).write(bytes),
            None => (&self.plain).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.tls {
            Some(tls) => rustls::Stream::new(&mut *tls.borrow_mut(), &mut &self.plain).flush(),
            None => (&self.plain).flush(),
        }
    }
}
