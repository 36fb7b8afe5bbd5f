//! Small files, read whole: no more of them than they may have.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bareboat_model::{Error, Result};
use rustix::fs::OFlags;

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
