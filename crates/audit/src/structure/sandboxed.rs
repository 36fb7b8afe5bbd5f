//! Containers of an unpacked image: sandboxes, each with a root of its own that can be written to.

use std::ffi::OsString;
use std::time::Duration;

use bareboat_formats::oci::ImageConfig;
use bareboat_io::root::Root;
use bareboat_model::{Context, Result};
use bareboat_sandbox::{Mount, Network, Outcome, Output, Status, for_image, user};

use super::schema::BindMount;
use super::subject::{Containers, End, Ended, Terms};

/// The most that a program of a test may print on each of its outputs; more ends in failure.
const MOST_OUTPUT: usize = 8 << 20;

/// Sandboxes around one image.
#[derive(Debug)]
pub struct Sandboxes<'a> {
    /// The image's files.
    pub root: &'a Root,
    /// How it runs.
    pub config: &'a ImageConfig,
    /// How long a program may run.
    pub timeout: Duration,
    /// What it can reach.
    pub network: Network,
}

impl Containers for Sandboxes<'_> {
    fn run(&self, terms: &Terms, env: &[(String, String)], commands: &[Vec<String>]) -> Result<Vec<Ended>> {
        let mut sandbox = for_image(self.root, self.config)?;
        if let Some(named) = &terms.user {
            sandbox.user = user(self.root, named).context(|| "the tests' `user`")?;
        }
        sandbox.env = env.iter().map(|(name, value)| (name.into(), value.into())).collect();
        sandbox.writable = true;
        sandbox.network = self.network;
        sandbox.timeout = Some(self.timeout);
        sandbox.output = Output::Capture { limit: MOST_OUTPUT };
        sandbox.mounts = terms.mounts.iter().map(mount).collect();
        let words = |command: &Vec<String>| command.iter().map(OsString::from).collect();
        let commands: Vec<Vec<OsString>> = commands.iter().map(words).collect();
        Ok(sandbox.run_in_turn(&commands)?.into_iter().map(|outcome| self.ended(outcome)).collect())
    }
}

impl Sandboxes<'_> {
    fn ended(&self, outcome: Result<Outcome>) -> Ended {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Ended { how: End::NotStarted(error.to_string()), ..Ended::default() },
        };
        let how = match outcome.status {
            Status::TimedOut => End::TooLong(self.timeout),
            _ if outcome.truncated => End::TooMuch(MOST_OUTPUT as u64),
            status => End::Exited(status.code().into()),
        };
        Ended { how, stdout: outcome.stdout, stderr: outcome.stderr, took: outcome.took }
    }
}

fn mount(mount: &BindMount) -> Mount {
    Mount { host: mount.source.clone(), path: mount.target.clone(), read_only: mount.read_only }
}
