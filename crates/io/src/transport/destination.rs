//! Where an image goes, whatever the transport.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Digest, Progress, Result};

use super::each::each;
use super::{Graph, Source};
use crate::store::Store;

/// A place that an image is written to, whole or not at all.
pub trait Destination: Send + Sync {
    /// Whether it can hold the image at all: asked before anything is moved.
    ///
    /// # Errors
    /// When it cannot.
    fn check(&self, graph: &Graph) -> Result<()>;

    /// Whether what is attached to an image has a place there.
    fn holds_attachments(&self) -> bool {
        true
    }

    /// What the person should know of this image when it is there.
    fn caveat(&self, _graph: &Graph) -> Option<&'static str> {
        None
    }

    /// Writes the image: blobs, then documents, and its name last.
    ///
    /// # Errors
    /// When something is missing or damaged, or cannot be written. The name then means what it meant before.
    fn write(&self, graph: &Graph, source: &dyn Source, work: &Work<'_>) -> Result<()>;
}

/// What all that writes shares: the cache, the threads, and whoever watches.
pub struct Work<'a> {
    /// The cache.
    pub store: &'a Store,
    /// How many blobs are on their way at once.
    pub threads: usize,
    /// Whoever watches.
    pub progress: &'a dyn Progress,
    /// What was done.
    pub tally: Tally,
    /// See [`super::CopyOptions::pulled_from`].
    pub pulled_from: Option<String>,
}

/// What was moved, and what was there already.
#[derive(Debug, Default)]
pub struct Tally {
    moved: AtomicUsize,
    moved_bytes: AtomicU64,
    skipped: AtomicUsize,
    skipped_bytes: AtomicU64,
    mounted: AtomicUsize,
    replaced: Mutex<Option<Digest>>,
}

impl Tally {
    /// A blob was moved.
    pub fn moved(&self, blob: &Descriptor) {
        self.moved.fetch_add(1, Ordering::Relaxed);
        self.moved_bytes.fetch_add(blob.size, Ordering::Relaxed);
    }

    /// A blob was there.
    pub fn skipped(&self, blob: &Descriptor) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        self.skipped_bytes.fetch_add(blob.size, Ordering::Relaxed);
    }

    /// A registry took a blob from another of its repositories.
    pub fn mounted(&self, blob: &Descriptor) {
        self.mounted.fetch_add(1, Ordering::Relaxed);
        self.skipped(blob);
    }

    /// The name that was written meant this before.
    pub fn replaced(&self, before: Digest) {
        *self.replaced.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    }

    /// What the name meant before.
    pub fn replacement(&self) -> Option<Digest> {
        *self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many blobs were moved, and their bytes.
    pub fn moves(&self) -> (usize, u64) {
        (self.moved.load(Ordering::Relaxed), self.moved_bytes.load(Ordering::Relaxed))
    }

    /// How many blobs were there already, and their bytes.
    pub fn skips(&self) -> (usize, u64) {
        (self.skipped.load(Ordering::Relaxed), self.skipped_bytes.load(Ordering::Relaxed))
    }

    /// How many of these a registry took from another of its repositories.
    pub fn mounts(&self) -> usize {
        self.mounted.load(Ordering::Relaxed)
    }
}

impl Work<'_> {
    /// A bar for one blob.
    pub(super) fn bar(&self, doing: &str, blob: &Descriptor) -> Box<dyn Bar> {
        let short: String = blob.digest.hex().chars().take(12).collect();
        self.progress.begin(&format!("{doing} {short}"), Some(blob.size))
    }

    /// Does `one` for each blob, several at once, the largest first. The first failure ends it.
    pub(super) fn each(
        &self,
        blobs: &[Descriptor],
        one: impl Fn(&Descriptor) -> Result<()> + Sync,
    ) -> Result<()> {
        each(blobs, self.threads, one)
    }
}
