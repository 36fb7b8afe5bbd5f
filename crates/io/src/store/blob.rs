//! Blobs: bytes named by their digest.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bareboat_model::{Context, Digest, Error, HashingReader, HashingWriter, Result};

use super::{Store, fan_out, open_if_there};

/// Writers of layers and manifests write little at a time.
const BUFFER: usize = 128 << 10;

impl Store {
    /// Where the blob is, or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs/sha256").join(fan_out(digest))
    }

    /// Whether the blob is here, with this length. One of another length was damaged, and counts as absent.
    pub fn has_blob(&self, digest: &Digest, size: u64) -> bool {
        self.enter();
        let path = self.blob_path(digest);
        fs::metadata(&path)
            .is_ok_and(|found| found.is_file() && found.len() == size && self.note_use(&path, &found))
    }

    /// Hands the blob's bytes to `read`, and then verifies them. A blob that turns out damaged is removed, so
    /// that the next run makes it again.
    ///
    /// # Errors
    /// When the blob is not here, `read` fails, or the bytes are wrong: then what `read` made of them must
    /// not be used.
    pub fn read_blob<T>(
        &self,
        digest: &Digest,
        read: impl FnOnce(&mut (dyn Read + Send)) -> Result<T>,
    ) -> Result<T> {
        let file = self.open_blob(digest)?.ok_or_else(|| {
            Error::new(format!("cannot find `{digest}` in the cache `{}`", self.dir.display()))
        })?;
        let mut reader = HashingReader::new(file);
        // Also when `read` fails: most likely because of the damage.
        let made = read(&mut reader);
        io::copy(&mut reader, &mut io::sink()).context(|| format!("cannot read `{digest}` in the cache"))?;
        let (found, _) = reader.finish();
        if found == *digest {
            return made;
        }
        // If it cannot be removed, the next run meets it again and says so again.
        let _ = fs::remove_file(self.blob_path(digest));
        Err(Error::new(format!("a file in the cache is damaged: expected {digest}, found {found}"))
            .with_hint("it was removed: run again"))
    }

    /// Removes those of the blobs that are damaged, so that one failure does not come once for each.
    pub fn remove_damaged(&self, digests: impl IntoIterator<Item = Digest>) {
        for digest in digests {
            // Reading one verifies it, and removes it if need be.
            let _ = self.read_blob(&digest, |content| Ok(io::copy(content, &mut io::sink()).map(drop)?));
        }
    }

    /// Opens the blob, if it is here. Whoever reads it checks the digest: the disk may have failed since.
    ///
    /// # Errors
    /// When the blob is here and cannot be read.
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<File>> {
        self.enter();
        let path = self.blob_path(digest);
        let opened = open_if_there(&path).map_err(|error| self.cannot_read(error, &path))?;
        Ok(opened.map(|(file, found)| {
            // Open files stay, even if they lose their name.
            self.note_use(&path, &found);
            file
        }))
    }

    /// Stores what `write` writes; gives its digest and length.
    ///
    /// # Errors
    /// When `write` fails or the store cannot be written. Nothing is kept then.
    pub fn insert_blob(
        &self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    ) -> Result<(Digest, u64)> {
        let scratch = self.scratch()?;
        let mut writer = HashingWriter::new(BufWriter::with_capacity(BUFFER, scratch));
        write(&mut writer)?;
        let (buffered, digest, size) = writer.finish();
        let persist = || {
            let scratch = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
            if self.has_blob(&digest, size) {
                return Ok(());
            }
            scratch.persist_synced(&self.prepare_blob(&digest)?)
        };
        persist().map_err(|error| self.cannot_write(error))?;
        Ok((digest, size))
    }

    /// Makes the file at `path`, which is on the store's file system and was verified, the blob `digest`.
    ///
    /// # Errors
    /// When it cannot be synced or renamed.
    pub(crate) fn adopt_file(&self, path: &Path, digest: &Digest) -> Result<()> {
        let adopt = || -> Result<()> {
            let file = File::open(path).context(|| format!("cannot open `{}`", path.display()))?;
            file.sync_all()?;
            Ok(fs::rename(path, self.prepare_blob(digest)?)?)
        };
        adopt().map_err(|error| self.cannot_write(error))
    }

    fn prepare_blob(&self, digest: &Digest) -> Result<PathBuf> {
        let path = self.blob_path(digest);
        path.parent().map_or(Ok(()), |folder| self.folder(folder).map(drop))?;
        Ok(path)
    }
}
