//! `probe`: servers that answer, answer otherwise, answer slowly or not at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Outcome, run};

/// A server that gives each connection to a function; what it read before goes to the receiver.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = channel();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                match connection.read(&mut byte) {
                    Ok(1) => request.push(byte[0]),
                    _ => break,
                }
            }
            let _ = sender.send(String::from_utf8(request).unwrap());
            answer(connection);
        }
    });
    (port, requests)
}

/// A server that says this to everybody, and hangs up.
fn says(answer: &'static str) -> u16 {
    serve(move |mut connection| drop(connection.write_all(answer.as_bytes()))).0
}

fn http(port: u16, options: &[&str]) -> Outcome {
    let url = format!("http://127.0.0.1:{port}/health?x=1#part");
    let mut arguments = vec!["probe", "http"];
    arguments.extend(options);
    arguments.push(&url);
    run(&arguments)
}

#[test]
fn a_status_is_good_or_not() {
    for (answer, options, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &[][..], 0),
        ("HTTP/1.0 204 No Content\r\n\r\n", &[], 0),
        ("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n", &[], 0),
        ("HTTP/1.1 399\n\n", &[], 0),
        ("HTTP/1.1 400 Bad\r\n\r\n", &[], 1),
        ("HTTP/1.1 503 Busy\r\n\r\n", &[], 1),
        ("HTTP/1.1 503 Busy\r\n\r\n", &["--status", "503"], 0),
        ("HTTP/1.1 200 OK\r\n\r\n", &["--status=201-299"], 1),
        // Only the first line says anything.
        ("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", &[], 1),
        ("HTTP/1.1 200 \r", &[], 0),
    ] {
        let outcome = http(says(answer), options);
        assert_eq!(
            (outcome.code, &outcome.output[..]),
            (expected, &b""[..]),
            "{answer:?} {options:?}: {}",
            outcome.said
        );
        assert_eq!(outcome.said.is_empty(), expected == 0, "{}", outcome.said);
    }
}

#[test]
fn the_request_is_what_a_server_expects() {
    let (port, requests) = serve(|mut connection| drop(connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n")));
    assert_eq!(http(port, &["--header", "X-One: 1", "--header=Authorization: Bearer x"]).code, 0);
    assert_eq!(
        requests.recv().unwrap(),
        format!(
            "GET /health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: deckhand\r\nAccept: */*\r\nConnection: close\r\n\
             X-One: 1\r\nAuthorization: Bearer x\r\n\r\n"
        )
    );
    let url = format!("http://LocalHost:{port}");
    assert_eq!(run(&["probe", "http", &url, "--timeout", "5s"]).code, 0);
    assert!(requests.recv().unwrap().starts_with(&format!("GET / HTTP/1.1\r\nHost: LocalHost:{port}\r\n")));
}

#[test]
fn an_answer_that_is_none_is_no() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "SSH-2.0-OpenSSH_9\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "\r\n\r\n",
    ] {
        let outcome = http(says(answer), &["--timeout", "5s"]);
        assert_eq!(outcome.code, 1, "{answer:?}");
        assert!(outcome.said.contains("cannot get `http://127.0.0.1:"), "{}", outcome.said);
        assert!(outcome.said.ends_with(": not HTTP/1\n"), "{}", outcome.said);
    }
}

#[test]
fn a_head_without_end_is_not_read() {
    let (port, _) = serve(|mut connection| {
        // One endless line, then endless lines, after a status.
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n");
        for part in [&[b'x'; 4096][..], &b"a: b\r\n".repeat(500)] {
            while connection.write_all(part).is_ok() {}
        }
    });
    let began = Instant::now();
    assert_eq!(http(port, &["--timeout", "30s"]).code, 0);
    // In its place.
    let (port, _) = serve(|mut connection| while connection.write_all(&[b'x'; 4096]).is_ok() {});
    assert_eq!(http(port, &["--timeout", "30s"]).code, 1);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_slow_server_is_not_waited_for() {
    // Silent, and a byte at a time: the time is for all of it.
    for pause in [60_000, 100] {
        let (port, _) = serve(move |mut connection| {
            for byte in b"HTTP/1.1 200 OK\r\n\r\n".chunks(1) {
                thread::sleep(Duration::from_millis(pause));
                if connection.write_all(byte).is_err() {
                    return;
                }
            }
        });
        let began = Instant::now();
        let outcome = http(port, &["--timeout", "500ms"]);
        assert_eq!(outcome.code, 1);
        assert!(outcome.said.contains("timed out"), "{}", outcome.said);
        assert!((500..3000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    }
}

/// A port of this machine where nobody listens.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_refused_port_is_no() {
    let port = nobody();
    for outcome in [http(port, &[]), run(&["probe", "tcp", &format!("127.0.0.1:{port}")])] {
        assert_eq!(outcome.code, 1);
        assert!(outcome.said.starts_with("deckhand: cannot connect to `"), "{}", outcome.said);
        assert!(outcome.said.ends_with("`: connection refused\n"), "{}", outcome.said);
    }
}

#[test]
fn a_port_that_takes_connections_is_yes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        assert_eq!(run(&["probe", "tcp", &format!("{host}:{port}")]).code, 0, "{host}");
    }
    if let Ok(listener) = TcpListener::bind("[::1]:0") {
        let port = listener.local_addr().unwrap().port();
        for host in ["[::1]", "[0:0:0:0:0:0:0:1]", "[0::0:1]"] {
            assert_eq!(run(&["probe", "tcp", &format!("{host}:{port}"), "--timeout=5s"]).code, 0, "{host}");
        }
    }
}

