//! Writing what engines of all ages load.
//!
//! The file is an OCI layout, which new engines read, with the `manifest.json` of older ones beside it, whose paths lead to the
//! same blobs: so the manifest is kept, and its digest. Only with Zstandard layers, which old engines cannot read, it is the
//! older kind alone, with these layers unpacked.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use bareboat_formats::compress::{Compression, Limited, decoder};
use bareboat_formats::oci::{Descriptor, ImageConfig, Index, LAYER, LAYOUT_FILE, Manifest, REF_NAME};
use bareboat_model::{Context, Digest, Error, HashingReader, Reference, Result, escape};

use super::{IMAGE_NAME, MANIFEST_FILE, Saved, full_reference, has_zstd, is_zstd};
use crate::transport::graph::{is_foreign, plain};
use crate::transport::layout::{INDEX_FILE, blob_path};
use crate::transport::oci_archive::add_blobs;
use crate::transport::platforms::is_image;
use crate::transport::source::{Verifying, small_blob};
use crate::transport::stored::Stored;
use crate::transport::tarball::{self, Tarball};
use crate::transport::{Destination, Graph, Source, Work};

/// As much as a package may unpack to, and some packages: no layer has more.
const LARGEST_LAYER: u64 = 64 << 30;

/// A tar file for `docker load`, and the name that the engine gives the image.
pub(crate) struct DockerArchiveDestination {
    pub(crate) file: PathBuf,
    pub(crate) reference: String,
}

impl Destination for DockerArchiveDestination {
    fn check(&self, graph: &Graph) -> Result<()> {
        check(graph)
    }

    fn holds_attachments(&self) -> bool {
        false
    }

    fn write(&self, graph: &Graph, source: &dyn Source, work: &Work<'_>) -> Result<()> {
        let write = |source: &dyn Source| {
            tarball::write(&self.file, |tar| fill(tar, &self.reference, graph, source, work))
        };
        match source.is_far() {
            true => write(&Stored::with(source, &graph.blobs, work)?),
            false => write(source),
        }
    }
}

/// Whether an engine can have it: one image, with all its layers.
pub(crate) fn check(graph: &Graph) -> Result<()> {
    let (descriptor, manifest) = graph.only()?;
    if !is_image(manifest) {
        return Err(Error::new(format!(
            "{} is no image, but a `{}`",
            descriptor.digest,
            escape(&manifest.config.media_type)
        ))
        .with_hint("write to oci: or oci-archive:, or to a registry"));
    }
    match manifest.layers.iter().find(|layer| is_foreign(layer)) {
        Some(foreign) => Err(Error::new(format!(
            "layer {} is one that its owner alone hands out, and an engine takes only whole images",
            foreign.digest
        ))
        .with_hint("write to oci: or oci-archive:, or to a registry")),
        None => Ok(()),
    }
}

/// Fills the archive.
pub(crate) fn fill(
    tar: &mut Tarball<'_>,
    reference: &str,
    graph: &Graph,
    source: &dyn Source,
    work: &Work<'_>,
) -> Result<()> {
    let (_, manifest) = graph.only()?;
    let reference = full_reference(reference);
    if has_zstd(manifest) {
        return fill_unpacked(tar, reference, manifest, source, work);
    }
    add_blobs(tar, graph, source, work)?;
    tar.bytes(INDEX_FILE, &index(graph, &reference)?)?;
    let layers = manifest.layers.iter().map(|layer| blob_path(&layer.digest)).collect();
    tar.bytes(MANIFEST_FILE, &saved(blob_path(&manifest.config.digest), reference, layers)?)?;
    tar.bytes(LAYOUT_FILE.0, LAYOUT_FILE.1)
}

/// The layout's index, with the names that Docker and containerd look for.
fn index(graph: &Graph, reference: &str) -> Result<Vec<u8>> {
    let mut top = plain(&graph.top);
    let whole: Option<Reference> = reference.parse().ok();
    top.annotations.insert(IMAGE_NAME.to_owned(), whole.map_or(reference.to_owned(), |it| it.to_string()));
    let tag = reference.rsplit(':').next().unwrap_or(reference);
    top.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
    Index::new(vec![top]).to_bytes()
}

fn saved(config: String, reference: String, layers: Vec<String>) -> Result<Vec<u8>> {
    let saved = Saved { config, repo_tags: Some(vec![reference]), layers: Some(layers) };
    serde_json::to_vec(&[saved]).map_err(|error| Error::new(error.to_string()))
}

fn fill_unpacked(
    tar: &mut Tarball<'_>,
    reference: String,
    manifest: &Manifest,
    source: &dyn Source,
    work: &Work<'_>,
) -> Result<()> {
    let config = small_blob(source, &manifest.config)?;
    let diff_ids = ImageConfig::parse(&config)?.rootfs.diff_ids;
    if diff_ids.len() != manifest.layers.len() {
        let (has, named) = (manifest.layers.len(), diff_ids.len());
        return Err(Error::new(format!("it has {has} layers and its config names {named}")));
    }
    let config_name = format!("{}.json", manifest.config.digest.hex());
    tar.bytes(&config_name, &config)?;
    let mut written = BTreeSet::new();
    for (layer, diff_id) in manifest.layers.iter().zip(&diff_ids) {
        if written.insert(layer.digest) {
            let bar = work.bar("writing", layer);
            add_layer(tar, layer, diff_id, source)
                .context(|| format!("cannot copy blob {}", layer.digest))?;
            bar.advance(layer.size);
            work.tally.moved(layer);
        }
    }
    let layers = manifest.layers.iter().map(layer_name).collect();
    tar.bytes(MANIFEST_FILE, &saved(config_name, reference, layers)?)
}

fn add_layer(tar: &mut Tarball<'_>, layer: &Descriptor, diff_id: &Digest, source: &dyn Source) -> Result<()> {
    let name = layer_name(layer);
    let open = || Ok::<_, Error>(Verifying::new(source.open(layer, 0)?, layer));
    if !is_zstd(layer) {
        return tar.file(&name, layer.size, &mut open()?);
    }
    // A tar header says the size first, so the layer is unpacked twice, rather than put aside.
    let mut hashing = HashingReader::new(unpacked(open()?)?);
    let size = io::copy(&mut hashing, &mut io::sink())?;
    let (found, _) = hashing.finish();
    if found != *diff_id {
        return Err(Error::new(format!("it unpacks to {found}, expected {diff_id}")));
    }
    tar.file(&name, size, &mut unpacked(open()?)?)
}

fn unpacked<'a>(content: impl Read + Send + 'a) -> Result<impl Read + 'a> {
    Ok(Limited::new(decoder(Compression::Zstd, BufReader::new(content))?, LARGEST_LAYER))
}

fn layer_name(layer: &Descriptor) -> String {
    let packed = layer.media_type != LAYER && !is_zstd(layer);
    format!("{}.tar{}", layer.digest.hex(), if packed { ".gz" } else { "" })
}
