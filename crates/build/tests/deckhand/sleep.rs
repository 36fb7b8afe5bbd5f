//! `sleep` beside coreutils'.

use std::time::{Duration, Instant};

use crate::program::{code, command, run, shell, signal};

#[test]
fn it_takes_as_long_as_coreutils_would() {
    for (arguments, milliseconds) in [
        (&["0"][..], 0),
        (&["0.2"], 200),
        (&[".1", "0.1s"], 200),
        (&["200ms"], 200),
        (&["--", "0.002m"], 120),
    ] {
        let began = Instant::now();
        let mut command_line = vec!["sleep"];
        command_line.extend(arguments);
        assert_eq!(run(&command_line).code, 0, "{arguments:?}");
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(milliseconds), "{arguments:?} {took:?}");
        assert!(took < Duration::from_millis(milliseconds + 5_000), "{arguments:?} {took:?}");
    }
}

#[test]
fn it_refuses_what_coreutils_refuses() {
    for text in ["", "x", "-1", "1x", "1..2", "0x", "s", "1 s"] {
        let outcome = run(&["sleep", text]);
        assert_eq!(outcome.code, 2, "{text}");
        assert!(outcome.said.contains(&format!("found `{text}`")), "{}", outcome.said);
        assert_ne!(shell(&format!("sleep '{text}'")).code, 0, "{text}: coreutils takes it");
    }
}

#[test]
fn it_ends_when_asked() {
    for (arguments, name, expected) in [
        (&["sleep", "60"][..], "TERM", 143),
        (&["sleep", "60"], "INT", 130),
        (&["sleep", "1h", "1d"], "HUP", 129),
        (&["sleep"], "TERM", 0),
        (&["sleep", "infinity"], "INT", 0),
        (&["sleep", "infinity"], "KILL", 137),
    ] {
        let mut child = command(arguments).spawn().unwrap();
        // Until it is deckhand, and waits.
        let status = format!("/proc/{}/syscall", child.id());
        while !std::fs::read_to_string(&status)
            .is_ok_and(|text| text.starts_with("230 ") || text.starts_with("115 "))
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        let began = Instant::now();
        signal(&child, name);
        assert_eq!(code(child.wait().unwrap()), expected, "{arguments:?} {name}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn being_stopped_does_not_make_it_longer() {
    let began = Instant::now();
    let mut child = command(&["sleep", "0.5"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    signal(&child, "STOP");
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "CONT");
    assert_eq!(code(child.wait().unwrap()), 0);
    assert!(began.elapsed() >= Duration::from_millis(500));
}
