//! What is known of a layout's blobs: that they were whole when they were written or last read.
//!
//! A layout lies around for longer than a cache, so that a blob is there says little. But to read 300 MB again at each copy
//! would cost more than the copy. So the store remembers, for each layout, which file was found to hold which blob: by inode,
//! size, and the times that the kernel sets whenever somebody writes to it.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Digest, HashingReader};

use crate::files::open_if_there;
use crate::store::Store;

/// The kind of store entries that say so.
const KIND: &str = "layout-verified-1";

type Known = BTreeMap<Digest, [i64; 6]>;

/// What is known of one layout.
pub(super) struct Verified<'a> {
    store: &'a Store,
    key: Digest,
    known: Mutex<(Known, bool)>,
}

impl<'a> Verified<'a> {
    /// What earlier runs found in the layout that is, or shall be, at `dir`.
    pub(super) fn of(dir: &Path, store: &'a Store) -> Self {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let key = Digest::of(dir.as_os_str().as_bytes());
        let bytes = store.read_entry(KIND, &key).ok().flatten();
        let known = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { store, key, known: Mutex::new((known, false)) }
    }

    fn known(&self) -> MutexGuard<'_, (Known, bool)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is known that the file holds the blob.
    pub(super) fn knows(&self, path: &Path, blob: &Descriptor) -> bool {
        let identity = fs::symlink_metadata(path).ok().filter(Metadata::is_file).map(|data| identity(&data));
        identity.is_some() && self.known().0.get(&blob.digest) == identity.as_ref()
    }

    /// Whether the file holds the blob, byte for byte. It is read if that is not known.
    pub(super) fn is_whole(&self, path: &Path, blob: &Descriptor) -> bool {
        let Ok(Some(file)) = open_if_there(path) else { return false };
        let Ok(data) = file.metadata() else { return false };
        if data.len() != blob.size {
            return false;
        }
        let identity = identity(&data);
        if self.known().0.get(&blob.digest) == Some(&identity) {
            return true;
        }
        let whole = is_whole(file, &blob.digest);
        if whole {
            self.note(blob.digest, identity);
        }
        whole
    }

    /// The file was just written, and verified.
    pub(super) fn written(&self, path: &Path, blob: &Descriptor) {
        if let Ok(data) = fs::symlink_metadata(path) {
            self.note(blob.digest, identity(&data));
        }
    }

    fn note(&self, digest: Digest, identity: [i64; 6]) {
        let mut known = self.known();
        known.0.insert(digest, identity);
        known.1 = true;
    }

    /// Remembers it for later runs. That it cannot be kept costs them time and nothing else.
    pub(super) fn keep(&self) {
        let known = self.known();
        if !known.1 {
            return;
        }
        let Ok(json) = serde_json::to_vec(&known.0) else { return };
        let _ = self.store.write_entry(KIND, &self.key, |file| Ok(file.write_all(&json)?));
    }
}

fn identity(data: &Metadata) -> [i64; 6] {
    let size = i64::try_from(data.len()).unwrap_or(i64::MAX);
    let inode = data.ino().cast_signed();
    [inode, size, data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()]
}

fn is_whole(file: File, digest: &Digest) -> bool {
    let mut hashing = HashingReader::new(file);
    io::copy(&mut hashing, &mut io::sink()).is_ok() && hashing.finish().0 == *digest
}
