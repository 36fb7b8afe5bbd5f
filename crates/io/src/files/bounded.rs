//! Small files, read whole: no more of them than they may have.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use bareboat_model::{Error, Result};
use rustix::fs::OFlags;

/// How often a file under way is opened.
const MOST_TRIES: usize = 5;

/// The file at `path`; `None` if there is none.
///
/// # Errors
/// When it cannot be read, is no regular file, or has more than `most` bytes.
pub fn read_bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let Some(file) = open_if_there(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::new(format!("it is longer than the {most} bytes expected at most")));
    }
    Ok(Some(bytes))
}

/// For files of the cache, which others may be able to write to: to open no link, and not to wait for a pipe.
pub(crate) fn no_links() -> i32 {
    flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)
}

/// Opens a file of the cache for reading and writing, and makes it if it is not there.
pub(crate) fn open_or_make(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).custom_flags(no_links()).open(path)
}

/// Whether `path` is a name of this open file: no link to it, and nothing else by now.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a file that is written to over several runs, and makes it if it is not there. One that has another name as well would
/// lead what is written to another place: its name here is taken away, and a new file made.
///
/// It counts as written to now: what an old run left is looked through before anything is added, and who makes room meanwhile
/// would take it for abandoned.
pub(crate) fn open_partial(path: &Path) -> io::Result<File> {
    for _ in 0..MOST_TRIES {
        let file = open_or_make(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        if found.nlink() > 1 {
            std::fs::remove_file(path)?;
            continue;
        }
        file.set_modified(SystemTime::now())?;
        // It may have been taken away just before.
        if path.symlink_metadata().is_ok_and(|now| (now.dev(), now.ino()) == (found.dev(), found.ino())) {
            return Ok(file);
        }
    }
    Err(io::Error::other("somebody moves it or gives it other names all the time"))
}

fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).unwrap_or_default()
}

/// Opens the regular file at `path`; `None` if there is none.
pub(crate) fn open_if_there(path: &Path) -> Result<Option<File>> {
    // Without NONBLOCK, opening a pipe would wait for a writer.
    let nonblock = flags(OFlags::NONBLOCK);
    let file = match OpenOptions::new().read(true).custom_flags(nonblock).open(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other?,
    };
    if !file.metadata()?.is_file() {
        return Err(Error::new("it is not a regular file"));
    }
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_that_is_gone_on_with_counts_as_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partial");
        std::fs::write(&path, "half").unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(1000);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let file = open_partial(&path).unwrap();
        let changed = file.metadata().unwrap().modified().unwrap();
        assert!(changed.elapsed().unwrap_or_default() < Duration::from_hours(1));
        assert_eq!(std::fs::read(&path).unwrap(), b"half");
    }
}
