//! How a program ended.

use std::time::Duration;

/// How a program in a sandbox ended, and what it said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// What it wrote to its standard output, if that was captured.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error, if that was captured.
    pub stderr: Vec<u8>,
    /// Whether it wrote more than was kept.
    pub truncated: bool,
    /// How long it took.
    pub took: Duration,
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// By itself, with this exit code.
    Exited(u8),
    /// By a signal, by its number.
    Signaled(u8),
    /// It ran longer than it was allowed to, and was killed.
    TimedOut,
}

impl Status {
    /// The exit code that tells it: as shells have it for signals, and as `timeout` of coreutils has it for time.
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128_u8.saturating_add(signal),
            Self::TimedOut => 124,
        }
    }
}
