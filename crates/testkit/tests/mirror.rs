//! The mirror, spoken to byte by byte: every fault shows on the wire as it is described.
#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bareboat_testkit::{Fault, Files, Mirror};

fn mirror() -> Mirror {
    Mirror::serve(Files::from_iter([("pool/a+b_1~2.deb".to_owned(), b"0123456789".to_vec())]))
}

/// What comes back, headers and body.
fn ask(mirror: &Mirror, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(mirror.url().trim_start_matches("http://")).unwrap();
    stream.write_all(format!("{request}\r\nHost: mirror\r\n\r\n").as_bytes()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let end = reply.windows(4).position(|window| window == b"\r\n\r\n").map_or(reply.len(), |at| at + 4);
    (String::from_utf8(reply[..end].to_vec()).unwrap(), reply[end..].to_vec())
}

fn get(mirror: &Mirror) -> (String, Vec<u8>) {
    ask(mirror, "GET /pool/a%2bb_1~2.deb HTTP/1.1")
}

#[test]
fn files_are_served_whole_and_in_part() {
    let mirror = mirror();
    let (head, body) = get(&mirror);
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Content-Length: 10\r\n"), "{head}");
    assert_eq!(body, b"0123456789");
    let (head, body) = ask(&mirror, "GET /pool/a+b_1~2.deb HTTP/1.1\r\nRange: bytes=4-");
    assert!(head.starts_with("HTTP/1.1 206 ") && head.contains("Content-Range: bytes 4-9/10\r\n"), "{head}");
    assert_eq!(body, b"456789");
    let (head, _) = ask(&mirror, "GET /pool/a+b_1~2.deb HTTP/1.1\r\nrange: bytes=10-");
    assert!(head.starts_with("HTTP/1.1 416 "), "{head}");
    let (head, body) = ask(&mirror, "HEAD /pool/a+b_1~2.deb HTTP/1.1");
    assert!(head.contains("Content-Length: 10\r\n") && body.is_empty(), "{head}");
    assert!(ask(&mirror, "GET /other HTTP/1.1").0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn requests_are_counted_by_path() {
    let mirror = mirror();
    get(&mirror);
    ask(&mirror, "GET /pool/a+b_1~2.deb HTTP/1.1\r\nRange: bytes=4-");
    ask(&mirror, "GET /missing HTTP/1.1");
    assert_eq!(mirror.count("a+b_1~2.deb"), 2);
    assert_eq!(mirror.count(""), 3);
    assert_eq!(mirror.requests()[1].from, Some(4));
    mirror.forget();
    assert_eq!(mirror.count(""), 0);
}

#[test]
fn faults_show_on_the_wire() {
    let promised = "Content-Length: 10\r\n";
    for (fault, first_line, header, body) in [
        (Fault::Status(500), "HTTP/1.1 500 ", "", None),
        (Fault::Busy { retry_after: 7 }, "HTTP/1.1 503 ", "Retry-After: 7\r\n", None),
        (Fault::HangUp, "", "", Some(&b""[..])),
        (Fault::Cut { after: 5 }, "HTTP/1.1 200 ", promised, Some(b"01234")),
        (
            Fault::Stall { after: 3, pause: Duration::from_millis(20) },
            "HTTP/1.1 200 ",
            promised,
            Some(b"012"),
        ),
        (Fault::Slow { chunk: 4, pause: Duration::from_millis(1) }, "", promised, Some(b"0123456789")),
        (Fault::Body(b"lie".to_vec()), "HTTP/1.1 200 ", "Content-Length: 3\r\n", Some(b"lie")),
        (Fault::Corrupt, "HTTP/1.1 200 ", promised, Some(b"0123446789")),
        (Fault::TooLong { extra: 2 }, "HTTP/1.1 200 ", "", Some(b"0123456789xx")),
        (Fault::Redirect("/elsewhere".to_owned()), "HTTP/1.1 302 ", "Location: /elsewhere\r\n", None),
    ] {
        let mirror = mirror();
        mirror.fault_times(".deb", fault.clone(), 1);
        let (head, got) = get(&mirror);
        assert!(head.starts_with(first_line) && head.contains(header), "{fault:?}: {head}");
        if let Some(body) = body {
            assert_eq!(got, body, "{fault:?}");
        }
        assert_eq!(get(&mirror).1, b"0123456789", "{fault:?} is over after one request");
    }
}

#[test]
fn a_mirror_may_ignore_ranges() {
    let mirror = mirror();
    mirror.fault("pool/", Fault::NoRange);
    let (head, body) = ask(&mirror, "GET /pool/a+b_1~2.deb HTTP/1.1\r\nRange: bytes=4-");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, b"0123456789");
    mirror.mend();
    assert!(ask(&mirror, "GET /pool/a+b_1~2.deb HTTP/1.1\r\nRange: bytes=4-").0.starts_with("HTTP/1.1 206 "));
}

#[test]
fn a_mirror_ends_although_a_client_is_stalled() {
    let mirror = mirror();
    mirror.fault("pool/", Fault::Stall { after: 1, pause: Duration::from_secs(60) });
    let address = mirror.url();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.write_all(b"GET /pool/a+b_1~2.deb HTTP/1.1\r\n\r\n").unwrap();
    let begun = Instant::now();
    while mirror.count("pool/") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(mirror);
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert!(reply.ends_with(b"\r\n\r\n0"));
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn files_can_be_replaced_while_it_runs() {
    let mirror = mirror();
    mirror.replace(Files::from_iter([("new".to_owned(), b"new".to_vec())]));
    assert_eq!(ask(&mirror, "GET /new HTTP/1.1").1, b"new");
    assert!(get(&mirror).0.starts_with("HTTP/1.1 404 "));
}
