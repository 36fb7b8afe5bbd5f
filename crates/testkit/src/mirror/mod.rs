//! A mirror over HTTP on the loopback, as faulty as a test wants it.

use std::io::{self, BufReader};
use std::sync::{Arc, Mutex};

use crate::Files;
use crate::serve::{Alive, Fault, Faults, Head, Reply, Server, Stream, decode, lock};

/// A running server. It listens on a port of its own and ends when it is dropped.
///
/// ```
/// use bareboat_testkit::{Files, Mirror};
/// let mirror = Mirror::serve(Files::from_iter([("hello".to_owned(), b"hi".to_vec())]));
/// assert!(mirror.url().starts_with("http://127.0.0.1:"));
/// assert_eq!(mirror.requests().len(), 0);
/// ```
pub struct Mirror {
    server: Server,
    shared: Arc<Shared>,
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
}

impl Mirror {
    /// Serves `files` from now on.
    ///
    /// # Panics
    /// When the loopback has no port left.
    pub fn serve(files: Files) -> Self {
        let shared = Arc::new(Shared { files: Mutex::new(Arc::new(files)), ..Shared::default() });
        let theirs = Arc::clone(&shared);
        let server = Server::start(None, move |stream, alive| answer(stream, alive, &theirs));
        Self { server, shared }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
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

fn answer(stream: &Stream, alive: &Alive, shared: &Shared) -> io::Result<()> {
    let Some(head) = Head::read(&mut BufReader::new(stream))? else { return Ok(()) };
    let path = decode(head.target.trim_start_matches('/'));
    let request = Request { method: head.method.clone(), path, from: head.from() };
    lock(&shared.log).push(request.clone());
    let fault = lock(&shared.faults).take(&request.path);
    let body = lock(&shared.files).get(&request.path).cloned();
    let (is_head, from) = (request.method == "HEAD", request.from);
    let mut reply = Reply { stream, alive, is_head, from, headers: String::new() };
    match (fault, body) {
        (Some(fault), body) => reply.faulty(fault, body),
        (None, Some(body)) => reply.file(&body, true),
        (None, None) => reply.status(404, ""),
    }
}
