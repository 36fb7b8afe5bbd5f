//! OCI image layouts in a folder (image-layout.md of the OCI image specification).
//!
//! A layout may hold other images, which stay. Its index is exchanged last, so whoever reads it meanwhile
//! sees the old images or the new ones. Two writers take turns: each holds a lock on the `oci-layout` file.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bareboat_formats::oci::{self, Descriptor, Index, LAYOUT_FILE, Manifest, REF_NAME};
use bareboat_model::{Context, Digest, Error, HashingReader, Result};

use super::{Blob, ImageSet};
use crate::files::{Created, Scratch, create_directory, read_bounded, sweep, write_file};
use crate::store::Store;

const INDEX_FILE: &str = "index.json";
const SCRATCH: &str = ".partial-";

/// No index or manifest is larger (the distribution specification has registries accept 4 MiB).
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// Images within images within images: an index of an index is legal and rare.
const DEEPEST: usize = 8;

pub(super) fn write(dir: &Path, tag: &str, set: &ImageSet, store: &Store) -> Result<()> {
    let created = create_directory(dir, |aside| Layout { dir: aside }.put(tag, set, store).map(drop))?;
    if created == Created::New {
        return Ok(());
    }
    let layout = Layout { dir };
    layout.refuse_links()?;
    let _lock = layout.lock()?;
    sweep(&layout.blobs_dir(), SCRATCH);
    if layout.put(tag, set, store)? {
        layout.prune();
    }
    Ok(())
}

struct Layout<'a> {
    dir: &'a Path,
}

impl Layout<'_> {
    /// The folder may be somebody else's, out of a repository: a link in it would lead what is written, and what is
    /// pruned, to another place.
    fn refuse_links(&self) -> Result<()> {
        for name in ["blobs", "blobs/sha256", INDEX_FILE, LAYOUT_FILE.0] {
            let path = self.dir.join(name);
            if path.is_symlink() {
                return Err(Error::new(format!("`{}` is a link", path.display())));
            }
        }
        Ok(())
    }

    /// Waits until nobody else writes to this layout.
    fn lock(&self) -> Result<File> {
        let path = self.dir.join(LAYOUT_FILE.0);
        let file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => Error::new("the folder holds other things, and is no OCI layout")
                    .with_hint("name a folder that is new or empty, or an OCI layout"),
                _ => Error::from(error).context(format!("cannot open `{}`", path.display())),
            })?;
        file.lock().context(|| format!("cannot lock `{}`", path.display()))?;
        Ok(file)
    }

    /// Adds the images under `tag`, and says whether that changed anything.
    fn put(&self, tag: &str, set: &ImageSet, store: &Store) -> Result<bool> {
        let index = self.index_with(tag, set)?;
        fs::create_dir_all(self.blobs_dir())?;
        for (digest, blob) in set.blobs() {
            self.put_blob(&digest, blob, store)?;
        }
        self.put_layout_file()?;
        self.put_index(&index)
    }

    /// In place, as other writers wait for the lock on this very file.
    fn put_layout_file(&self) -> Result<()> {
        let path = self.dir.join(LAYOUT_FILE.0);
        if fs::metadata(&path).is_ok_and(|there| there.len() > 0) {
            return Ok(());
        }
        fs::write(&path, LAYOUT_FILE.1).context(|| format!("cannot write `{}`", path.display()))
    }

    fn put_index(&self, bytes: &[u8]) -> Result<bool> {
        let path = self.dir.join(INDEX_FILE);
        if read_document(&path)?.is_some_and(|there| there == bytes) {
            return Ok(false);
        }
        write_file(&path, |file| Ok(file.write_all(bytes)?))?;
        Ok(true)
    }

    /// The layout's index with `tag` as it shall be, and all other images as they are.
    fn index_with(&self, tag: &str, set: &ImageSet) -> Result<Vec<u8>> {
        let mut index = match read_document(&self.dir.join(INDEX_FILE))? {
            Some(bytes) => Index::parse(&bytes).context(|| format!("cannot read `{INDEX_FILE}`"))?,
            None => Index::new(Vec::new()),
        };
        let has_tag = |one: &Descriptor| one.annotations.get(REF_NAME).is_some_and(|name| name == tag);
        let place = index.manifests.iter().position(has_tag).unwrap_or(index.manifests.len());
        index.manifests.retain(|one| !has_tag(one));
        index.manifests.insert(place, set.top(tag)?);
        index.to_bytes()
    }

    fn put_blob(&self, digest: &Digest, blob: Blob<'_>, store: &Store) -> Result<()> {
        let path = self.blob_path(digest);
        if is_whole(&path, digest, blob.size) {
            return Ok(());
        }
        blob.read(digest, store, |content| {
            let mut scratch = Scratch::create(&self.blobs_dir(), SCRATCH)?;
            io::copy(content, &mut scratch)?;
            Ok(scratch)
        })?
        .persist_synced(&path)
    }

    fn blobs_dir(&self) -> PathBuf {
        self.dir.join("blobs/sha256")
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs_dir().join(digest.hex())
    }

    /// Removes the blobs that no image of this layout needs any more. If one of the images cannot be
    /// understood, nothing is removed; and that a blob cannot be removed is no failure of the image.
    fn prune(&self) {
        let Some(needed) = self.needed() else { return };
        let Ok(entries) = fs::read_dir(self.blobs_dir()) else { return };
        for entry in entries.flatten() {
            let digest = entry.file_name().to_str().and_then(|name| Digest::from_hex(name).ok());
            if digest.is_some_and(|digest| !needed.contains(&digest)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn needed(&self) -> Option<BTreeSet<Digest>> {
        let index = Index::parse(&read_document(&self.dir.join(INDEX_FILE)).ok()??).ok()?;
        let mut needed = BTreeSet::new();
        for image in &index.manifests {
            self.add_needed(image, DEEPEST, &mut needed)?;
        }
        Some(needed)
    }

    fn add_needed(&self, image: &Descriptor, depth: usize, needed: &mut BTreeSet<Digest>) -> Option<()> {
        if !needed.insert(image.digest) {
            return Some(());
        }
        let bytes = read_document(&self.blob_path(&image.digest)).ok()??;
        match image.media_type.as_str() {
            oci::INDEX | oci::DOCKER_MANIFEST_LIST => {
                let inner = Index::parse(&bytes).ok()?;
                inner.manifests.iter().try_for_each(|one| self.add_needed(one, depth.checked_sub(1)?, needed))
            }
            oci::MANIFEST | oci::DOCKER_MANIFEST => {
                let manifest = Manifest::parse(&bytes).ok()?;
                needed.extend(manifest.layers.iter().chain([&manifest.config]).map(|one| one.digest));
                Some(())
            }
            _ => None,
        }
    }
}

/// Whether the blob is there, byte for byte: a layout lies around for longer than a cache.
fn is_whole(path: &Path, digest: &Digest, size: u64) -> bool {
    let Ok(file) = File::open(path) else { return false };
    if !file.metadata().is_ok_and(|there| there.is_file() && there.len() == size) {
        return false;
    }
    let mut hashing = HashingReader::new(file);
    io::copy(&mut hashing, &mut io::sink()).is_ok() && hashing.finish().0 == *digest
}

fn read_document(path: &Path) -> Result<Option<Vec<u8>>> {
    read_bounded(path, LARGEST_DOCUMENT).context(|| format!("cannot read `{}`", path.display()))
}
