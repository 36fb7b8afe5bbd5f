//! Docker's credential helpers: programs that keep passwords (`docker-credential-NAME`).

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bareboat_model::{Context, Error, Result};
use serde::{Deserialize, Serialize};

use super::credentials::{Credential, Secret};

/// A helper may ask a person to unlock a keychain.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often a helper is looked at.
const STEP: Duration = Duration::from_millis(5);

/// A name and a password; tokens are some thousands of bytes.
const LARGEST_ANSWER: u64 = 1 << 20;

/// What a helper says, with exit code 1, when it has nothing (docker-credential-helpers, `credentials.NewErrCredentialsNotFound`).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The name under which a token is kept in place of a password.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Got {
    username: String,
    secret: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Kept<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

/// What the helper has for `server`, if anything; it is not waited for longer than `longest`.
///
/// # Errors
/// When it cannot be run, fails, or answers with something else.
pub(super) fn get(name: &str, server: &str, longest: Duration) -> Result<Option<Credential>> {
    let ended = run(name, "get", server.as_bytes(), longest)?;
    if !ended.success {
        return if ended.says().contains(NOT_FOUND) { Ok(None) } else { Err(ended.failed()) };
    }
    let doing = || format!("cannot use the credential helper `{}`", program(name));
    let got: Got = serde_json::from_slice(&ended.output)
        .map_err(|_| Error::new("it answers with something else than a name and a secret"))
        .context(doing)?;
    if got.username.is_empty() && got.secret.is_empty() {
        return Ok(None);
    }
    let secret = match got.username.as_str() {
        TOKEN_USER => Secret::Identity(got.secret),
        _ => Secret::Password { user: got.username, password: got.secret },
    };
    Ok(Some(Credential { secret, source: format!("`{}`", program(name)) }))
}

/// Has the helper keep a name and a password.
///
/// # Errors
/// When it cannot be run or fails.
pub(super) fn store(name: &str, server: &str, user: &str, password: &str) -> Result<()> {
    let kept = Kept { server, username: user, secret: password };
    let input = serde_json::to_vec(&kept).map_err(|error| Error::new(error.to_string()))?;
    let ended = run(name, "store", &input, LONGEST_WAIT)?;
    if ended.success { Ok(()) } else { Err(ended.failed()) }
}

/// Has the helper forget what it has. Whether it had anything.
///
/// # Errors
/// When it cannot be run or fails.
pub(super) fn erase(name: &str, server: &str) -> Result<bool> {
    if get(name, server, LONGEST_WAIT)?.is_none() {
        return Ok(false);
    }
    let ended = run(name, "erase", server.as_bytes(), LONGEST_WAIT)?;
    if ended.success { Ok(true) } else { Err(ended.failed()) }
}

fn program(name: &str) -> String {
    format!("docker-credential-{}", bareboat_model::escape(name))
}

/// How a helper ended, and what it wrote.
struct Ended {
    program: String,
    success: bool,
    output: Vec<u8>,
}

impl Ended {
    fn says(&self) -> String {
        String::from_utf8_lossy(&self.output).trim().to_owned()
    }

    fn failed(&self) -> Error {
        let says = super::shown(&self.says());
        let says = if says.is_empty() { "it fails and does not say why".to_owned() } else { says };
        Error::new(format!("cannot use the credential helper `{}`: {says}", self.program))
    }
}

fn run(name: &str, action: &str, input: &[u8], longest: Duration) -> Result<Ended> {
    let doing = || format!("cannot use the credential helper `{}`", program(name));
    if name.contains('/') || name.contains('\0') {
        return Err(Error::new("its name is no name of a program").context(doing()));
    }
    let child = Command::new(format!("docker-credential-{name}"))
        .arg(action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.context(doing)?;
    let ended = talk(&mut child, input, longest.min(LONGEST_WAIT));
    if ended.is_err() {
        // It may be gone already.
        let _ = child.kill();
        let _ = child.wait();
    }
    let (success, output) = ended.context(doing)?;
    Ok(Ended { program: program(name), success, output })
}

fn talk(child: &mut Child, input: &[u8], longest: Duration) -> Result<(bool, Vec<u8>)> {
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input says so by its exit code. The input is smaller than a pipe.
        let _ = stdin.write_all(input);
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // A thread that is left behind by a helper which stalls ends with the process.
        std::thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(LARGEST_ANSWER + 1).read_to_end(&mut output);
            let _ = sender.send(read.map(|_| output));
        });
    }
    let start = Instant::now();
    let output = receiver
        .recv_timeout(longest)
        .map_err(|_| Error::new(format!("it does not answer within {} s", longest.as_secs_f32())))??;
    if output.len() as u64 > LARGEST_ANSWER {
        return Err(Error::new("it writes without end"));
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status.success(), output));
        }
        if start.elapsed() > longest {
            return Err(Error::new(format!("it does not end within {} s", longest.as_secs_f32())));
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk_to(script: &str, longest: Duration) -> Result<(bool, Vec<u8>)> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let talked = talk(&mut child, b"h.test", longest);
        let _ = child.kill();
        let _ = child.wait();
        talked
    }

    #[test]
    fn a_helper_gets_the_server_and_answers() {
        let long = Duration::from_secs(20);
        assert_eq!(talk_to("cat", long).unwrap(), (true, b"h.test".to_vec()));
        assert_eq!(talk_to("echo no; exit 3", long).unwrap(), (false, b"no\n".to_vec()));
    }

    #[test]
    fn a_helper_that_stalls_or_never_ends_is_left() {
        let start = Instant::now();
        let short = Duration::from_millis(200);
        for (script, words) in [
            ("exec sleep 30", "it does not answer within 0.2 s"),
            ("exec >&-; exec sleep 30", "it does not end within 0.2 s"),
        ] {
            assert_eq!(talk_to(script, short).unwrap_err().to_string(), words, "{script}");
        }
        let error = talk_to("yes", Duration::from_secs(20)).unwrap_err().to_string();
        assert_eq!(error, "it writes without end");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
