//! A mirror over HTTP on the loopback, as faulty as a test wants it.

mod fault;
mod http;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

pub use fault::Fault;

use crate::Files;
use fault::Faults;

/// A running server. It listens on a port of its own and ends when it is dropped.
///
/// ```
/// use bareboat_testkit::{Files, Mirror};
/// let mirror = Mirror::serve(Files::from_iter([("hello".to_owned(), b"hi".to_vec())]));
/// assert!(mirror.url().starts_with("http://127.0.0.1:"));
/// assert_eq!(mirror.requests().len(), 0);
/// ```
pub struct Mirror {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// One request that a mirror got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path without a leading slash, percent-decoded.
    pub path: String,
    /// The first byte that a `Range` header asked for.
    pub from: Option<u64>,
}

#[derive(Default)]
struct Shared {
    files: Mutex<Arc<Files>>,
    faults: Mutex<Faults>,
    log: Mutex<Vec<Request>>,
    stopped: AtomicBool,
}

impl Mirror {
    /// Serves `files` from now on.
    ///
    /// # Panics
    /// When the loopback has no port left.
    pub fn serve(files: Files) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port on the loopback");
        let address = listener.local_addr().expect("a bound port");
        let shared = Arc::new(Shared { files: Mutex::new(Arc::new(files)), ..Shared::default() });
        let theirs = Arc::clone(&shared);
        let listener = std::thread::spawn(move || accept(&listener, &theirs));
        Self { address, shared, listener: Some(listener) }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves other files from now on, as a mirror does after an update.
    pub fn replace(&self, files: Files) {
        *lock(&self.shared.files) = Arc::new(files);
    }

    /// From now on every request whose path holds `part` meets `fault`. Earlier faults are tried first.
    pub fn fault(&self, part: &str, fault: Fault) {
        lock(&self.shared.faults).add(part, fault, None);
    }

    /// The next `times` requests whose path holds `part` meet `fault`.
    pub fn fault_times(&self, part: &str, fault: Fault, times: u32) {
        lock(&self.shared.faults).add(part, fault, Some(times));
    }

    /// Takes all faults away.
    pub fn mend(&self) {
        *lock(&self.shared.faults) = Faults::default();
    }

    /// All requests so far, in the order they came.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.log).clone()
    }

    /// How many requests so far had a path that holds `part`.
    pub fn count(&self, part: &str) -> usize {
        lock(&self.shared.log).iter().filter(|request| request.path.contains(part)).count()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.shared.log).clear();
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener out of `accept`; when even that fails it is left to the process's end.
        if TcpStream::connect(self.address).is_ok()
            && let Some(listener) = self.listener.take()
        {
            let _ = listener.join();
        }
    }
}

impl Shared {
    /// Waits, but no longer than the mirror lives. False when it has ended.
    fn wait(&self, duration: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(10);
        let mut left = duration;
        while !left.is_zero() && !self.stopped.load(Ordering::SeqCst) {
            let step = left.min(STEP);
            std::thread::sleep(step);
            left -= step;
        }
        !self.stopped.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // A client that hangs up, as a good one does on most faults, is no failure of the mirror.
            let _: io::Result<()> = http::answer(stream, &shared);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
