//! An engine of containers on a Unix socket, which keeps the archives that it is sent.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An engine that knows three requests: `images/NAME/json`, `images/NAME/get` and `images/load`. It listens until the test's
/// process ends.
pub struct FakeEngine {
    socket: PathBuf,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// What the engine saves under a name, and the ID that it tells.
    images: BTreeMap<String, (String, Vec<u8>)>,
    loaded: Vec<Vec<u8>>,
    requests: Vec<String>,
    story: Option<String>,
    cut: Option<usize>,
}

impl FakeEngine {
    /// An engine without images, whose socket is `socket`.
    ///
    /// # Panics
    /// When nobody can listen there.
    pub fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket for the engine");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&theirs);
                // A client that hangs up is no failure of the engine.
                std::thread::spawn(move || drop(converse(&stream, &shared)));
            }
        });
        Self { socket: socket.to_owned(), shared }
    }

    /// As `DOCKER_HOST` names it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Gives it an image: its ID, and what `docker save` makes of it.
    pub fn put(&self, name: &str, id: &str, archive: Vec<u8>) {
        lock(&self.shared).images.insert(name.to_owned(), (id.to_owned(), archive));
    }

    /// What it was sent to load.
    pub fn loaded(&self) -> Vec<Vec<u8>> {
        lock(&self.shared).loaded.clone()
    }

    /// All requests, as `METHOD PATH`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared).requests.clone()
    }

    /// What it tells from now on when it was sent an image.
    pub fn tell(&self, story: &str) {
        lock(&self.shared).story = Some(story.to_owned());
    }

    /// From now on it hangs up after so many bytes of an image.
    pub fn cut_after(&self, bytes: usize) {
        lock(&self.shared).cut = Some(bytes);
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn converse(stream: &UnixStream, shared: &Mutex<Shared>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    lock(shared).requests.push(format!("{method} {target}"));
    if method == "POST" {
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        lock(shared).loaded.push(body);
        let story = lock(shared).story.clone();
        return answer(stream, "200 OK", story.unwrap_or("{\"stream\":\"Loaded\"}\n".to_owned()).as_bytes());
    }
    let name = target.strip_prefix("/images/").and_then(|rest| rest.rsplit_once('/'));
    let image = name.and_then(|(name, what)| Some((lock(shared).images.get(name)?.clone(), what)));
    match image {
        Some(((id, _), "json")) => answer(stream, "200 OK", format!("{{\"Id\":\"{id}\"}}").as_bytes()),
        Some(((_, archive), _)) => {
            let cut = lock(shared).cut.unwrap_or(archive.len()).min(archive.len());
            chunked(stream, &archive[..cut], cut == archive.len())
        }
        None => answer(stream, "404 Not Found", b"{\"message\":\"No such image\"}"),
    }
}

fn answer(mut stream: &UnixStream, status: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)
}

/// As engines send images: they do not know the length before.
fn chunked(mut stream: &UnixStream, body: &[u8], whole: bool) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")?;
    for chunk in body.chunks(10_000) {
        write!(stream, "{:x}\r\n", chunk.len())?;
        stream.write_all(chunk)?;
        stream.write_all(b"\r\n")?;
    }
    if whole { stream.write_all(b"0\r\n\r\n") } else { Ok(()) }
}
