//! Entries: derived things, named by a key, and sealed.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bareboat_model::{Digest, Error, HashingReader, Result, escape};

use super::seal::{SEAL, check, is_seal, seal};
use super::{Store, fan_out, open_if_there};
use crate::files::Scratch;

/// A derived thing, opened. It is read from the file's beginning; what follows `length` is not part of it.
#[derive(Debug)]
pub struct Entry {
    /// The file, at its beginning.
    pub file: File,
    /// How many bytes of the file are the entry's.
    pub length: u64,
    seal: [u8; SEAL],
}

impl Entry {
    /// The entry in a file; none if the file is not whole.
    pub(crate) fn of(file: File) -> io::Result<Option<Self>> {
        let Some(length) = file.metadata()?.len().checked_sub(SEAL as u64) else { return Ok(None) };
        let mut seal = [0; SEAL];
        file.read_exact_at(&mut seal, length)?;
        Ok(is_seal(&seal, length).then_some(Self { file, length, seal }))
    }

    /// What `read` makes of its bytes, if they are those that were sealed: of others, nothing else is said.
    pub(crate) fn read<T>(self, read: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        let mut reader = HashingReader::new(self.file.take(self.length));
        let made = read(&mut reader);
        io::copy(&mut reader, &mut io::sink())?;
        check(&self.seal, &reader.finish().0)?;
        made
    }
}

impl Store {
    /// Where the entry is, or would be. Its bytes begin at the beginning of that file.
    pub fn entry_path(&self, kind: &str, key: &Digest) -> PathBuf {
        self.dir.join("entries").join(kind).join(fan_out(key))
    }

    /// Opens an entry, if it is here and whole: its bytes are not read, and whoever reads them compares their digests.
    ///
    /// # Errors
    /// When it is here and cannot be read.
    pub fn open_entry(&self, kind: &str, key: &Digest) -> Result<Option<Entry>> {
        let path = self.entry_path(kind, key);
        let open = || -> io::Result<Option<Entry>> {
            self.enter();
            let Some((file, found)) = open_if_there(&path)? else { return Ok(None) };
            // Some are opened again by their path: one that is going away counts as gone.
            Ok(Entry::of(file)?.filter(|_| self.note_use(&path, &found)))
        };
        open().map_err(|error| self.cannot_read(error, &path))
    }

    /// The bytes of an entry, if it is here and they are those that were written.
    ///
    /// # Errors
    /// When it is here and cannot be read.
    pub fn read_entry(&self, kind: &str, key: &Digest) -> Result<Option<Vec<u8>>> {
        let Some(Entry { file, length, seal }) = self.open_entry(kind, key)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        let read = file.take(length).read_to_end(&mut bytes);
        read.map_err(|error| self.cannot_read(error, &self.entry_path(kind, key)))?;
        // One that the disk damaged is made again, as if it were not here.
        Ok(check(&seal, &Digest::of(&bytes)).is_ok().then_some(bytes))
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
            scratch.seek(SeekFrom::Start(0))?;
            let mut reader = HashingReader::new(&mut scratch);
            io::copy(&mut reader, &mut io::sink())?;
            let (digest, length) = reader.finish();
            scratch.write_all(&seal(length, &digest))?;
            scratch.persist(&path)
        };
        persist().map_err(|error| self.cannot_write(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        let mut read = Vec::new();
        Entry::of(file).unwrap()?.read(|reader| Ok(reader.read_to_end(&mut read)?)).ok()?;
        Some(read)
    }

    #[test]
    fn what_was_cut_or_changed_is_known() {
        for bytes in [&b""[..], b"some bytes"] {
            let whole = [bytes, &seal(bytes.len() as u64, &Digest::of(bytes))].concat();
            assert_eq!(read(&whole).unwrap(), bytes);
            for at in 0..whole.len() {
                assert!(read(&whole[..at]).is_none(), "cut at {at}");
                let mut changed = whole.clone();
                changed[at] ^= 1;
                assert!(read(&changed).is_none(), "changed at {at}");
            }
        }
    }
}
