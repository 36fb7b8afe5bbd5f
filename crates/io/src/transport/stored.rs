//! Blobs in the store, as a source reads them: for what cannot go on with a broken run, and what somebody fetched before.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Digest, Error, HashingReader, Reference, Result};

use super::{Source, Work, part};
use crate::store::Store;

/// Opens a blob of the store. Read from its beginning to its end it is verified; a damaged one is removed.
pub(super) fn open(store: &Store, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
    let file = open_at(store, blob, offset)?;
    if offset > 0 {
        return Ok(Box::new(file));
    }
    let path = store.blob_path(&blob.digest);
    Ok(Box::new(Checked { inner: HashingReader::new(file), digest: blob.digest, path }))
}

fn open_at(store: &Store, blob: &Descriptor, offset: u64) -> Result<File> {
    let missing =
        || Error::new(format!("cannot find `{}` in the cache `{}`", blob.digest, store.dir().display()));
    let mut file = store.open_blob(&blob.digest)?.ok_or_else(missing)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

/// As [`open`], into a file. If the blob is damaged, it goes, so that the next run makes it again.
pub(super) fn fetch(store: &Store, blob: &Descriptor, partial: &Path, bar: &dyn Bar) -> Result<()> {
    let open = |offset| Ok(Box::new(open_at(store, blob, offset)?) as Box<dyn Read + Send>);
    part::fetch(&open, blob, partial, bar).map_err(|error| match store.open_blob(&blob.digest) {
        Ok(Some(_)) => {
            let read =
                store.read_blob(&blob.digest, |content| Ok(io::copy(content, &mut io::sink()).map(drop)?));
            read.err().unwrap_or(error)
        }
        _ => error,
    })
}

/// A blob of the store that is verified as it streams, and removed if it is damaged.
struct Checked {
    inner: HashingReader<File>,
    digest: Digest,
    path: PathBuf,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let (found, _) = match n {
            0 if !buffer.is_empty() => self.inner.so_far(),
            _ => return Ok(n),
        };
        if found == self.digest {
            return Ok(0);
        }
        // If it cannot be removed, the next run meets it again and says so again.
        let _ = std::fs::remove_file(&self.path);
        let words = format!("a file in the cache is damaged: expected {}, found {found}", self.digest);
        Err(Error::new(words).with_hint("it was removed: run again").into())
    }
}

/// Puts in front of an error which blob it is about; errors from afar say it.
pub(super) fn named(source: &dyn Source, doing: &str, blob: &Descriptor, error: Error) -> Error {
    match source.is_far() {
        true => error,
        false => error.context(format!("cannot {doing} blob {}", blob.digest)),
    }
}

/// Sees to it that a blob of `source` is in the store. Of several that want it at once one fetches it.
pub(super) fn bring(source: &dyn Source, blob: &Descriptor, work: &Work<'_>) -> Result<()> {
    let store = work.store;
    let here = || store.has_blob(&blob.digest, blob.size);
    if here() {
        work.tally.skipped(blob);
        return Ok(());
    }
    let _lock = store.lock("download", &blob.digest)?;
    if here() {
        work.tally.skipped(blob);
        return Ok(());
    }
    let partial = store.partial(&blob.digest)?;
    let bar = work.bar("fetching", blob);
    let fetched = source
        .fetch(blob, &partial, &*bar)
        .map_err(|error| named(source, "read", blob, error))
        .and_then(|()| store.adopt_file(&partial, &blob.digest));
    if fetched.is_err() && !source.is_far() {
        // What is here anyway is not worth the room that may be missing.
        let _ = std::fs::remove_file(&partial);
    }
    fetched?;
    work.tally.moved(blob);
    Ok(())
}

/// A source of which some blobs, or all, are in the store: these are read from there.
pub(super) struct Stored<'a> {
    source: &'a dyn Source,
    store: &'a Store,
}

impl<'a> Stored<'a> {
    pub(super) fn new(source: &'a dyn Source, store: &'a Store) -> Self {
        Self { source, store }
    }

    /// With these blobs in the store, fetched several at once.
    pub(super) fn with(source: &'a dyn Source, blobs: &[Descriptor], work: &Work<'a>) -> Result<Self> {
        work.each(blobs, |blob| bring(source, blob, work))?;
        Ok(Self::new(source, work.store))
    }

    fn has(&self, blob: &Descriptor) -> bool {
        self.store.has_blob(&blob.digest, blob.size)
    }
}

impl Source for Stored<'_> {
    fn top(&self) -> Result<Descriptor> {
        self.source.top()
    }

    fn document(&self, wanted: &Descriptor) -> Result<Vec<u8>> {
        self.source.document(wanted)
    }

    fn prepare(&self, documents: &[Descriptor]) -> Result<()> {
        self.source.prepare(documents)
    }

    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
        match self.store.open_blob(&blob.digest)? {
            Some(mut file) if self.has(blob) => {
                file.seek(SeekFrom::Start(offset))?;
                Ok(Box::new(file))
            }
            _ => self.source.open(blob, offset),
        }
    }

    fn fetch(&self, blob: &Descriptor, partial: &Path, bar: &dyn Bar) -> Result<()> {
        // What is damaged was removed, and comes from where it came from.
        if self.has(blob) && fetch(self.store, blob, partial, bar).is_ok() {
            return Ok(());
        }
        self.source.fetch(blob, partial, bar)
    }

    fn referrers(&self, of: &Digest, kind: Option<&str>) -> Result<Vec<Descriptor>> {
        self.source.referrers(of, kind)
    }

    fn repository(&self) -> Option<&Reference> {
        self.source.repository()
    }

    fn is_far(&self) -> bool {
        self.source.is_far()
    }
}
