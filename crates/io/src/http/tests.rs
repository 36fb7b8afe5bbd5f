//! Against a mirror that answers slowly, wrongly, in parts or not at all.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use bareboat_model::{Bar, Digest, Silent};
use bareboat_testkit::{Fault, Files, Mirror};

use super::*;

const PATH: &str = "pool/main/h/hello/hello_1.0+b1_all.deb";

/// How much a bar was advanced in all.
#[derive(Default)]
struct Counter(AtomicU64);

impl Bar for Counter {
    fn advance(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }
}

/// A mirror with one file, and a folder to fetch it into.
struct Fixture {
    content: Vec<u8>,
    mirror: Mirror,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let content: Vec<u8> =
            (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mirror = Mirror::serve(Files::from_iter([(PATH.to_owned(), content.clone())]));
        Self { content, mirror, folder: tempfile::tempdir().unwrap() }
    }

    fn faulty(fault: Fault, times: u32) -> Self {
        let fixture = Self::new();
        fixture.mirror.fault_times(PATH, fault, times);
        fixture
    }

    fn url(&self) -> String {
        format!("{}/{}", self.mirror.url(), encode_path(PATH))
    }

    fn partial(&self) -> PathBuf {
        self.folder.path().join("partial")
    }

    fn download(&self) -> Result<Fetched> {
        self.download_with(&options(), &Silent)
    }

    fn download_with(&self, options: &HttpOptions, bar: &dyn Bar) -> Result<Fetched> {
        let wanted = Download {
            url: &self.url(),
            size: self.content.len() as u64,
            digest: Digest::of(&self.content),
            partial: &self.partial(),
        };
        Http::new(options.clone()).unwrap().download(&wanted, bar)
    }

    fn assert_whole(&self) {
        assert!(
            std::fs::read(self.partial()).unwrap() == self.content,
            "the partial file is not the whole one"
        );
    }

    /// Where each request began.
    fn offsets(&self) -> Vec<u64> {
        self.mirror.requests().iter().map(|request| request.from.unwrap_or(0)).collect()
    }
}

fn options() -> HttpOptions {
    HttpOptions {
        timeout: Duration::from_secs(5),
        retries: 2,
        pause: Duration::from_millis(1),
        grace: Duration::from_secs(60),
        offline: false,
    }
}

fn impatient() -> HttpOptions {
    HttpOptions { timeout: Duration::from_millis(500), ..options() }
}

#[test]
fn a_file_comes_whole_in_one_request() {
    let fixture = Fixture::new();
    let counter = Counter::default();
    assert_eq!(fixture.download_with(&options(), &counter).unwrap(), Fetched::Found);
    fixture.assert_whole();
    assert_eq!(fixture.mirror.requests().len(), 1);
    assert_eq!(counter.0.load(Ordering::Relaxed), 300_000);
}

#[test]
fn a_whole_partial_file_needs_no_request() {
    let fixture = Fixture::new();
    std::fs::write(fixture.partial(), &fixture.content).unwrap();
    assert_eq!(fixture.download().unwrap(), Fetched::Found);
    assert_eq!(fixture.mirror.requests().len(), 0);
}

#[test]
fn what_an_earlier_run_fetched_is_gone_on_with() {
    let fixture = Fixture::new();
    std::fs::write(fixture.partial(), &fixture.content[..100_000]).unwrap();
    let counter = Counter::default();
    assert_eq!(fixture.download_with(&options(), &counter).unwrap(), Fetched::Found);
    fixture.assert_whole();
    assert_eq!(fixture.offsets(), [100_000]);
    assert_eq!(counter.0.load(Ordering::Relaxed), 300_000);
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let fixture = Fixture::faulty(Fault::NoRange, 9);
    std::fs::write(fixture.partial(), &fixture.content[..100_000]).unwrap();
    let counter = Counter::default();
    assert_eq!(fixture.download_with(&options(), &counter).unwrap(), Fetched::Found);
    fixture.assert_whole();
    assert_eq!(counter.0.load(Ordering::Relaxed), 300_000);
}

