//! What the tests look at: an image's settings, its files, and containers of it.

use std::time::Duration;

use bareboat_formats::oci::Execution;
use bareboat_model::{ImagePath, Result};

use super::schema::BindMount;

/// An image under test.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// How it runs.
    pub settings: &'a Execution,
    /// What is in it.
    pub files: &'a dyn Files,
    /// Where its programs run.
    pub containers: &'a dyn Containers,
}

/// The files of an image, all layers together. Links are followed within the image, as its own programs would.
pub trait Files {
    /// What is at the path. Links on the way are followed, the last name is not. None when nothing is there.
    ///
    /// # Errors
    /// When the image is damaged.
    fn look(&self, path: &ImagePath) -> Result<Option<Entry>>;

    /// What the file at the path holds, all links followed.
    ///
    /// # Errors
    /// When the image is damaged.
    fn read(&self, path: &ImagePath, most: u64) -> Result<Content>;

    /// The names of the directories in the directory at the path, sorted. None when no directory is there.
    ///
    /// # Errors
    /// When the image is damaged.
    fn folders(&self, path: &ImagePath) -> Result<Option<Vec<Vec<u8>>>>;
}

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// What was read of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// All its bytes.
    Bytes(Vec<u8>),
    /// Nothing, and why.
    Nothing(String),
}

/// Where an image's programs run.
pub trait Containers {
    /// Runs programs in a fresh container, one after the other: what one changes, the next one sees. All of it is gone
    /// afterwards. They have nothing on their standard input, and exactly this environment. Gives how each ended, up to
    /// the first that did not start or took too long.
    ///
    /// # Errors
    /// When this machine cannot give a container; not when a program fails, or is not there.
    fn run(&self, terms: &Terms, env: &[(String, String)], commands: &[Vec<String>]) -> Result<Vec<Ended>>;
}

/// What a container is to be like, beyond what the image says.
#[derive(Clone, Default, Debug)]
pub struct Terms {
    /// The user in place of the image's.
    pub user: Option<String>,
    /// Folders and files of this machine to show.
    pub mounts: Vec<BindMount>,
}

/// How a program ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// How it came to an end.
    pub how: End,
    /// What it wrote on standard output.
    pub stdout: Vec<u8>,
    /// What it wrote on standard error.
    pub stderr: Vec<u8>,
    /// How long it took.
    pub took: Duration,
}

/// How a program came to an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// By itself, with this code; by a signal, 128 and its number, as engines have it.
    Exited(i64),
    /// It took too long and was ended.
    TooLong(Duration),
    /// It wrote more than is kept and was ended.
    TooMuch(u64),
    /// It did not start, and why.
    NotStarted(String),
}

impl Default for End {
    fn default() -> Self {
        Self::Exited(0)
    }
}
