//! `exec` beside a shell that redirects.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::program::{Outcome, code, command, path, run, shell, signal, wait_for_word};

/// Runs a command line of words with its output in a log.
fn logged(log: &Path, options: &[&str], words: &[&str]) -> Outcome {
    let log = log.display().to_string();
    let mut arguments = vec!["exec", "--log-file", &log];
    arguments.extend(options);
    arguments.push("--");
    arguments.extend(words);
    run(&arguments)
}

#[test]
fn it_does_what_a_shell_with_a_redirection_does() {
    let dir = tempfile::tempdir().unwrap();
    for (number, words) in [
        &["true"][..],
        &["false"],
        &["echo", "a  b", "c"],
        &["sh", "-c", "echo out; echo err >&2; exit 7"],
        &["sh", "-c", "exit 255"],
        &["sh", "-c", "kill -9 $$"],
        &["sh", "-c", "kill -TERM $$"],
        &["sh", "-c", "kill -SEGV $$"],
        &["sh", "-c", "seq 20000; printf 'no newline'"],
        &["cat"],
        &["env", "--version"],
    ]
    .into_iter()
    .enumerate()
    {
        let (ours, theirs) =
            (dir.path().join(format!("ours{number}")), dir.path().join(format!("theirs{number}")));
        for round in 0..2 {
            let outcome = logged(&ours, &[], words);
            let quoted: Vec<String> =
                words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
            // A subshell, so that the shell itself outlives a signal.
            let expected = shell(&format!("( {} ) >>'{}' 2>&1", quoted.join(" "), theirs.display()));
            assert_eq!((outcome.code, outcome.output), (expected.code, vec![]), "{words:?} {round}");
            assert_eq!(outcome.said, "", "{words:?}");
            assert!(fs::read(&ours).unwrap() == fs::read(&theirs).unwrap(), "{words:?}");
        }
    }
}

#[test]
fn what_cannot_be_run_ends_as_in_a_shell() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let script = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let folder = dir.path().display().to_string();
    let long = "x".repeat(5000);
    for (word, expected, message) in [
        ("there-is-no-such-command", 127, "no such file or directory\n"),
        ("/there/is/none", 127, "no such file or directory\n"),
        (&script("data", "x", 0o644), 126, "permission denied\n"),
        (&script("lost", "#!/no/such/interpreter\n", 0o755), 127, "its loader or interpreter is not there\n"),
        (&script("bare", "echo x\n", 0o755), 126, "no program for this machine, nor a script with #!\n"),
        (&folder, 126, "permission denied\n"),
        (&long, 126, "xxx"),
        ("", 127, "no such file or directory"),
    ] {
        let outcome = logged(&log, &[], &[word]);
        assert_eq!(outcome.code, expected, "{}", outcome.said);
        assert!(outcome.said.contains(message), "{}", outcome.said);
        assert!(outcome.said.starts_with("deckhand: cannot run `"), "{}", outcome.said);
    }
}

#[test]
fn path_is_searched_like_a_shell_does() {
    let dir = tempfile::tempdir().unwrap();
    for (folder, mode) in [("a", 0o644), ("b", 0o755)] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        let file = dir.path().join(folder).join("tool");
        fs::write(&file, format!("#!/bin/sh\necho {folder}\n")).unwrap();
        fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    for (search, expected) in
        [("a:b", 0), ("b", 0), (":b", 0), ("a", 126), ("c", 127), ("", 127), ("c:a:", 126)]
    {
        let outcome: Outcome = command(&["exec", "--", "tool"])
            .env("PATH", search)
            .current_dir(dir.path())
            .output()
            .unwrap()
            .into();
        assert_eq!(outcome.code, expected, "PATH={search}: {}", outcome.said);
    }
    // Without PATH, where container engines would look.
    assert_eq!(command(&["exec", "--", "true"]).env_remove("PATH").status().unwrap().code(), Some(0));
}

