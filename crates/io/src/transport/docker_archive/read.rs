//! Reading what `docker save` wrote, of any age, compressed or not.
//!
//! Where there is an OCI layout in the archive, its manifests are used. Older archives have none: then one is made of what is
//! there, always the same for the same archive.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use bareboat_formats::compress::Compression;
use bareboat_formats::oci::{
    CONFIG, Descriptor, ImageConfig, Index, LAYER, LAYER_GZIP, LAYER_ZSTD, MANIFEST, Manifest,
};
use bareboat_model::{Context, Digest, Error, HashingReader, Result, escape};

use super::{IMAGE_NAME, MANIFEST_FILE, Saved, familiar, full_reference};
use crate::store::Store;
use crate::transport::Source;
use crate::transport::files::Files;
use crate::transport::graph::Kind;
use crate::transport::image::MOST_LAYERS;
use crate::transport::layout::{self, INDEX_FILE, LayoutSource, blob_path};

/// The image that `reference` names; without one, the only image of the archive.
pub(crate) fn open(files: Files, reference: Option<&str>) -> Result<Box<dyn Source>> {
    let saved = saved_as(saved(&files)?, reference)?;
    if let Some(index) = layout::index_if_there(&files)?
        && let Some(top) = kept_manifest(&files, &index, &saved)
    {
        return Ok(Box::new(LayoutSource::at(files, index, top)));
    }
    Ok(Box::new(Made::of(files, &saved)?))
}

/// What the images in the archive at `file` are called, sorted; those without a name are not among them.
///
/// # Errors
/// When it is no such archive.
pub fn saved_names(file: &Path, store: &Store) -> Result<Vec<String>> {
    let saved = Files::archive(file, store).and_then(|files| saved(&files));
    let saved = saved.context(|| format!("cannot list `docker-archive:{}`", file.display()))?;
    let names: BTreeSet<String> =
        saved.into_iter().flat_map(|one| one.repo_tags.unwrap_or_default()).collect();
    Ok(names.into_iter().collect())
}

fn saved(files: &Files) -> Result<Vec<Saved>> {
    let Some(bytes) = files.document(MANIFEST_FILE)? else {
        let error = Error::new(format!("there is no `{MANIFEST_FILE}`, so `docker save` did not write it"));
        return Err(match files.size(INDEX_FILE) {
            Some(_) => error.with_hint("it is an OCI archive: write oci-archive:FILE"),
            None => error,
        });
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(format!("cannot read `{MANIFEST_FILE}`: {}", escape(&error.to_string()))))
}

fn saved_as(mut saved: Vec<Saved>, reference: Option<&str>) -> Result<Saved> {
    let tags: Vec<String> =
        saved.iter().flat_map(|one| one.repo_tags.iter().flatten()).map(|tag| escape(tag)).collect();
    let Some(wanted) = reference else {
        return match saved.len() {
            1 => Ok(saved.remove(0)),
            0 => Err(Error::new("it holds no image")),
            _ => Err(Error::new(format!("it holds {} images: {}", saved.len(), names_of(&saved)))
                .with_hint("name one: docker-archive:FILE:REFERENCE")),
        };
    };
    let wanted = full_reference(wanted);
    let is_wanted = |tag: &String| familiar(tag) == familiar(&wanted);
    let found = saved.into_iter().find(|one| one.repo_tags.iter().flatten().any(is_wanted));
    found.ok_or_else(|| {
        Error::new(format!("it has no image `{}`, expected one of: {}", escape(&wanted), tags.join(", ")))
    })
}

