//! `bareboat run`.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use bareboat_io::root::Root;
use bareboat_model::{Context as _, Error, ImagePath, Progress as _, Result, escape};
use bareboat_sandbox::{self as sandbox, Mount, Sandbox, Status};

use crate::args::{Args, Run};
use crate::image::Harbour;
use crate::output::Failure;
use crate::terminal::Terminal;

pub(crate) fn run(command: &Run, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let harbour = Harbour::open(args, None, terminal)?;
    let found = harbour.bring(&command.image, command.platform, terminal)?;
    let root = Root::of(&found, &harbour.store, terminal)
        .context(|| format!("cannot unpack the image `{}`", escape(&command.image)))?;
    let failing = || format!("cannot run the image `{}`", escape(&command.image));
    let mut sandbox = sandbox::for_image(&root, &found.config).context(failing)?;
    settle(&mut sandbox, command, &root)?;
    let entrypoint = command.entrypoint.as_ref().map(std::slice::from_ref);
    let line = sandbox::command_line(&found.config, entrypoint, &command.args).context(failing)?;
    terminal.finish();
    let outcome = sandbox.run(&line)?;
    if outcome.status == Status::TimedOut {
        let program = escape(&line[0].to_string_lossy());
        terminal.warn(&format!(
            "`{program}` was ended: it ran longer than {} s",
            command.timeout.unwrap_or_default()
        ));
    }
    match outcome.status.code() {
        0 => Ok(()),
        code => Err(Failure::Code(code)),
    }
}

/// What the command line says otherwise than the image.
fn settle(sandbox: &mut Sandbox, command: &Run, root: &Root) -> Result<()> {
    if let Some(user) = &command.user {
        sandbox.user = sandbox::user(root, user).context(|| format!("cannot run as `{}`", escape(user)))?;
    }
    if let Some(workdir) = &command.workdir {
        sandbox.workdir = ImagePath::absolute(workdir).context(|| "cannot use --workdir")?;
    }
    sandbox.writable = command.writable;
    sandbox.network = command.network.into();
    sandbox.mounts = command.mounts.clone();
    sandbox.timeout = command.timeout.map(Duration::from_secs);
    // With one end elsewhere, what a terminal does to bytes would only be in the way.
    sandbox.terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    for (name, value) in &command.env {
        match value.clone().or_else(|| std::env::var_os(name)) {
            Some(value) => sandbox.set_env(name, value),
            // Nothing is what it has here, too.
            None => sandbox.env.retain(|(other, _)| other != name.as_str()),
        }
    }
    let unless_set = |sandbox: &mut Sandbox, name: &str, value: OsString| {
        if sandbox.env(name).is_none() {
            sandbox.set_env(name, value);
        }
    };
    if sandbox.terminal {
        unless_set(sandbox, "TERM", std::env::var_os("TERM").unwrap_or_else(|| "xterm".into()));
    }
    Ok(())
}

/// `HOST:PATH[:ro]`.
pub(crate) fn parse_mount(text: &str) -> Result<Mount, String> {
    let wrong = |why: &str| format!("{why}; write HOST:PATH or HOST:PATH:ro");
    let (text, read_only) = match text.rsplit_once(':') {
        Some((rest, "ro")) => (rest, true),
        Some((rest, "rw")) => (rest, false),
        _ => (text, false),
    };
    let (host, path) = text.rsplit_once(':').ok_or_else(|| wrong("it names no path in the image"))?;
    if host.is_empty() {
        return Err(wrong("it names nothing of this machine"));
    }
    let path = ImagePath::absolute(path).map_err(|error| error.to_string())?;
    if path.is_root() {
        return Err(wrong("nothing can be mounted over the whole root"));
    }
    Ok(Mount { host: PathBuf::from(host), path, read_only })
}

/// `NAME=VALUE`, or `NAME` for what this process's environment has.
pub(crate) fn parse_env(text: &str) -> Result<(String, Option<OsString>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.into())),
        None => (text, None),
    };
    if name.is_empty() {
        return Err(
            Error::new("it has no name; write NAME=VALUE, or NAME to pass on this machine's").to_string()
        );
    }
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_from_the_right() {
        for (text, expected) in [
            ("a:/b", "a /b rw"),
            ("a:/b:ro", "a /b ro"),
            ("a:/b:rw", "a /b rw"),
            ("/x:y:/b", "/x:y /b rw"),
            ("a", "it names no path in the image; write HOST:PATH or HOST:PATH:ro"),
            ("a:ro", "it names no path in the image; write HOST:PATH or HOST:PATH:ro"),
            (":/b", "it names nothing of this machine; write HOST:PATH or HOST:PATH:ro"),
            ("a:b", "path `b` does not start with `/`"),
            ("a:/", "nothing can be mounted over the whole root; write HOST:PATH or HOST:PATH:ro"),
            ("a:/b/../..", "path `/b/../..` leaves the root with `..`"),
        ] {
            let told = match parse_mount(text) {
                Ok(mount) => {
                    let mode = if mount.read_only { "ro" } else { "rw" };
                    format!("{} {} {mode}", mount.host.display(), mount.path)
                }
                Err(error) => error,
            };
            assert_eq!(told, expected, "{text}");
        }
    }
}