#[test]
fn a_log_that_cannot_be_opened_is_told_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let touch = format!("touch {}", ran.display());
    for (log, message) in
        [(dir.path().join("no/log"), "no such file or directory"), (dir.path().to_owned(), "is a directory")]
    {
        let outcome = logged(&log, &[], &["sh", "-c", &touch]);
        assert_eq!(outcome.code, 125);
        assert!(
            outcome.said.starts_with("deckhand: cannot open the log `") && outcome.said.contains(message),
            "{}",
            outcome.said
        );
        assert!(!ran.exists());
    }
}

#[test]
fn a_full_disk_loses_output_and_says_so_but_the_command_goes_on() {
    let outcome = logged(Path::new("/dev/full"), &[], &["sh", "-c", "echo one; echo two; exit 3"]);
    assert_eq!(outcome.code, 3);
    let lines: Vec<&str> = outcome.said.lines().collect();
    assert_eq!(
        lines[0],
        "deckhand: cannot write to the log `/dev/full`: no space left on device; the command goes on"
    );
    assert_eq!(lines[1], "deckhand: expected `/dev/full` to have so many bytes more: 8");
    assert_eq!(lines.len(), 2);

    // A limit of the process instead of the disk: the kernel's signal must not end it.
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let (deckhand, shown) = (path().display(), log.display());
    let outcome =
        shell(&format!("ulimit -f 1; {deckhand} exec --log-file {shown} -- sh -c 'seq 2000; exit 4'"));
    assert_eq!(outcome.code, 4, "{}", outcome.said);
    assert!(outcome.said.contains("file too large; the command goes on"), "{}", outcome.said);
    assert!(fs::metadata(&log).unwrap().len() <= 1024);
}

#[test]
fn full_logs_are_exchanged() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let outcome = logged(&log, &["--max-size", "1K", "--keep", "3"], &["seq", "2000"]);
    assert_eq!((outcome.code, &*outcome.said), (0, ""));
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["log", "log.1", "log.2", "log.3"]);
    // The last lines, whole and in order.
    let mut text = String::new();
    for name in ["log.3", "log.2", "log.1", "log"] {
        let part = fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(part.len() <= 1024 && part.ends_with('\n'), "{name}: {}", part.len());
        text += &part;
    }
    let lines: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(lines.last(), Some(&2000));
    assert!(lines.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{text}");
    // What is there already counts.
    logged(&log, &["--max-size=1K"], &["seq", "300"]);
    assert!(fs::metadata(&log).unwrap().len() <= 1024);
}

#[test]
fn a_line_longer_than_a_log_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    assert_eq!(
        logged(&log, &["--max-size", "10", "--keep", "2"], &["printf", "0123456789abcdefghijABCDE"]).code,
        0
    );
    for (name, text) in [("log.2", "0123456789"), ("log.1", "abcdefghij"), ("log", "ABCDE")] {
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), text, "{name}");
    }
}

#[test]
fn a_log_that_cannot_be_renamed_grows_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::create_dir(dir.path().join("log.1")).unwrap();
    let outcome = logged(&log, &["--max-size", "100"], &["seq", "100"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.said.contains("cannot rename the log `"), "{}", outcome.said);
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 100);
}

#[test]
fn output_goes_to_both_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let outcome = logged(&log, &["--also-stdout"], &["sh", "-c", "seq 30000; echo err >&2; exit 9"]);
    assert_eq!(outcome.code, 9);
    assert!(outcome.output == fs::read(&log).unwrap());
    assert!(outcome.output.ends_with(b"30000\nerr\n"));
    // Nobody reads: the log has all of it.
    let (deckhand, shown) = (path().display(), log.display());
    let outcome = shell(&format!(
        "{{ {deckhand} exec --log-file {shown} --also-stdout -- seq 50000; echo $? >{shown}.code; }} | head -n 1"
    ));
    assert!(outcome.said.contains("cannot write to `standard output`: broken pipe"), "{}", outcome.said);
    assert!(fs::read_to_string(&log).unwrap().ends_with("\n50000\n"));
    assert_eq!(fs::read_to_string(dir.path().join("log.code")).unwrap(), "0\n");
}

