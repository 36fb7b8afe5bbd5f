//! The program in a folder of its own, and what comes of running it.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;

use bareboat_build::files::deckhand;
use bareboat_model::Arch;
use tempfile::TempDir;

/// Writes the program once, before any test starts another process: a file that is open for writing in a copy of this process
/// cannot be executed.
pub(crate) fn path() -> &'static Path {
    static PATH: OnceLock<(PathBuf, TempDir)> = OnceLock::new();
    let (path, _) = PATH.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deckhand");
        let program = deckhand::program(Arch::host().unwrap()).unwrap();
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path).unwrap();
        std::io::Write::write_all(&mut file, program).unwrap();
        (path, dir)
    });
    path
}

/// A command that runs it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What came of it: exit code (128 and more for a signal), standard output, standard error.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) output: Vec<u8>,
    pub(crate) said: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: code(output.status),
            output: output.stdout,
            said: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

pub(crate) fn run(arguments: &[&str]) -> Outcome {
    command(arguments).output().unwrap().into()
}

/// A shell's.
pub(crate) fn shell(script: &str) -> Outcome {
    Command::new("sh").args(["-c", script]).stdin(Stdio::null()).output().unwrap().into()
}

/// Sends a signal by name, with the shell's own kill.
pub(crate) fn signal(child: &Child, name: &str) {
    let script = format!("kill -{name} {}", child.id());
    assert_eq!(shell(&script).code, 0);
}

/// Waits until it has said something on its standard output.
pub(crate) fn wait_for_word(child: &mut Child) {
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
}

#[test]
fn misuse_is_told_and_ends_with_2() {
    for (arguments, message) in [
        (&[][..], "expected sleep, print, exec, probe, wait-for, --help or --version, found ``"),
        (&["nap"], "expected sleep, print, exec, probe, wait-for, --help or --version, found `nap`"),
        (&["\x1b[2J"], "expected sleep, print, exec, probe, wait-for, --help or --version, found `?[2J`"),
        (&["sleep", "--long"], "expected an option of this command, found `--long`"),
        (&["probe"], "expected http, tcp, exec or file to probe, found ``"),
        (&["probe", "udp", "x"], "expected http, tcp, exec or file to probe, found `udp`"),
        (&["probe", "http"], "expected what to probe, found ``"),
        (&["probe", "tcp", "a:1", "b:2"], "expected nothing more, found `b:2`"),
        (&["probe", "tcp", "--status", "200", "a:1"], "expected an option of this command, found `--status`"),
        (&["probe", "file", "--timeout", "1s", "x"], "expected an option of this command, found `--timeout`"),
        (&["probe", "tcp", "--timeout"], "expected a value after the option, found `--timeout`"),
        (&["probe", "tcp", "--timeout=", "a:1"], "expected a value after the option, found `--timeout=`"),
        (&["wait-for", "--timeout", "soon", "tcp", "a:1"], "expected a duration such as"),
        (&["wait-for"], "expected http, tcp, exec or file to probe, found ``"),
    ] {
        let outcome = run(arguments);
        assert_eq!((outcome.code, &outcome.output[..]), (2, &b""[..]), "{arguments:?}: {}", outcome.said);
        assert!(outcome.said.starts_with(&format!("deckhand: {message}")), "{arguments:?}: {}", outcome.said);
    }
}

#[test]
fn help_and_version_are_answers() {
    let version = run(&["--version"]);
    assert_eq!(
        String::from_utf8(version.output).unwrap(),
        format!("deckhand {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = String::from_utf8(run(&["--help"]).output).unwrap();
    for name in ["sleep", "print", "exec", "probe", "wait-for"] {
        assert!(help.contains(&format!("\n{name} ")), "{help}");
        let own = run(&[name, "--help"]);
        assert_eq!(own.code, 0);
        assert_eq!(help.as_bytes(), own.output, "{name}");
    }
}

#[test]
fn a_link_by_a_commands_name_is_that_command() {
    let dir = tempfile::tempdir().unwrap();
    for (name, arguments, expected) in [
        ("sleep", &["0"][..], 0),
        ("wait-for", &["exec", "true"], 0),
        ("probe", &["exec", "false"], 1),
        ("exec", &["--", "true"], 0),
    ] {
        let link = dir.path().join(name);
        std::os::unix::fs::symlink(path(), &link).unwrap();
        assert_eq!(
            code(Command::new(&link).args(arguments).stderr(Stdio::null()).status().unwrap()),
            expected,
            "{name}"
        );
    }
    let other = dir.path().join("hand");
    std::os::unix::fs::symlink(path(), &other).unwrap();
    assert_eq!(code(Command::new(&other).args(["sleep", "0"]).status().unwrap()), 0);
}

#[test]
fn it_is_small() {
    // arm64's instructions are all of four bytes.
    for (arch, most) in [(Arch::Amd64, 16_000), (Arch::Arm64, 18_000)] {
        if let Ok(program) = deckhand::program(arch) {
            assert!(program.len() <= most, "{arch}: {} bytes", program.len());
        }
    }
}

#[test]
fn closed_descriptors_are_no_reason_to_crash() {
    let deckhand = path().display();
    assert_eq!(shell(&format!("{deckhand} --version >&-")).code, 1);
    assert_eq!(shell(&format!("{deckhand} nap 2>&-")).code, 2);
    for log in ["", "--log-file /dev/null"] {
        let code = shell(&format!("{deckhand} exec {log} -- true <&- >&- 2>&-")).code;
        assert!(matches!(code, 0 | 126), "{code}");
    }
}
