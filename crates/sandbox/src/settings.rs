//! What a sandbox is made of.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use bareboat_model::ImagePath;

/// The search path of a program whose environment has none, as Docker's engine sets it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A place to run a program in.
///
/// Make one with [`Sandbox::new`] or [`crate::for_image`], and change what should differ.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// The folder that is the program's root: [`bareboat_io::root::Root::dir`]. Nothing is ever written into it.
    pub root: PathBuf,
    /// Whether the program can change its root. What it changes is kept in memory, and gone when it ends.
    pub writable: bool,
    /// Files and folders of this machine that it sees.
    pub mounts: Vec<Mount>,
    /// What it can reach.
    pub network: Network,
    /// What it takes for this machine's name.
    pub hostname: String,
    /// Who it runs as.
    pub user: User,
    /// The directory that it starts in.
    pub workdir: ImagePath,
    /// Its environment, in this order.
    pub env: Vec<(OsString, OsString)>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// Where its output goes.
    pub output: Output,
    /// Whether it gets a terminal of its own, joined to this process's terminal. Only with [`Output::Inherit`].
    pub terminal: bool,
}

/// A file or folder of this machine, seen inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mount {
    /// What is seen.
    pub host: PathBuf,
    /// Where it is seen; links in it are followed inside the root.
    pub path: ImagePath,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// What a program in the sandbox can reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Network {
    /// Itself, on a loopback interface of its own.
    #[default]
    None,
    /// All that this machine can reach, this machine's own loopback interface and abstract sockets included.
    Host,
}

/// Who a program runs as, by number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// Further groups. An ordinary user cannot give them to a program: they are left out then.
    pub groups: Vec<u32>,
    /// The home directory, if the image's `/etc/passwd` knows the user.
    pub home: Option<String>,
}

/// Where a program's output goes, and its input comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// To and from where this process's own goes; signals that this process gets are passed on.
    Inherit,
    /// Into [`crate::Outcome`]; the input is empty.
    Capture {
        /// The most bytes that are kept of each of the two streams. What is beyond is read and dropped.
        limit: usize,
    },
}

impl Sandbox {
    /// A sandbox around `root` with nothing of this machine in it, in which programs run as root without its powers.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            writable: false,
            mounts: Vec::new(),
            network: Network::None,
            hostname: "bareboat".to_owned(),
            user: User::default(),
            workdir: ImagePath::ROOT,
            env: vec![("PATH".into(), DEFAULT_PATH.into())],
            timeout: None,
            output: Output::Inherit,
            terminal: false,
        }
    }

    /// Sets a variable of the environment, in the place where it was set before.
    pub fn set_env(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let (name, value) = (name.into(), value.into());
        match self.env.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.env.push((name, value)),
        }
    }

    /// A variable of the environment.
    pub fn env(&self, name: &str) -> Option<&OsStr> {
        self.env.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_os_str())
    }
}