#[test]
fn signals_reach_the_command_and_its_code_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    // Not INT, QUIT and HUP: whoever runs the tests in the background has them ignored, and a shell leaves that as it is.
    for (name, expected) in [("TERM", 40), ("USR1", 41), ("USR2", 42), ("ALRM", 43), ("WINCH", 44)] {
        let script = format!(
            "trap 'echo got {name}; exit {expected}' {name}; echo ready; while :; do sleep 0.05; done"
        );
        let shown = log.display().to_string();
        let mut child = command(&["exec", "--log-file", &shown, "--also-stdout", "--", "sh", "-c", &script])
            .spawn()
            .unwrap();
        wait_for_word(&mut child);
        signal(&child, name);
        assert_eq!(code(child.wait().unwrap()), expected, "{name}");
        assert!(fs::read_to_string(&log).unwrap().ends_with(&format!("got {name}\n")));
    }
    // One that the command does not catch ends it, and is told as a shell tells it.
    let mut child = command(&["exec", "--", "sh", "-c", "echo ready; exec sleep 60"]).spawn().unwrap();
    wait_for_word(&mut child);
    signal(&child, "TERM");
    assert_eq!(code(child.wait().unwrap()), 143);
}

#[test]
fn whoever_outlives_the_command_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let began = Instant::now();
    let outcome = logged(&log, &[], &["sh", "-c", "sleep 5 & echo done; exit 6"]);
    assert_eq!(outcome.code, 6);
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(fs::read_to_string(&log).unwrap(), "done\n");
}

#[test]
fn the_command_gets_what_a_program_expects() {
    // Neither blocked nor ignored signals, standard input, no descriptors of deckhand's.
    let script = "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd; cat";
    let plain = shell(&format!("printf input | sh -c {script:?}"));
    let deckhand = path().display();
    let ours = shell(&format!("printf input | {deckhand} exec -- sh -c {script:?}"));
    assert_eq!(ours, plain);
}

#[test]
fn misuse_ends_with_125() {
    for (arguments, message) in [
        (&["exec"][..], "expected a command"),
        (&["exec", "--"], "expected a command"),
        (&["exec", "--also-stdout", "--", "true"], "expected --log-file with --also-stdout"),
        (
            &["exec", "--log-file", "/dev/null", "--keep", "3", "--", "true"],
            "expected --log-file with --also-stdout and --max-size, --max-size with --keep",
        ),
        (
            &["exec", "--log-file", "/dev/null", "--max-size", "10M", "--", "true"],
            "cannot rotate the log `/dev/null`: not a regular file",
        ),
        (&["exec", "--log-file", "x", "--max-size", "10MB", "--", "true"], "expected a size such as"),
        (&["exec", "--log-file", "x", "--max-size", "0", "--", "true"], "expected a size such as"),
        (&["exec", "--log-file", "x", "--max-size", "K", "--", "true"], "expected a size such as"),
        (&["exec", "--log-file", "x", "--max-size", "99999999999G", "--", "true"], "expected a size such as"),
        (
            &["exec", "--log-file", "x", "--max-size", "1", "--keep", "0", "--", "true"],
            "from 1 to 99, found `0`",
        ),
        (
            &["exec", "--log-file", "x", "--max-size", "1", "--keep", "100", "--", "true"],
            "from 1 to 99, found `100`",
        ),
        (&["exec", "--log", "x", "--", "true"], "expected an option of this command, found `--log`"),
        (&["exec", "--log-file"], "expected a value after the option, found `--log-file`"),
    ] {
        let outcome = run(arguments);
        assert_eq!(outcome.code, 125, "{arguments:?}: {}", outcome.said);
        assert!(outcome.said.contains(message), "{arguments:?}: {}", outcome.said);
    }
}
