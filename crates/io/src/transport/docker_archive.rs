//! What `docker load` reads: a tar file with `manifest.json`, as `docker save` has written it since Docker
//! 1.10.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};
use std::path::Path;

use bareboat_formats::compress::{Compression, Limited, decoder};
use bareboat_formats::oci::{Descriptor, LAYER, LAYER_ZSTD};
use bareboat_model::{Digest, Error, HashingReader, Result};
use serde::Serialize;

use super::tarball::{self, Tarball};
use super::{DEFAULT_TAG, Image, ImageSet};
use crate::store::Store;

/// As much as a package may unpack to, and some packages: no layer has more.
const LARGEST_LAYER: u64 = 64 << 30;

/// One element of `manifest.json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Loaded<'a> {
    config: &'a str,
    repo_tags: [&'a str; 1],
    layers: Vec<String>,
}

pub(super) fn write(file: &Path, reference: &str, set: &ImageSet, store: &Store) -> Result<()> {
    let [image] = &set.images[..] else { return Err(too_many(set)) };
    let config = format!("{}.json", Digest::of(&image.config_bytes).hex());
    let layers = image.layers.iter().map(layer_name).collect();
    let manifest = serde_json::to_vec(&[Loaded { config: &config, repo_tags: [reference], layers }])
        .map_err(|error| Error::new(error.to_string()))?;
    tarball::write(file, |tar| {
        tar.file(&config, image.config_bytes.len() as u64, &mut &image.config_bytes[..])?;
        add_layers(tar, image, store)?;
        tar.file("manifest.json", manifest.len() as u64, &mut &manifest[..])
    })
}

fn too_many(set: &ImageSet) -> Error {
    let platforms: Vec<String> = set.images.iter().map(|image| image.platform.to_string()).collect();
    Error::new(format!("a Docker archive holds one platform, this image has {}", platforms.join(", ")))
        .with_hint("write to oci: or oci-archive:, or build for one --platform")
}

fn add_layers(tar: &mut Tarball<'_>, image: &Image, store: &Store) -> Result<()> {
    let mut written = BTreeSet::new();
    for (layer, diff_id) in image.layers.iter().zip(&image.diff_ids) {
        if !written.insert(layer.digest) {
            continue;
        }
        let name = layer_name(layer);
        if layer.media_type == LAYER_ZSTD {
            add_unpacked(tar, &name, layer, diff_id, store)?;
        } else {
            store.read_blob(&layer.digest, |mut content| tar.file(&name, layer.size, &mut content))?;
        }
    }
    Ok(())
}

/// Docker before 23 cannot read Zstandard, so those layers go in uncompressed. A tar header says the size
/// first, so the layer is unpacked twice, rather than put aside.
fn add_unpacked(
    tar: &mut Tarball<'_>,
    name: &str,
    layer: &Descriptor,
    diff_id: &Digest,
    store: &Store,
) -> Result<()> {
    let size = store.read_blob(&layer.digest, |mut content| {
        let mut hashing = HashingReader::new(unpacked(&mut content)?);
        let size = io::copy(&mut hashing, &mut io::sink())?;
        let (found, _) = hashing.finish();
        if found == *diff_id {
            return Ok(size);
        }
        Err(Error::new(format!("layer {} unpacks to {found}, expected {diff_id}", layer.digest)))
    })?;
    store.read_blob(&layer.digest, |mut content| tar.file(name, size, &mut unpacked(&mut content)?))
}

fn unpacked<'a>(content: &'a mut (dyn Read + Send + 'a)) -> Result<impl Read + 'a> {
    Ok(Limited::new(decoder(Compression::Zstd, BufReader::new(content))?, LARGEST_LAYER))
}

fn layer_name(layer: &Descriptor) -> String {
    let packed = layer.media_type != LAYER && layer.media_type != LAYER_ZSTD;
    format!("{}.tar{}", layer.digest.hex(), if packed { ".gz" } else { "" })
}

/// `reference` with a tag. A colon before the last slash is a port.
pub(super) fn full_reference(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    if name.contains(':') { reference.to_owned() } else { format!("{reference}:{DEFAULT_TAG}") }
}