#[test]
fn hosts_urls_and_headers_that_make_no_sense_are_misuse() {
    for host in [
        "", "db", "db:", ":80", "db:0", "db:65536", "db:x", "db:+1", "::1", "::1:80", "[::1", "[::1]",
        "[::1]80", "[]:1", "a b:1",
    ] {
        let outcome = run(&["probe", "tcp", host]);
        assert_eq!(outcome.code, 2, "{host}: {}", outcome.said);
    }
    for url in [
        "example",
        "https://localhost/",
        "http://",
        "http:///x",
        "http://:80/",
        "http://localhost:0/",
        "http://a b/",
        "http://u:p@localhost/",
        "http://localhost/a b",
        "http://localhost/\r\nX: y",
        "http://localhost/é",
        "http://::1/",
        "ftp://localhost/",
    ] {
        let outcome = run(&["probe", "http", url]);
        assert_eq!(outcome.code, 2, "{url}: {}", outcome.said);
    }
    for header in [":x", "a b: c", "A: b\r\nC: d", "none", "A\t: b"] {
        assert_eq!(run(&["probe", "http", "http://localhost/", "--header", header]).code, 2, "{header:?}");
    }
    for status in ["20", "2xx", "299-200", "200-", "-200", "1000", "200-1000"] {
        assert_eq!(run(&["probe", "http", "http://localhost/", "--status", status]).code, 2, "{status}");
    }
    let long = format!("http://localhost/{}", "x".repeat(9000));
    assert_eq!(run(&["probe", "http", &long]).code, 2);
    let header = format!("A: {}", "x".repeat(9000));
    assert_eq!(run(&["probe", "http", "http://localhost/", "--header", &header]).code, 2);
}

#[test]
fn a_command_that_ends_with_0_in_time_is_yes() {
    for (words, expected, message) in [
        (&["--", "true"][..], 0, ""),
        (&["true"], 0, ""),
        (&["--", "sh", "-c", "exit 3"], 1, "expected `sh` to end with 0, it ended with 3\n"),
        (&["--", "sh", "-c", "kill -9 $$"], 1, "expected `sh` to end with 0, it ended with 137\n"),
        (&["--", "no-such-command"], 1, "cannot run `no-such-command`: no such file or directory\n"),
        (&["--timeout", "300ms", "--", "sleep", "20"], 1, "cannot wait for `sleep`: timed out\n"),
        (&["--timeout=300ms", "sh", "-c", "sleep 20 & sleep 20"], 1, "cannot wait for `sh`: timed out\n"),
        (&["--", "true", "--timeout", "x"], 0, ""),
    ] {
        let began = Instant::now();
        let mut arguments = vec!["probe", "exec"];
        arguments.extend(words);
        let outcome = run(&arguments);
        assert_eq!(outcome.code, expected, "{words:?}: {}", outcome.said);
        assert!(outcome.said.contains(message), "{words:?}: {}", outcome.said);
        assert!(began.elapsed() < Duration::from_secs(10), "{words:?}");
    }
}

#[test]
fn a_file_is_there_and_new_enough() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("heartbeat");
    let shown = file.display().to_string();
    let missing = run(&["probe", "file", &shown]);
    assert_eq!(
        (missing.code, missing.said),
        (1, format!("deckhand: cannot find `{shown}`: no such file or directory\n"))
    );
    std::fs::write(&file, "").unwrap();
    assert_eq!(run(&["probe", "file", &shown]).code, 0);
    assert_eq!(run(&["probe", "file", &shown, "--newer-than", "1m"]).code, 0);
    let old = std::time::SystemTime::now() - Duration::from_secs(90);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
    assert_eq!(run(&["probe", "file", "--newer-than", "2m", &shown]).code, 0);
    let stale = run(&["probe", "file", &shown, "--newer-than=1m"]);
    assert_eq!(stale.code, 1);
    assert!(stale.said.contains("to be newer, its age in seconds is 9"), "{}", stale.said);
    assert_eq!(run(&["probe", "file", &shown, "--newer-than", "soon"]).code, 2);
}
