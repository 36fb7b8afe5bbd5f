//! `wait-for`: what comes later, and what never comes.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{code, command, run, signal};

#[test]
fn it_ends_when_what_it_waits_for_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ready");
    let shown = file.display().to_string();
    let began = Instant::now();
    let mut child =
        command(&["wait-for", "--timeout", "30s", "--interval", "50ms", "file", &shown]).spawn().unwrap();
    thread::sleep(Duration::from_millis(400));
    assert!(child.try_wait().unwrap().is_none());
    std::fs::write(&file, "").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(output.status), 0);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!("deckhand: cannot find `{shown}`: no such file or directory, waiting\n")
    );
}

#[test]
fn it_ends_when_the_time_is_over() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for probe in [
        &["tcp", &format!("127.0.0.1:{port}")][..],
        &["exec", "--", "false"],
        &["exec", "--timeout", "9s", "--", "sleep", "9"],
    ] {
        let began = Instant::now();
        let mut arguments = vec!["wait-for", "--timeout", "500ms", "--interval", "100ms"];
        arguments.extend(probe);
        let outcome = run(&arguments);
        assert_eq!(outcome.code, 1);
        assert!(outcome.said.ends_with(", and there is no time left\n"), "{}", outcome.said);
        assert!((450..4000).contains(&began.elapsed().as_millis()), "{probe:?} {:?}", began.elapsed());
    }
}

#[test]
fn it_ends_when_asked_and_takes_the_command_along() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("echo $$ >{}; exec sleep 60", pid.display());
    let mut child =
        command(&["wait-for", "exec", "--timeout", "1m", "--", "sh", "-c", &script]).spawn().unwrap();
    let id = loop {
        match std::fs::read_to_string(&pid) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => thread::sleep(Duration::from_millis(10)),
        }
    };
    signal(&child, "TERM");
    assert_eq!(code(child.wait().unwrap()), 143);
    let gone = || match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(text) => text.contains(") Z"),
        Err(_) => true,
    };
    let began = Instant::now();
    while !gone() {
        assert!(began.elapsed() < Duration::from_secs(5), "the command lives on");
        thread::sleep(Duration::from_millis(20));
    }
}
