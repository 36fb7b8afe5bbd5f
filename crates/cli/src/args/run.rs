//! The commands that run images.

use std::ffi::OsString;
use std::path::PathBuf;

use bareboat_model::Platform;
use bareboat_sandbox::{Mount, Network};
use clap::{Args as ClapArgs, ValueEnum};

/// Test an image with container-structure-test's files, without an engine
///
/// Files, contents, licences and metadata are looked up in the image; commands run in a sandbox, each test on a fresh
/// copy of the image that it may write to. The files may be of schema 2.0.0 or 1.0.0. Exit code 1 says that a test failed.
#[derive(ClapArgs, Debug)]
#[command(override_usage = "bareboat test [OPTIONS] <IMAGE> --config <FILE>...")]
pub(crate) struct Test {
    /// The image: NAME of one that was built here, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF],
    /// docker-daemon:REF, or HOST/REPOSITORY[:TAG]
    pub(crate) image: String,
    /// The test files, YAML or JSON
    #[arg(short, long = "config", value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) config: Vec<PathBuf>,
    /// Write the results to a file as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// The platform to test, such as linux/arm64 [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// End a command that runs for so long, and take the test as failed. How long a registry is waited for says BAREBOAT_TIMEOUT
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) timeout: u64,
    /// What commands can reach
    #[arg(long, value_enum, default_value_t = NetworkChoice::None)]
    pub(crate) network: NetworkChoice,
    /// Give test files what they name of this machine: bindMounts, envFile and envVars of containerRunOptions.
    /// Only for files that you trust
    #[arg(long)]
    pub(crate) allow_host: bool,
}

/// Run an image here: without a daemon, without root, its root read-only
///
/// The program sees the image's files, a /tmp of its own, what is mounted into it, and nothing else of this machine; it
/// has no capability and cannot get one. What it leaves running ends with it. Its exit code is bareboat's own: 128 and the
/// number of the signal that ended it, 124 after --timeout, 2 if it could not be run.
#[derive(ClapArgs, Debug)]
pub(crate) struct Run {
    /// The image: NAME of one that was built here, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF],
    /// docker-daemon:REF, or HOST/REPOSITORY[:TAG]
    pub(crate) image: String,
    /// In place of the image's arguments; its entrypoint stays
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
    /// Set a variable of the environment; NAME alone passes on this machine's; may be repeated
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = crate::run::parse_env)]
    pub(crate) env: Vec<(String, Option<OsString>)>,
    /// Run as this user, by name or number, with an optional :GROUP [default: the image's]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Start in this directory [default: the image's]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) workdir: Option<String>,
    /// Run this program in place of the image's entrypoint and arguments
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) entrypoint: Option<OsString>,
    /// Show a file or folder of this machine at a path in the image; may be repeated
    #[arg(long = "mount", value_name = "HOST:PATH[:ro]", value_parser = crate::run::parse_mount)]
    pub(crate) mounts: Vec<Mount>,
    /// What the program can reach
    #[arg(long, value_enum, default_value_t = NetworkChoice::None)]
    pub(crate) network: NetworkChoice,
    /// Let the program change its root; what it changes is kept in memory, and gone at the end
    #[arg(long)]
    pub(crate) writable: bool,
    /// End the program when it runs for longer. How long a registry is waited for says BAREBOAT_TIMEOUT
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// The platform to run for, where the image has several [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
}

/// What a program can reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum NetworkChoice {
    /// Itself, on a loopback interface of its own
    None,
    /// All that this machine can reach, and this machine itself
    Host,
}

impl From<NetworkChoice> for Network {
    fn from(choice: NetworkChoice) -> Self {
        match choice {
            NetworkChoice::None => Self::None,
            NetworkChoice::Host => Self::Host,
        }
    }
}
