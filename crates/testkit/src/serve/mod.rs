//! A server on the loopback: what the fake mirror and the fake registry have in common.

mod fault;
mod reply;
mod stream;

use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;

pub use fault::Fault;
pub(crate) use fault::Faults;
pub(crate) use reply::{Reply, length};
pub(crate) use stream::Stream;

/// More header lines than this are not read.
const MOST_HEADERS: usize = 100;

/// A listener on a port of its own, with a thread for each connection. It ends when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    alive: Arc<Alive>,
    listener: Option<JoinHandle<()>>,
}

/// Whether the server is still there.
#[derive(Default)]
pub(crate) struct Alive(AtomicBool);

impl Server {
    /// Hands each connection to `answer`; with TLS if there is a way to set that up.
    pub(crate) fn start(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Stream, &Alive) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port on the loopback");
        let address = listener.local_addr().expect("a bound port");
        let alive = Arc::new(Alive::default());
        let theirs = Arc::clone(&alive);
        let answer = Arc::new(answer);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if !theirs.is_there() {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (answer, alive, tls) = (Arc::clone(&answer), Arc::clone(&theirs), tls.clone());
                std::thread::spawn(move || {
                    // A client that hangs up, as a good one does on most faults, is no failure of the server.
                    let _: io::Result<()> = converse(stream, tls, &alive, &*answer);
                });
            }
        });
        Self { address, alive, listener: Some(listener) }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.alive.0.store(true, Ordering::SeqCst);
        // Wakes the listener out of `accept`; when even that fails it is left to the process's end.
        if TcpStream::connect(self.address).is_ok()
            && let Some(listener) = self.listener.take()
        {
            let _ = listener.join();
        }
    }
}

impl Alive {
    fn is_there(&self) -> bool {
        !self.0.load(Ordering::SeqCst)
    }

    /// Waits, but no longer than the server lives. False when it has ended.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(10);
        let mut left = duration;
        while !left.is_zero() && self.is_there() {
            let step = left.min(STEP);
            std::thread::sleep(step);
            left -= step;
        }
        self.is_there()
    }
}

fn converse(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    alive: &Alive,
    answer: impl Fn(&Stream, &Alive) -> io::Result<()>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let stream = Stream::new(stream, tls)?;
    answer(&stream, alive)?;
    stream.end()
}

/// The first lines of a request.
pub(crate) struct Head {
    pub(crate) method: String,
    /// As it came, with a query if there was one.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// None at the end of a connection.
    pub(crate) fn read(from: &mut BufReader<&Stream>) -> io::Result<Option<Self>> {
        let mut lines = from.take(1 << 16).lines();
        let Some(first) = lines.next().transpose()? else { return Ok(None) };
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let mut headers = Vec::new();
        for line in lines.take(MOST_HEADERS) {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Ok(Some(Self { method: method.to_owned(), target: target.to_owned(), headers }))
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(theirs, _)| theirs == name).map(|(_, value)| value.as_str())
    }

    /// The first byte that a `Range` header asks for.
    pub(crate) fn from(&self) -> Option<u64> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// Takes `%XX` apart.
pub(crate) fn decode(path: &str) -> String {
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
