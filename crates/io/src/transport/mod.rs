//! Where images are written to and read from: OCI layouts, and tar files for OCI and Docker.
//!
//! Layers come from the store; the documents that name them come along in memory.

mod docker_archive;
mod layout;
mod oci_archive;
mod read;
mod tarball;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;

use bareboat_formats::oci::{Descriptor, REF_NAME};
use bareboat_model::{Context, Digest, Error, Location, Platform, Result, Selector};

pub use read::{Found, read};

use crate::store::Store;

/// The tag of an image whose output names none, as every other tool has it.
const DEFAULT_TAG: &str = "latest";

/// One image: for one platform.
#[derive(Clone, Debug)]
pub struct Image {
    /// Names the manifest.
    pub manifest: Descriptor,
    /// The manifest itself.
    pub manifest_bytes: Vec<u8>,
    /// The config that the manifest names.
    pub config_bytes: Vec<u8>,
    /// The layers, the lowest first. They are in the store.
    pub layers: Vec<Descriptor>,
    /// The digests of the layers before compression, in the same order.
    pub diff_ids: Vec<Digest>,
    /// What it runs on.
    pub platform: Platform,
}

/// What is written under one name: an image, or several with the index that ties them together.
#[derive(Clone, Debug)]
pub struct ImageSet {
    /// The images, one for each platform.
    pub images: Vec<Image>,
    /// The index and its descriptor, when there is more than one image.
    pub index: Option<(Descriptor, Vec<u8>)>,
}

/// Writes `set` to `output`, whole or not at all. `default_name` is the repository that Docker gives the
/// image if `output` names none; a tag that is not named is `latest`.
///
/// # Errors
/// When a layer is missing in the store or damaged, the output cannot hold the set, or it cannot be written.
pub fn write(output: &Location, set: &ImageSet, store: &Store, default_name: &str) -> Result<()> {
    match output {
        Location::Oci { dir, name } => tag(name).and_then(|tag| layout::write(dir, tag, set, store)),
        Location::OciArchive { file, name } => {
            tag(name).and_then(|tag| oci_archive::write(file, tag, set, store))
        }
        Location::DockerArchive { file, reference } => {
            let reference = docker_archive::full_reference(reference.as_deref().unwrap_or(default_name));
            docker_archive::write(file, &reference, set, store)
        }
        Location::DockerDaemon { .. } | Location::Registry(_) => {
            Err(Error::new("only files can be written yet"))
        }
    }
    .context(|| format!("cannot write the image to `{output}`"))
}

/// The tag to write under.
fn tag(name: &Option<Selector>) -> Result<&str> {
    match name {
        Some(Selector::Tag(tag)) => Ok(tag),
        None => Ok(DEFAULT_TAG),
        Some(Selector::Digest(_)) => {
            Err(Error::new("a digest is no name to write an image under").with_hint("name a tag: DIR:TAG"))
        }
    }
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

    /// What a layout's index names under `tag`.
    fn top(&self, tag: &str) -> Result<Descriptor> {
        let mut top = self.descriptor()?.clone();
        top.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
        Ok(top)
    }

    /// Everything that belongs to the set, each blob once, by digest.
    fn blobs(&self) -> BTreeMap<Digest, Blob<'_>> {
        let mut blobs = BTreeMap::new();
        for image in &self.images {
            for layer in &image.layers {
                blobs.insert(layer.digest, Blob { size: layer.size, bytes: None });
            }
            for document in [&image.config_bytes, &image.manifest_bytes] {
                blobs.insert(Digest::of(document), Blob::of(document));
            }
        }
        if let Some((_, index)) = &self.index {
            blobs.insert(Digest::of(index), Blob::of(index));
        }
        blobs
    }
}

/// One blob of an image.
#[derive(Clone, Copy)]
struct Blob<'a> {
    size: u64,
    /// Its content; if there is none, it is in the store.
    bytes: Option<&'a [u8]>,
}

impl<'a> Blob<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { size: bytes.len() as u64, bytes: Some(bytes) }
    }

    /// Hands the content to `read` and verifies it.
    fn read<T>(
        &self,
        digest: &Digest,
        store: &Store,
        read: impl FnOnce(&mut (dyn Read + Send)) -> Result<T>,
    ) -> Result<T> {
        match self.bytes {
            Some(mut bytes) => read(&mut bytes),
            None => store.read_blob(digest, read),
        }
    }
}