#[test]
fn a_wrong_part_is_thrown_away_and_the_whole_fetched_once_more() {
    for wrong in [vec![0; 100_000], vec![0; 300_000], vec![0; 300_001]] {
        let fixture = Fixture::new();
        std::fs::write(fixture.partial(), wrong).unwrap();
        assert_eq!(fixture.download().unwrap(), Fetched::Found);
        fixture.assert_whole();
        assert_eq!(fixture.offsets().last(), Some(&0));
    }
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    let fixture = Fixture::faulty(Fault::Cut { after: 150_000 }, 1);
    assert_eq!(fixture.download().unwrap(), Fetched::Found);
    fixture.assert_whole();
    assert_eq!(fixture.offsets(), [0, 150_000]);
}

#[test]
fn faults_that_pass_are_waited_out() {
    for fault in [
        Fault::Status(500),
        Fault::Status(429),
        Fault::HangUp,
        Fault::Busy { retry_after: 0 },
        Fault::Cut { after: 0 },
    ] {
        let fixture = Fixture::faulty(fault.clone(), 2);
        assert_eq!(fixture.download().unwrap(), Fetched::Found, "{fault:?}");
        fixture.assert_whole();
        assert_eq!(fixture.mirror.requests().len(), 3, "{fault:?}");
    }
}

