//! This process's terminal, joined to the one that a program has inside.

use std::os::fd::{AsFd as _, OwnedFd};

use bareboat_model::{Context as _, Result};
use rustix::termios::{OptionalActions, Termios};

use crate::relay::{Relay, Sink};

/// While it lives, this process's terminal passes on every key as it is.
pub(crate) struct Raw {
    before: Termios,
}

impl Raw {
    pub(crate) fn enter() -> Result<Self> {
        let enter = || -> std::io::Result<Self> {
            let before = rustix::termios::tcgetattr(rustix::stdio::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            rustix::termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?;
            Ok(Self { before })
        };
        enter().context(|| "cannot use the terminal")
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Whoever took the terminal away has no use for its old settings.
        let _ = rustix::termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// What is typed here, and what the program draws.
pub(crate) fn join(inside: OwnedFd) -> Result<(OwnedFd, [Relay; 2])> {
    let join = || -> std::io::Result<(OwnedFd, [Relay; 2])> {
        rustix::fs::fcntl_setfl(&inside, rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NONBLOCK)?;
        let keys = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        let screen = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
        let typed = Relay::into_program(keys, inside.try_clone()?);
        let drawn = Relay::new(inside.try_clone()?, Sink::Descriptor(screen));
        Ok((inside, [typed, drawn]))
    };
    let joined = join().context(|| "cannot use the terminal")?;
    resize(&joined.0);
    Ok(joined)
}

/// Makes the inner terminal as large as this process's.
pub(crate) fn resize(inside: &OwnedFd) {
    if let Ok(size) = rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
        // A program that sees the old size is no reason to end it.
        let _ = rustix::termios::tcsetwinsize(inside.as_fd(), size);
    }
}
