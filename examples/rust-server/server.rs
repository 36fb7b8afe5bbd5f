//! A small HTTP/1.1 server of the files in /srv/www: GET only, one thread a connection, no dependency.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Component, Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

const ROOT: &str = "/srv/www";
/// Longer request heads are cut off; the request is then answered with 400.
const LONGEST_HEAD: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    match listen(&port) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("cannot listen on port {port}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn listen(port: &str) -> io::Result<std::convert::Infallible> {
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    eprintln!("listening on {}", listener.local_addr()?);
    loop {
        let (connection, _) = listener.accept()?;
        thread::spawn(move || {
            // A client that went away is no concern of ours.
            let _ = answer(connection);
        });
    }
}

fn answer(mut connection: TcpStream) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let request = request_line(&connection)?;
    let mut words = request.split_ascii_whitespace();
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET"), Some("/healthz")) => ("200 OK", b"ok\n".to_vec()),
        (Some("GET"), Some(target)) => match file_for(target).and_then(|path| fs::read(path).ok()) {
            Some(content) => ("200 OK", content),
            None => ("404 Not Found", b"not found\n".to_vec()),
        },
        (Some(_), Some(_)) => ("405 Method Not Allowed", b"only GET\n".to_vec()),
        _ => ("400 Bad Request", b"bad request\n".to_vec()),
    };
    write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    connection.write_all(&body)
}

/// Reads the whole head, so that closing the connection does not reset it, and keeps its first line.
fn request_line(connection: &TcpStream) -> io::Result<String> {
    let mut head = BufReader::new(connection.take(LONGEST_HEAD));
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = first.clone();
    while !line.trim_end().is_empty() {
        line.clear();
        head.read_line(&mut line)?;
    }
    Ok(first)
}

/// The file that a request target names; none when the target would lead out of the root.
fn file_for(target: &str) -> Option<PathBuf> {
    let relative = Path::new(target.split('?').next()?.strip_prefix('/')?);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let path = Path::new(ROOT).join(relative);
    Some(if path.is_dir() { path.join("index.html") } else { path })
}