#[test]
fn a_server_s_wish_for_a_pause_is_honoured() {
    let fixture = Fixture::faulty(Fault::Busy { retry_after: 1 }, 1);
    let start = std::time::Instant::now();
    assert_eq!(fixture.download().unwrap(), Fetched::Found);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn faults_that_stay_are_told_with_the_url() {
    let fixture = Fixture::new();
    let real = Digest::of(&fixture.content);
    let mut wrong = fixture.content.clone();
    wrong[0] ^= 1;
    let found = Digest::of(&wrong);
    let cases: &[(Fault, &str, usize)] = &[
        (Fault::Status(403), "the server answers 403 Forbidden", 1),
        (Fault::Status(500), "the server answers 500 Internal Server Error (tried 3 times)", 3),
        (
            Fault::Busy { retry_after: 600 },
            "the server answers 503 Service Unavailable, and the server asks to come back in 600 s",
            1,
        ),
        (Fault::Body(b"<html>".to_vec()), "expected 300000 bytes, the server has 6", 1),
        (Fault::Body(wrong), &format!("expected {real}, found {found}"), 1),
        (Fault::TooLong { extra: 1 }, "it is longer than the 300000 bytes that it should have", 1),
    ];
    for (fault, cause, requests) in cases {
        fixture.mirror.mend();
        fixture.mirror.forget();
        fixture.mirror.fault(PATH, fault.clone());
        let error = fixture.download().unwrap_err();
        assert_eq!(error.to_string(), format!("cannot fetch `{}`: {cause}", fixture.url()), "{fault:?}");
        assert_eq!(fixture.mirror.requests().len(), *requests, "{fault:?}");
    }
    fixture.mirror.mend();
    assert_eq!(fixture.download().unwrap(), Fetched::Found);
    fixture.assert_whole();
}

#[test]
fn a_server_that_always_breaks_off_is_given_up() {
    let fixture = Fixture::faulty(Fault::Cut { after: 1000 }, 99);
    let error = fixture.download().unwrap_err().to_string();
    assert!(error.ends_with("after 1000 of 300000 bytes (tried 3 times)"), "{error}");
    assert_eq!(std::fs::metadata(fixture.partial()).unwrap().len(), 1000);
    fixture.mirror.mend();
    assert_eq!(fixture.download().unwrap(), Fetched::Found);
    fixture.assert_whole();
}

#[test]
fn a_stalled_server_is_left_and_said_to_have_stalled() {
    let fixture = Fixture::faulty(Fault::Stall { after: 1000, pause: Duration::from_secs(20) }, 1);
    assert_eq!(fixture.download_with(&impatient(), &Silent).unwrap(), Fetched::Found);
    assert_eq!(fixture.offsets(), [0, 1000]);

    let stalling = Fault::Stall { after: 0, pause: Duration::from_secs(20) };
    let fixture = Fixture::faulty(stalling, 99);
    let error = fixture.download_with(&impatient(), &Silent).unwrap_err().to_string();
    assert!(error.contains("the server stalled: nothing came for 0.5 s"), "{error}");
}

#[test]
fn a_server_that_drips_is_left_and_said_to_be_slow() {
    let drip =
        |mirror: &Mirror| mirror.fault(PATH, Fault::Slow { chunk: 1, pause: Duration::from_millis(20) });
    let hurried = HttpOptions {
        timeout: Duration::from_millis(400),
        grace: Duration::from_millis(800),
        retries: 0,
        ..options()
    };
    let fixture = Fixture::new();
    drip(&fixture.mirror);
    let got = Http::new(hurried.clone()).unwrap().get(&fixture.url(), 1 << 20).map(drop);
    let downloaded = fixture.download_with(&hurried, &Silent).map(drop);
    for error in [got.unwrap_err(), downloaded.unwrap_err()] {
        assert!(error.to_string().contains("`: the server is too slow: "), "{error}");
    }
    // Who sent elsewhere is not who is slow.
    let slow = Fixture::new();
    drip(&slow.mirror);
    fixture.mirror.mend();
    fixture.mirror.fault(PATH, Fault::Redirect(slow.url()));
    let error = fixture.download_with(&hurried, &Silent).unwrap_err().to_string();
    let host = slow.mirror.url().replace("http://", "");
    assert!(error.contains(&format!("`: cannot read from `{host}`: the server is too slow: ")), "{error}");
}

#[test]
fn a_slow_server_that_keeps_sending_is_not_left() {
    let fixture = Fixture::faulty(Fault::Slow { chunk: 30_000, pause: Duration::from_millis(50) }, 9);
    assert_eq!(fixture.download_with(&impatient(), &Silent).unwrap(), Fetched::Found);
    assert_eq!(fixture.mirror.requests().len(), 1);
}

#[test]
fn what_a_server_does_not_have_is_no_error() {
    for status in [404, 410] {
        let fixture = Fixture::faulty(Fault::Status(status), 9);
        assert_eq!(fixture.download().unwrap(), Fetched::NotFound);
        assert!(!fixture.partial().exists());
        let http = Http::new(options()).unwrap();
        assert_eq!(http.get(&fixture.url(), 10).unwrap(), None);
    }
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let fixture = Fixture::new();
    fixture.mirror.fault("moved", Fault::Redirect(format!("/{}", encode_path(PATH))));
    fixture.mirror.fault("loop", Fault::Redirect("/loop".to_owned()));
    let http = Http::new(options()).unwrap();
    let get = |path: &str| http.get(&format!("{}/{path}", fixture.mirror.url()), 1 << 20);
    assert_eq!(get("moved").unwrap().unwrap(), fixture.content);
    let error = get("loop").unwrap_err().to_string();
    assert!(error.ends_with("the server redirects more than 5 times"), "{error}");
}

#[test]
fn getting_is_bounded_and_tried_again() {
    let fixture = Fixture::faulty(Fault::Status(502), 1);
    let http = Http::new(options()).unwrap();
    assert_eq!(http.get(&fixture.url(), 300_000).unwrap().unwrap(), fixture.content);
    let error = http.get(&fixture.url(), 299_999).unwrap_err().to_string();
    assert!(error.ends_with("it is longer than the 299999 bytes expected at most"), "{error}");
    fixture.mirror.fault(PATH, Fault::Cut { after: 10 });
    let error = http.get(&fixture.url(), 300_000).unwrap_err().to_string();
    assert!(error.ends_with("(tried 3 times)"), "{error}");
}

#[test]
fn offline_only_the_disk_is_read() {
    let fixture = Fixture::new();
    let offline = HttpOptions { offline: true, ..options() };
    let error = fixture.download_with(&offline, &Silent).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot fetch `{}`: it is not in the cache, and --offline forbids the network",
            fixture.url()
        )
    );
    assert!(error.hint().is_some());
    assert_eq!(fixture.mirror.requests().len(), 0);

    let file = fixture.folder.path().join("a+b");
    std::fs::write(&file, "hi").unwrap();
    let http = Http::new(offline).unwrap();
    let url = format!("file://{}", encode_path(file.to_str().unwrap()));
    assert_eq!(http.get(&url, 2).unwrap().unwrap(), b"hi");
    assert!(http.get(&url, 1).is_err());
    assert_eq!(http.get(&format!("{url}/none"), 1).unwrap(), None);
}

