//! The local store: blobs by digest, and derived things by key, in one folder that many processes share.
//!
//! | path | what |
//! |---|---|
//! | `blobs/sha256/ab/cdef…` | packages, layers, manifests: named by the digest of their bytes |
//! | `entries/KIND/ab/cdef…` | what was computed from blobs, named by a key that the caller makes |
//! | `KIND/HEX/` | folders of files that were made of blobs, such as `roots-1/` |
//! | `partial/HEX` | downloads under way, gone on with after a broken run |
//! | `locks/KIND-HEX` | who is doing what |
//! | `tmp/` | files being written |
//!
//! Everything is written aside and renamed, so a process may be killed at any moment. Blobs are synced before
//! they get their name. Entries are not, as they can be made again: a loss of power may cut one short, or a disk damage
//! it, which its seal shows (`seal.rs`), and then it counts as absent.
//!
//! Anything may be removed while nobody uses it (`in_use.rs`): `bareboat cache` does.

mod blob;
mod clean;
mod entry;
mod folder;
mod in_use;
mod lock;
pub(crate) mod seal;
#[cfg(test)]
mod tests;
mod things;
mod verify;

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};
use std::time::{Duration, SystemTime};

use bareboat_model::{Context, Digest, Error, Result};

use crate::files::{Scratch, no_links, sweep};

pub use clean::{Amount, Cleaned, Keep};
pub use entry::Entry;
pub use lock::Guard;
pub use things::{Thing, ThingKind};
pub use verify::{Damaged, Judge, Verified};

/// What helps when the cache cannot be written.
pub(crate) const ROOM: &str = "set BAREBOAT_CACHE to a folder that can be written and has room";

/// A download that nobody has gone on with for a week is not needed any more.
const PARTIAL_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const SCRATCH: &str = "scratch-";

/// A folder that holds blobs and entries.
pub struct Store {
    dir: PathBuf,
    swept: Once,
    /// The store's folder, locked: see `in_use`.
    in_use: OnceLock<fs::File>,
}

impl Store {
    /// Where the store is if nobody says otherwise: `BAREBOAT_CACHE`, else `XDG_CACHE_HOME/bareboat`, else
    /// `HOME/.cache/bareboat`.
    ///
    /// # Errors
    /// When none of these is set.
    pub fn default_dir() -> Result<PathBuf> {
        dir_from(|name| std::env::var_os(name))
    }

    /// The store in `dir`, which is created when something is written.
    ///
    /// # Errors
    /// When `dir` is empty or the current folder is needed to find it and cannot be told.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let failing = || format!("cannot use the cache `{}`", dir.display());
        let dir = std::path::absolute(dir).context(failing)?;
        if dir.exists() && !dir.is_dir() {
            return Err(Error::new("it is not a folder").context(failing()).with_hint(ROOM));
        }
        Ok(Self { dir, swept: Once::new(), in_use: OnceLock::new() })
    }

    /// The store's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file on the store's file system that is gone when it is dropped.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn scratch(&self) -> Result<Scratch> {
        self.new_scratch().map_err(|error| self.cannot_write(error))
    }

    fn new_scratch(&self) -> Result<Scratch> {
        let tmp = self.folder("tmp")?;
        self.swept.call_once(|| {
            sweep(&tmp, SCRATCH);
            self.sweep_partials();
        });
        Ok(Scratch::create(&tmp, SCRATCH)?)
    }

    /// Where the download of a blob goes before it is whole. Take the `download` lock of the digest first.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn partial(&self, digest: &Digest) -> Result<PathBuf> {
        let folder = self.folder("partial").map_err(|error| self.cannot_write(error))?;
        Ok(folder.join(digest.hex()))
    }

    fn sweep_partials(&self) {
        let Ok(entries) = fs::read_dir(self.dir.join("partial")) else { return };
        for entry in entries.flatten() {
            let changed = entry.metadata().and_then(|data| data.modified());
            let age = changed.map(|changed| SystemTime::now().duration_since(changed).unwrap_or_default());
            if age.is_ok_and(|age| age > PARTIAL_KEPT) {
                // Best effort: it is tried again by the next run.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A folder of the store, created if it is missing.
    fn folder(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = self.dir.join(name);
        // Who makes room removes empty folders, unless somebody is there.
        fs::create_dir_all(&self.dir)?;
        self.enter();
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn cannot_write(&self, error: Error) -> Error {
        error.context(format!("cannot write to the cache `{}`", self.dir.display())).with_hint(ROOM)
    }

    fn cannot_read(&self, error: std::io::Error, path: &Path) -> Error {
        Error::from(error).context(format!("cannot read `{}` in the cache", path.display()))
    }
}

/// `HEX` as `ab/cdef…`: folders of a million names are slow on some file systems.
fn fan_out(digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    let (first, rest) = hex.split_at(2);
    Path::new(first).join(rest)
}

/// The file at `path` and what is known of it, unless it is missing.
fn open_if_there(path: &Path) -> std::io::Result<Option<(fs::File, fs::Metadata)>> {
    match fs::OpenOptions::new().read(true).custom_flags(no_links()).open(path) {
        Ok(file) => {
            let found = file.metadata()?;
            // What is no file is nothing of the store's, and makes room for what is.
            Ok(found.is_file().then_some((file, found)))
        }
        Err(_) if path.is_symlink() => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn dir_from(env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = set("BAREBOAT_CACHE") {
        return Ok(dir);
    }
    // "If an implementation encounters a relative path it should consider the path invalid" (XDG base
    // directories).
    if let Some(cache) = set("XDG_CACHE_HOME").filter(|path| path.is_absolute()) {
        return Ok(cache.join("bareboat"));
    }
    if let Some(home) = set("HOME") {
        return Ok(home.join(".cache/bareboat"));
    }
    Err(Error::new(
        "cannot find a folder for the cache: neither BAREBOAT_CACHE nor XDG_CACHE_HOME nor HOME is set",
    )
    .with_hint("set BAREBOAT_CACHE to a folder that can be written"))
}
