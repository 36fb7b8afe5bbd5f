//! `print` beside `base64`, and read by a JSON parser.

use std::path::Path;

use serde_json::Value;

use crate::program::{Outcome, command, path, run, shell};

/// Prints files by these names.
fn print(files: &[(&str, &Path)]) -> Outcome {
    let words: Vec<String> = files.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
    let mut arguments = vec!["print"];
    arguments.extend(words.iter().map(String::as_str));
    run(&arguments)
}

#[test]
fn contents_are_as_base64_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("content");
    // Around a group of three, its buffer, and its output's.
    for size in [0, 1, 2, 3, 4, 3071, 3072, 3073, 4096, 6144, 100_000, 1_000_001] {
        let content: Vec<u8> =
            (0..size as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        std::fs::write(&file, content).unwrap();
        let outcome = print(&[("tls.crt", &file)]);
        let expected = shell(&format!("base64 -w 0 {}", file.display())).output;
        let expected = format!("{{\"tls.crt\":\"{}\"}}\n", String::from_utf8(expected).unwrap());
        assert!(outcome.output == expected.as_bytes(), "{size} bytes");
        assert_eq!(outcome.code, 0);
    }
}

#[test]
fn names_are_in_the_order_given_and_escaped() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a=b");
    std::fs::write(&file, "x").unwrap();
    let names = ["tls.key", "tls.crt", "a \"b\" \\c\\", "-", "~ !"];
    let files: Vec<(&str, &Path)> = names.iter().map(|name| (*name, &*file)).collect();
    let outcome = print(&files);
    let text = String::from_utf8(outcome.output).unwrap();
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object.as_object().unwrap().len(), names.len());
    for name in names {
        assert_eq!(object[name], "eA==", "{name}");
    }
    assert_eq!(
        text,
        "{\"tls.key\":\"eA==\",\"tls.crt\":\"eA==\",\"a \\\"b\\\" \\\\c\\\\\":\"eA==\",\"-\":\"eA==\",\"~ !\":\"eA==\"}\n"
    );
}

#[test]
fn nothing_is_printed_unless_all_can_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good");
    std::fs::write(&good, "x").unwrap();
    let missing = dir.path().join("missing\n\x1b[1m");
    for (bad, code, message) in [
        (&*missing, 1, "missing??[1m`: no such file or directory"),
        (dir.path(), 1, ": is a directory"),
        (&good.join("below"), 1, ": not a directory"),
    ] {
        let outcome = print(&[("a", &good), ("b", bad)]);
        assert_eq!((outcome.code, &outcome.output[..]), (code, &b""[..]));
        assert!(
            outcome.said.starts_with("deckhand: cannot open `") && outcome.said.contains(message),
            "{}",
            outcome.said
        );
    }
}

#[test]
fn misuse_is_refused() {
    let good = path().display();
    for (words, message) in [
        (vec![], "expected NAME=PATH"),
        (vec!["name".to_owned()], "expected NAME=PATH"),
        (vec![format!("={good}")], "expected NAME=PATH"),
        (vec!["name=".to_owned()], "expected NAME=PATH"),
        (vec![format!("clé={good}")], "in printable ASCII"),
        (vec![format!("a\nb={good}")], "in printable ASCII"),
        (vec![format!("\x7f={good}")], "in printable ASCII"),
        (vec![format!("a={good}"), format!("a={good}")], "expected each name once, found `a="),
        ((0..65).map(|number| format!("{number}={good}")).collect(), "expected at most 64 files"),
    ] {
        let mut arguments = vec!["print"];
        arguments.extend(words.iter().map(String::as_str));
        let outcome = run(&arguments);
        assert_eq!((outcome.code, &outcome.output[..]), (2, &b""[..]), "{words:?}");
        assert!(outcome.said.contains(message), "{}", outcome.said);
    }
    let name = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff=/dev/null");
    let outcome: Outcome = command(&["print"]).arg::<&std::ffi::OsStr>(name).output().unwrap().into_lossy();
    assert_eq!(outcome.code, 2);
}

/// What it says of a name that is not UTF-8 is not UTF-8 either.
trait Lossy {
    fn into_lossy(self) -> Outcome;
}

impl Lossy for std::process::Output {
    fn into_lossy(self) -> Outcome {
        let said = String::from_utf8_lossy(&self.stderr).into_owned();
        Outcome { code: self.status.code().unwrap(), output: self.stdout, said }
    }
}

#[test]
fn a_full_disk_is_told() {
    let file = path().display();
    let outcome = shell(&format!("{file} print a={file} >/dev/full"));
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.said, "deckhand: cannot write to `standard output`: no space left on device\n");
}

#[test]
fn sixty_four_files_fit() {
    let good = path().display();
    let words: Vec<String> = (0..64).map(|number| format!("{number}={good}")).collect();
    let mut arguments = vec!["print"];
    arguments.extend(words.iter().map(String::as_str));
    let outcome = run(&arguments);
    assert_eq!(outcome.code, 0);
    let object: Value = serde_json::from_slice(&outcome.output).unwrap();
    assert_eq!(object.as_object().unwrap().len(), 64);
}
