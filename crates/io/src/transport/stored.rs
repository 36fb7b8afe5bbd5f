//! Blobs in the store, as a source reads them: for what cannot go on with a broken run, and what somebody fetched before.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Context, Digest, Error, Reference, Result};

use super::source::Verifying;
use super::{Source, Work, part};
use crate::store::Store;

/// Opens a blob of the store. Read from its beginning to its end it is verified; a damaged one is removed.
pub(super) fn open<'a>(
    store: &'a Store,
    blob: &Descriptor,
    offset: u64,
) -> Result<Box<dyn Read + Send + 'a>> {
    let missing =
        || Error::new(format!("cannot find `{}` in the cache `{}`", blob.digest, store.dir().display()));
    let mut file = store.open_blob(&blob.digest)?.ok_or_else(missing)?;
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
        return Ok(Box::new(file));
    }
    Ok(Box::new(Checked { reader: Verifying::new(file, blob), store, digest: blob.digest }))
}

/// As [`open`], into a file.
pub(super) fn fetch(store: &Store, blob: &Descriptor, partial: &Path, bar: &dyn Bar) -> Result<()> {
    let open = |offset| {
        let missing =
            || Error::new(format!("cannot find `{}` in the cache `{}`", blob.digest, store.dir().display()));
        let mut file = store.open_blob(&blob.digest)?.ok_or_else(missing)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file) as Box<dyn Read + Send>)
    };
    part::fetch(&open, blob, partial, bar).map_err(|error| told(store, &blob.digest, error))
}

/// If the blob is damaged, that is why reading it failed; and it goes, so that the next run makes it again.
fn told(store: &Store, digest: &Digest, error: Error) -> Error {
    match store.open_blob(digest) {
        Ok(Some(_)) => {
            let read = store.read_blob(digest, |content| Ok(io::copy(content, &mut io::sink()).map(drop)?));
            read.err().unwrap_or(error)
        }
        _ => error,
    }
}

struct Checked<'a, R> {
    reader: Verifying<R>,
    store: &'a Store,
    digest: Digest,
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| told(self.store, &self.digest, error.into()).into())
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
    source.fetch(blob, &partial, &*bar).context(|| format!("cannot read blob {}", blob.digest))?;
    store.adopt_file(&partial, &blob.digest)?;
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

    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
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

    fn referrers(&self, of: &Digest) -> Result<Vec<Descriptor>> {
        self.source.referrers(of)
    }

    fn repository(&self) -> Option<&Reference> {
        self.source.repository()
    }

    fn is_far(&self) -> bool {
        self.source.is_far()
    }
}
