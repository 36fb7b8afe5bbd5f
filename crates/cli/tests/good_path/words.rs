//! What a command that succeeds says.

use std::process::Command;

use crate::bench::{Bench, said};

impl Bench {
    /// Runs a command that must succeed. Gives what it answered, below what it told on the way.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        self.says_with(&mut self.command(args))
    }

    /// As [`Bench::says`], for a command with an environment of its own.
    pub(crate) fn says_with(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output) + std::str::from_utf8(&output.stdout).unwrap()
    }

    /// Runs the program, which must refuse; gives what it says.
    pub(crate) fn refuses(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert_eq!(output.stdout, b"");
        said(&output)
    }

    /// Builds with these arguments; gives the digest.
    pub(crate) fn digest(&self, args: &[&str]) -> String {
        self.says(&[&["build", "--quiet"], args].concat()).trim().to_owned()
    }
}