/// The names of each image: one may have several, or none.
fn names_of(saved: &[Saved]) -> String {
    let names = saved.iter().map(|one| {
        let names: Vec<String> = one.repo_tags.iter().flatten().map(|tag| escape(tag)).collect();
        if names.is_empty() { "one without a name".to_owned() } else { names.join(" = ") }
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The manifest, or the index, that the archive keeps for the image: the one with its name, else the one with its config.
fn kept_manifest(files: &Files, index: &Index, saved: &Saved) -> Option<Descriptor> {
    let names: Vec<&str> = saved.repo_tags.iter().flatten().map(|tag| familiar(tag)).collect();
    let is_here = |one: &&Descriptor| files.size(&blob_path(&one.digest)) == Some(one.size);
    let is_named = |one: &&Descriptor| {
        one.annotations.get(IMAGE_NAME).is_some_and(|name| names.contains(&familiar(name)))
    };
    let has_config = |one: &&Descriptor| {
        let bytes = files.document(&blob_path(&one.digest)).ok().flatten();
        let manifest = bytes.and_then(|bytes| Manifest::parse(&bytes).ok());
        manifest.is_some_and(|manifest| blob_path(&manifest.config.digest) == saved.config)
    };
    let known = || {
        let is_known = |one: &&Descriptor| Kind::of(&one.media_type).is_ok_and(|kind| kind != Kind::Other);
        index.manifests.iter().filter(is_known).filter(is_here)
    };
    let mut seen = BTreeSet::new();
    // Each is read once, however often the index lists it.
    let mut once = known().filter(|one| seen.insert(one.digest));
    once.find(has_config).or_else(|| known().find(is_named)).cloned()
}

/// An image without a manifest of its own.
struct Made {
    files: Files,
    manifest: (Descriptor, Vec<u8>),
    /// Where the archive has its blobs.
    paths: BTreeMap<Digest, String>,
}

impl Made {
    fn of(files: Files, saved: &Saved) -> Result<Self> {
        let config = files.document(&saved.config)?.ok_or_else(|| missing(&saved.config))?;
        let diff_ids = ImageConfig::parse(&config)?.rootfs.diff_ids;
        let layers = saved.layers.as_deref().unwrap_or_default();
        if layers.len() != diff_ids.len() || layers.len() > MOST_LAYERS {
            return Err(Error::new(format!(
                "it has {} layers and its config names {}, expected as many and at most {MOST_LAYERS}",
                layers.len(),
                diff_ids.len()
            )));
        }
        let config_descriptor = Descriptor::of(CONFIG, &config);
        let mut paths = BTreeMap::from([(config_descriptor.digest, saved.config.clone())]);
        let mut descriptors = Vec::new();
        for (path, diff_id) in layers.iter().zip(&diff_ids) {
            let layer = layer(&files, path, diff_id)?;
            paths.insert(layer.digest, path.clone());
            descriptors.push(layer);
        }
        let bytes = Manifest::new(config_descriptor, descriptors).to_bytes()?;
        Ok(Self { files, manifest: (Descriptor::of(MANIFEST, &bytes), bytes), paths })
    }
}

/// A layer as it lies in the archive. One that is not compressed has the digest that the config names, which is verified
/// when it is read.
fn layer(files: &Files, path: &str, diff_id: &Digest) -> Result<Descriptor> {
    let open = || files.open(path, 0)?.ok_or_else(|| missing(path));
    let (reader, size) = open()?;
    let mut start = Vec::new();
    reader.take(Compression::MAGIC_LENGTH as u64).read_to_end(&mut start)?;
    let media_type = match Compression::sniff(&start) {
        Compression::None => return Ok(Descriptor::new(LAYER, *diff_id, size)),
        Compression::Gzip => LAYER_GZIP,
        Compression::Zstd => LAYER_ZSTD,
        other => return Err(Error::new(format!("layer `{}` is compressed with {other}", escape(path)))),
    };
    let mut hashing = HashingReader::new(open()?.0);
    std::io::copy(&mut hashing, &mut std::io::sink())?;
    let (digest, size) = hashing.finish();
    Ok(Descriptor::new(media_type, digest, size))
}

fn missing(path: &str) -> Error {
    Error::new(format!("`{}` is missing", escape(path)))
}

impl Source for Made {
    fn top(&self) -> Result<Descriptor> {
        Ok(self.manifest.0.clone())
    }

    fn document(&self, wanted: &Descriptor) -> Result<Vec<u8>> {
        match wanted.digest == self.manifest.0.digest {
            true => Ok(self.manifest.1.clone()),
            false => Err(missing(&wanted.digest.to_string())),
        }
    }

    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
        let path = self.paths.get(&blob.digest).ok_or_else(|| missing(&blob.digest.to_string()))?;
        let (reader, _) = self.files.open(path, offset)?.ok_or_else(|| missing(path))?;
        Ok(reader)
    }

    fn referrers(&self, _of: &Digest, _kind: Option<&str>) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_several_names_or_none_are_counted_once() {
        let one = |tags: &[&str]| Saved {
            config: String::new(),
            repo_tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
            layers: None,
        };
        let error = saved_as(vec![one(&["a:1", "b:1"]), one(&["c:1"]), one(&[])], None).err().unwrap();
        assert_eq!(error.to_string(), "it holds 3 images: a:1 = b:1, c:1, one without a name");
    }
}
