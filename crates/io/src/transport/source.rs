//! Where an image comes from, whatever the transport.

use std::io::{self, Read};
use std::path::Path;

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Context, Digest, Error, HashingReader, Reference, Result};

use super::part;

/// No manifest, index or config is larger. Registries take manifests of up to 4 MiB (distribution specification,
/// "Pushing Manifests"); configs with a long history can be larger.
pub(super) const LARGEST_DOCUMENT: u64 = 16 << 20;

/// What the person can do about a blob that is not what its digest says: what was verified before is verified again when a copy
/// finds it, and replaced.
pub const MEND: &str =
    "copying the image to the same place again replaces what is damaged or missing on this machine";

/// One image, or several under one index, with all that belongs to it.
pub trait Source: Send + Sync {
    /// What was named: a manifest or an index.
    ///
    /// # Errors
    /// When it cannot be told.
    fn top(&self) -> Result<Descriptor>;

    /// A manifest or an index, verified.
    ///
    /// # Errors
    /// When it is missing, or is not what `wanted` says.
    fn document(&self, wanted: &Descriptor) -> Result<Vec<u8>>;

    /// Says which documents will be asked for next, so that a source that is far can fetch several at once.
    ///
    /// # Errors
    /// When one of them is missing, or is not what its descriptor says.
    fn prepare(&self, _documents: &[Descriptor]) -> Result<()> {
        Ok(())
    }

    /// A blob's bytes from `offset` on: not verified, whoever reads them to the end compares digest and length.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>>;

    /// Brings a blob into the file `partial`, verified. What is in it from an earlier run is gone on with.
    ///
    /// # Errors
    /// When the blob is missing, cannot be read, or is not what its descriptor says; or the file cannot be written.
    fn fetch(&self, blob: &Descriptor, partial: &Path, bar: &dyn Bar) -> Result<()> {
        part::fetch(&|offset| self.open(blob, offset), blob, partial, bar)
    }

    /// The manifests that name `of` as their subject. Of another artifact type than `kind` may be among them: that is for who can leave
    /// out what is not asked for before it is sent.
    ///
    /// # Errors
    /// When they cannot be told.
    fn referrers(&self, of: &Digest, kind: Option<&str>) -> Result<Vec<Descriptor>>;

    /// The repository that it is in, from which a registry can mount blobs into another.
    fn repository(&self) -> Option<&Reference> {
        None
    }

    /// Whether bytes come from afar, so that what came is worth keeping when a run fails.
    fn is_far(&self) -> bool {
        false
    }
}

/// A document that is a blob, such as a config: read whole, and verified.
pub(super) fn small_blob(source: &dyn Source, wanted: &Descriptor) -> Result<Vec<u8>> {
    let read = || {
        check_size(wanted)?;
        let mut reader = HashingReader::new(source.open(wanted, 0)?);
        let mut bytes = Vec::new();
        (&mut reader).take(wanted.size.saturating_add(1)).read_to_end(&mut bytes)?;
        let (found, size) = reader.finish();
        same(wanted, &found, size).map(|()| bytes)
    };
    read().context(|| format!("cannot read blob {}", wanted.digest))
}

/// Refuses a document that no registry would take, before it is read.
pub(super) fn check_size(wanted: &Descriptor) -> Result<()> {
    if wanted.size <= LARGEST_DOCUMENT {
        return Ok(());
    }
    Err(Error::new(format!("it has {} bytes, at most {LARGEST_DOCUMENT} are read", wanted.size)))
}

/// Whether what was read is what was wanted.
pub(super) fn same(wanted: &Descriptor, found: &Digest, size: u64) -> Result<()> {
    if (found, size) == (&wanted.digest, wanted.size) {
        return Ok(());
    }
    Err(Error::new(format!(
        "it is damaged: expected {} of {} bytes, found {found} of {size} bytes",
        wanted.digest, wanted.size
    ))
    .with_hint(MEND))
}

/// A blob that is read as it streams, and fails at its end if it was not what its descriptor says.
pub(super) struct Verifying<R> {
    inner: HashingReader<R>,
    wanted: Descriptor,
    done: bool,
}

impl<R: Read> Verifying<R> {
    pub(super) fn new(inner: R, wanted: &Descriptor) -> Self {
        Self { inner: HashingReader::new(inner), wanted: wanted.clone(), done: false }
    }
}

impl<R: Read> Read for Verifying<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n == 0 && !self.done && !buffer.is_empty() {
            self.done = true;
            let (found, size) = self.inner.so_far();
            same(&self.wanted, &found, size)?;
        }
        Ok(n)
    }
}
