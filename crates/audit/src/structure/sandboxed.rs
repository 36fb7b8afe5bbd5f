//! Containers of an unpacked image: sandboxes, each with a root of its own that can be written to.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use bareboat_formats::oci::ImageConfig;
use bareboat_io::root::Root;
use bareboat_model::{Context, Result};
use bareboat_sandbox::{Mount, Network, Output, Sandbox, Status, for_image, user};

use super::subject::{Container, Containers, End, Ended, Terms};

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
    fn start(&self, terms: &Terms) -> Result<Box<dyn Container + '_>> {
        let mut sandbox = for_image(self.root, self.config)?;
        if let Some(named) = &terms.user {
            sandbox.user = user(self.root, named).context(|| "the tests' `user`")?;
        }
        sandbox.writable = true;
        sandbox.network = self.network;
        sandbox.timeout = Some(self.timeout);
        sandbox.output = Output::Capture { limit: MOST_OUTPUT };
        sandbox.mounts = terms.mounts.iter().map(mount).collect();
        Ok(Box::new(sandbox))
    }
}

fn mount(mount: &super::BindMount) -> Mount {
    Mount { host: mount.source.clone(), path: mount.target.clone(), read_only: mount.read_only }
}

impl Container for Sandbox {
    fn run(&mut self, command: &[String], env: &[(String, String)]) -> Result<Ended> {
        self.env = env.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        let started = Instant::now();
        let outcome = Sandbox::run(self, &command)?;
        let how = match outcome.status {
            Status::TimedOut => End::TooLong(self.timeout.unwrap_or_default()),
            _ if outcome.truncated => End::TooMuch(MOST_OUTPUT as u64),
            status => End::Exited(status.code().into()),
        };
        Ok(Ended { how, stdout: outcome.stdout, stderr: outcome.stderr, took: started.elapsed() })
    }
}
