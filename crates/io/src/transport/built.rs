//! Images that were just built: their layers are in the store, the documents that name them in memory.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek as _, SeekFrom};
use std::path::Path;

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Context, Digest, Error, Location, Platform, Result};

use super::{Choice, CopyOptions, Outside, Source, destination, part, stored};
use crate::store::Store;

/// One image: for one platform.
#[derive(Clone, Debug)]
pub struct BuiltImage {
    /// Names the manifest.
    pub manifest: Descriptor,
    /// The manifest itself.
    pub manifest_bytes: Vec<u8>,
    /// The config that the manifest names.
    pub config_bytes: Vec<u8>,
    /// The layers, the lowest first. They are in the store.
    pub layers: Vec<Descriptor>,
    /// What it runs on.
    pub platform: Platform,
}

/// What is written under one name: an image, or several with the index that ties them together.
#[derive(Clone, Debug)]
pub struct ImageSet {
    /// The images, one for each platform.
    pub images: Vec<BuiltImage>,
    /// The index and its descriptor, when there is more than one image.
    pub index: Option<(Descriptor, Vec<u8>)>,
}

/// What refers to an image of a set, such as a record of how it was built.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// What it refers to: the digest of a manifest or of the index.
    pub subject: Digest,
    /// Names its manifest.
    pub manifest: Descriptor,
    /// The manifest itself.
    pub manifest_bytes: Vec<u8>,
    /// What the manifest names: its config, and what it is about.
    pub blobs: Vec<Vec<u8>>,
}

/// Whether attachments can be written to `output`: what `docker save` writes and engines keep has no place for them.
pub fn holds_attachments(output: &Location) -> bool {
    !matches!(output, Location::DockerArchive { .. } | Location::DockerDaemon { .. })
}

/// As [`write_with`], without attachments.
///
/// # Errors
/// As [`write_with`].
pub fn write(output: &Location, set: &ImageSet, outside: &Outside<'_>, default_name: &str) -> Result<()> {
    write_with(output, set, &[], outside, default_name)
}

/// Writes `set` to `output`, whole or not at all, and its attachments where `output` [has a place](holds_attachments)
/// for them. `default_name` is the name that an engine gives the
/// image if `output` names none; a tag that is not named is `latest`.
///
/// # Errors
/// When a layer is missing in the store or damaged, the output cannot hold the set, or it cannot be written.
pub fn write_with(
    output: &Location,
    set: &ImageSet,
    attachments: &[Attachment],
    outside: &Outside<'_>,
    default_name: &str,
) -> Result<()> {
    let write = || {
        let destination = destination(output, outside, default_name)?;
        let options =
            CopyOptions { choice: Choice::All, with_referrers: holds_attachments(output), pulled_from: None };
        let built = Built::of(set, attachments, outside.store);
        super::copy(&built, &*destination, &options, outside).map(drop)
    };
    write().context(|| format!("cannot write the image to `{output}`"))
}

impl ImageSet {
    /// What stands for the whole: the index, or the manifest of the only image.
    ///
    /// # Errors
    /// When there are several images and no index.
    pub fn descriptor(&self) -> Result<&Descriptor> {
        match (&self.index, &self.images[..]) {
            (Some((index, _)), _) => Ok(index),
            (None, [image]) => Ok(&image.manifest),
            (None, images) => {
                Err(Error::new(format!("{} images need an index to tie them together", images.len())))
            }
        }
    }
}

/// The set as a source.
struct Built<'a> {
    set: &'a ImageSet,
    documents: BTreeMap<Digest, &'a [u8]>,
    attachments: &'a [Attachment],
    store: &'a Store,
}

impl<'a> Built<'a> {
    fn of(set: &'a ImageSet, attachments: &'a [Attachment], store: &'a Store) -> Self {
        let of_images = set.images.iter().flat_map(|image| [&image.config_bytes, &image.manifest_bytes]);
        let of_attachments = attachments.iter().flat_map(|one| one.blobs.iter().chain([&one.manifest_bytes]));
        let documents = of_images.chain(set.index.iter().map(|(_, bytes)| bytes)).chain(of_attachments);
        let documents = documents.map(|bytes| (Digest::of(bytes), bytes.as_slice())).collect();
        Self { set, documents, attachments, store }
    }
}

impl Source for Built<'_> {
    fn top(&self) -> Result<Descriptor> {
        self.set.descriptor().cloned()
    }

    fn document(&self, wanted: &Descriptor) -> Result<Vec<u8>> {
        let missing = || Error::new(format!("{} was not built", wanted.digest));
        self.documents.get(&wanted.digest).map(|bytes| bytes.to_vec()).ok_or_else(missing)
    }

    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
        let Some(bytes) = self.documents.get(&blob.digest) else {
            return stored::open(self.store, blob, offset);
        };
        let mut reader = Cursor::new(bytes.to_vec());
        reader.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(reader))
    }

    fn fetch(&self, blob: &Descriptor, partial: &Path, bar: &dyn Bar) -> Result<()> {
        match self.documents.contains_key(&blob.digest) {
            true => part::fetch(&|offset| self.open(blob, offset), blob, partial, bar),
            false => stored::fetch(self.store, blob, partial, bar),
        }
    }

    fn referrers(&self, of: &Digest, _kind: Option<&str>) -> Result<Vec<Descriptor>> {
        let attached = self.attachments.iter().filter(|one| one.subject == *of);
        Ok(attached.map(|one| one.manifest.clone()).collect())
    }
}
