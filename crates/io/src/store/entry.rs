//! Entries: derived things, named by a key.
//!
//! An entry ends with its own length and a mark, so that one cut short by a loss of power is known for it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bareboat_model::{Digest, Error, Result, escape};

use super::{Store, fan_out, open_if_there};
use crate::files::Scratch;

const MARK: &[u8; 8] = b"bareboat";
const TRAILER: u64 = 16;

/// A derived thing, opened. It is read from the file's beginning; what follows `length` is not part of it.
#[derive(Debug)]
pub struct Entry {
    /// The file, at its beginning.
    pub file: File,
    /// How many bytes of the file are the entry's.
    pub length: u64,
}

impl Store {
    /// Where the entry is, or would be. Its bytes begin at the beginning of that file.
    pub fn entry_path(&self, kind: &str, key: &Digest) -> PathBuf {
        self.dir.join("entries").join(kind).join(fan_out(key))
    }

    /// Opens an entry, if it is here and whole.
    ///
    /// # Errors
    /// When it is here and cannot be read.
    pub fn open_entry(&self, kind: &str, key: &Digest) -> Result<Option<Entry>> {
        let path = self.entry_path(kind, key);
        let open = || -> std::io::Result<Option<Entry>> {
            self.enter();
            let Some((file, found)) = open_if_there(&path)? else { return Ok(None) };
            let Some(length) = found.len().checked_sub(TRAILER) else { return Ok(None) };
            let mut trailer = [0; TRAILER as usize];
            file.read_exact_at(&mut trailer, length)?;
            // Some are opened again by their path: one that is going away counts as gone.
            let is_whole = trailer == self::trailer(length) && self.note_use(&path, &found);
            Ok(is_whole.then_some(Entry { file, length }))
        };
        open().map_err(|error| self.cannot_read(error, &path))
    }

    /// The bytes of an entry, if it is here and whole.
    ///
    /// # Errors
    /// When it is here and cannot be read.
    pub fn read_entry(&self, kind: &str, key: &Digest) -> Result<Option<Vec<u8>>> {
        let Some(Entry { file, length }) = self.open_entry(kind, key)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        let read = file.take(length).read_to_end(&mut bytes);
        read.map_err(|error| self.cannot_read(error, &self.entry_path(kind, key)))?;
        Ok(Some(bytes))
    }

    /// Makes an entry of what `write` writes, in place of an older one of the same name.
    ///
    /// `kind` is a plain word, such as `layer`. `write` gets an unbuffered file, and leaves the bytes that it
    /// wants kept from the file's beginning to its end.
    ///
    /// # Errors
    /// When `write` fails or the store cannot be written. The older entry stays then.
    pub fn write_entry(
        &self,
        kind: &str,
        key: &Digest,
        write: impl FnOnce(&mut Scratch) -> Result<()>,
    ) -> Result<()> {
        if !kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(Error::new(format!("`{}` is no kind of cache entry", escape(kind))));
        }
        let mut scratch = self.scratch()?;
        write(&mut scratch)?;
        let persist = || -> Result<()> {
            let path = self.entry_path(kind, key);
            path.parent().map_or(Ok(()), |folder| self.folder(folder).map(drop))?;
            let length = scratch.as_file().metadata()?.len();
            std::io::Seek::seek(&mut scratch, std::io::SeekFrom::End(0))?;
            scratch.write_all(&trailer(length))?;
            scratch.persist(&path)
        };
        persist().map_err(|error| self.cannot_write(error))
    }
}

fn trailer(length: u64) -> [u8; TRAILER as usize] {
    let mut trailer = [0; TRAILER as usize];
    trailer[..8].copy_from_slice(&length.to_le_bytes());
    trailer[8..].copy_from_slice(MARK);
    trailer
}