#[test]
fn a_mirror_on_the_disk_is_verified_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hello.deb");
    std::fs::write(&file, "hello").unwrap();
    let http = Http::new(options()).unwrap();
    let url = format!("file://{}", file.display());
    let partial = folder.path().join("partial");
    let download = |size, content: &[u8]| {
        let wanted = Download { url: &url, size, digest: Digest::of(content), partial: &partial };
        http.download(&wanted, &Silent)
    };
    assert_eq!(download(5, b"hello").unwrap(), Fetched::Found);
    assert_eq!(std::fs::read(&partial).unwrap(), b"hello");
    let error = download(5, b"olleh").unwrap_err().to_string();
    assert!(error.contains(&format!("found {}", Digest::of(b"hello"))), "{error}");
    assert!(!partial.exists());
    assert!(download(6, b"hello!").unwrap_err().to_string().ends_with("expected 6 bytes, the server has 5"));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(download(5, b"hello").unwrap(), Fetched::NotFound);
}

#[test]
fn what_is_no_url_is_said() {
    let http = Http::new(options()).unwrap();
    for url in ["mirror.test/debian", "ftp://mirror.test/debian", "http://", "http://mirror.test/a b"] {
        let error = http.get(url, 10).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot fetch `{url}`: ")), "{error}");
    }
}

#[test]
fn a_refused_connection_is_told_in_plain_words() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = Http::new(options()).unwrap().get(&url, 10).unwrap_err().to_string();
    assert_eq!(error, format!("cannot fetch `{url}`: connection refused (tried 3 times)"));
}

/// A server that gives these answers, one for each connection, and then is gone.
fn answering(answers: &[&str]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn answers_that_do_not_fit_the_part_start_it_again() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789";
    for odd in [
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-9/10\r\nContent-Length: 7\r\nConnection: close\r\n\r\n3456789",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwrong",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join("partial");
        std::fs::write(&partial, "01234").unwrap();
        let url = answering(&[odd, whole]);
        let wanted = Download { url: &url, size: 10, digest: Digest::of(b"0123456789"), partial: &partial };
        let http = Http::new(options()).unwrap();
        assert_eq!(http.download(&wanted, &Silent).unwrap(), Fetched::Found, "{odd}");
        assert_eq!(std::fs::read(&partial).unwrap(), b"0123456789");
    }
}

#[test]
fn answers_that_make_no_sense_are_errors() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100_000));
    for nonsense in [
        "220 mail.test ESMTP\r\n",
        "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nwrong",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-7/9\r\nContent-Length: 5\r\n\r\nwrong",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n",
        "",
        &endless,
    ] {
        let http = Http::new(impatient()).unwrap();
        let error = http.get(&answering(&[nonsense; 3]), 100).unwrap_err().to_string();
        assert!(error.starts_with("cannot fetch `http://127.0.0.1:"), "{nonsense}: {error}");
    }
}
