//! Reading an image from where `transport::write` writes to, and from what others put there: OCI layouts in a folder
//! or a tar file, and what `docker save` has written since Docker 1.10. Its layers go into the store.

mod source;

use bareboat_formats::compress::Compression;
use bareboat_formats::oci::{
    self, Descriptor, ImageConfig, Index, LAYER, LAYER_GZIP, LAYER_ZSTD, Manifest, REF_NAME,
};
use bareboat_model::{Context, Digest, Error, Location, Platform, Result, Selector, escape};
use serde::Deserialize;

use super::DEFAULT_TAG;
use super::docker_archive::full_reference;
use crate::store::Store;
use source::Source;

/// Docker's layer that is not compressed, which engines never push but other tools write.
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// How many indexes may be nested.
const DEEPEST: usize = 8;

/// The most layers of one image: what overlay file systems mount.
const MOST_LAYERS: usize = 500;

/// An image that was read. Its layers are in the store.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was named: a manifest or an index; of a Docker archive, which has neither, the config.
    pub digest: Digest,
    /// How it runs.
    pub config: ImageConfig,
    /// The layers, the lowest first, each with the digest of the tar inside: claimed, not verified.
    pub layers: Vec<(Descriptor, Digest)>,
}

/// Reads the image `reference` for `platform`.
///
/// # Errors
/// When it is not there, has nothing for the platform, is broken, or has layers of a kind that cannot be read.
pub fn read(reference: &Location, platform: Platform, store: &Store) -> Result<Found> {
    let read = || match reference {
        Location::Oci { dir, name } => from_layout(&Source::folder(dir)?, name.as_ref(), platform, store),
        Location::OciArchive { file, name } => {
            from_layout(&Source::archive(file, store)?, name.as_ref(), platform, store)
        }
        Location::DockerDaemon { .. } | Location::Registry(_) => {
            Err(Error::new("only files can be read yet"))
        }
        Location::DockerArchive { file, reference } => {
            from_docker(&Source::archive(file, store)?, reference.as_deref(), platform, store)
        }
    };
    read().context(|| format!("cannot read the image `{reference}`"))
}

fn from_layout(source: &Source, name: Option<&Selector>, platform: Platform, store: &Store) -> Result<Found> {
    let index = source
        .document("index.json", store)?
        .ok_or_else(|| Error::new("there is no `index.json`, so it is no OCI layout"))?;
    let top = named(Index::parse(&index)?, name)?;
    let manifest = manifest_for(source, &top, platform, DEEPEST, store)?;
    let config = blob_document(source, &manifest.config, store)?;
    let config = ImageConfig::parse(&config)?;
    check_platform(&config, platform)?;
    let layers = manifest.layers.iter().map(plain_descriptor).collect::<Result<Vec<_>>>()?;
    for layer in &layers {
        source.blob(&layer.digest, layer.size, store)?;
    }
    with_diff_ids(top.digest, config, layers)
}

/// The image with the tag; without one, the only one, or `latest`.
fn named(index: Index, name: Option<&Selector>) -> Result<Descriptor> {
    let tag_of = |one: &Descriptor| one.annotations.get(REF_NAME).cloned();
    let tags: Vec<String> = index.manifests.iter().filter_map(tag_of).map(|tag| escape(&tag)).collect();
    let mut images = index.manifests;
    let wanted = match name {
        Some(Selector::Digest(digest)) => {
            let found = images.into_iter().find(|one| one.digest == *digest);
            return found.ok_or_else(|| Error::new(format!("it has no image {digest}")));
        }
        Some(Selector::Tag(tag)) => tag,
        None if images.len() == 1 => return Ok(images.remove(0)),
        None => DEFAULT_TAG,
    };
    let found = images.into_iter().find(|one| tag_of(one).as_deref() == Some(wanted));
    found.ok_or_else(|| {
        let has = if tags.is_empty() { "no tags".to_owned() } else { tags.join(", ") };
        Error::new(format!("it has no tag `{}`, expected one of: {has}", escape(wanted)))
    })
}

fn manifest_for(
    source: &Source,
    image: &Descriptor,
    platform: Platform,
    depth: usize,
    store: &Store,
) -> Result<Manifest> {
    let bytes = blob_document(source, image, store)?;
    match image.media_type.as_str() {
        oci::MANIFEST | oci::DOCKER_MANIFEST => Manifest::parse(&bytes),
        oci::INDEX | oci::DOCKER_MANIFEST_LIST => {
            let depth = depth.checked_sub(1).ok_or_else(|| Error::new("its indexes are nested too deep"))?;
            let index = Index::parse(&bytes)?;
            let serves = |one: &&Descriptor| one.platform.as_ref().is_none_or(|its| matches(its, platform));
            match index.manifests.iter().find(serves) {
                Some(inner) => manifest_for(source, inner, platform, depth, store),
                None => Err(lacks(platform, index.manifests.iter().filter_map(|one| one.platform.clone()))),
            }
        }
        other => Err(Error::new(format!("it is a `{}`, expected an image", escape(other)))),
    }
}

fn blob_document(source: &Source, wanted: &Descriptor, store: &Store) -> Result<Vec<u8>> {
    let path = format!("blobs/sha256/{}", wanted.digest.hex());
    let bytes = source.document(&path, store)?.ok_or_else(|| Error::new(format!("`{path}` is missing")))?;
    let found = Digest::of(&bytes);
    if found == wanted.digest {
        return Ok(bytes);
    }
    Err(Error::new(format!("`{path}` is damaged: expected {}, found {found}", wanted.digest)))
}

fn matches(its: &oci::Platform, platform: Platform) -> bool {
    its.os == "linux" && its.architecture == platform.arch.oci()
}

fn check_platform(config: &ImageConfig, platform: Platform) -> Result<()> {
    let its = oci::Platform {
        architecture: config.architecture.clone(),
        os: config.os.clone(),
        ..oci::Platform::default()
    };
    if matches(&its, platform) { Ok(()) } else { Err(lacks(platform, [its])) }
}

fn lacks(platform: Platform, has: impl IntoIterator<Item = oci::Platform>) -> Error {
    let has: Vec<String> =
        has.into_iter().map(|its| escape(&format!("{}/{}", its.os, its.architecture))).collect();
    Error::new(format!("it has nothing for {platform}, only for {}", has.join(", ")))
}

/// The layer under its OCI type, with nothing else that its manifest says of it.
fn plain_descriptor(layer: &Descriptor) -> Result<Descriptor> {
    let media_type = match layer.media_type.as_str() {
        LAYER | LAYER_GZIP | LAYER_ZSTD => &layer.media_type,
        oci::DOCKER_LAYER_GZIP => LAYER_GZIP,
        DOCKER_LAYER => LAYER,
        other => {
            return Err(Error::new(format!(
                "layer {} is a `{}`, expected a tar, plain or compressed with gzip or zstd",
                layer.digest,
                escape(other)
            )));
        }
    };
    Ok(Descriptor::new(media_type, layer.digest, layer.size))
}

fn with_diff_ids(digest: Digest, config: ImageConfig, layers: Vec<Descriptor>) -> Result<Found> {
    let diff_ids = config.rootfs.diff_ids.clone();
    if layers.len() != diff_ids.len() || layers.len() > MOST_LAYERS {
        return Err(Error::new(format!(
            "it has {} layers and its config names {}, expected as many and at most {MOST_LAYERS}",
            layers.len(),
            diff_ids.len()
        )));
    }
    Ok(Found { digest, config, layers: layers.into_iter().zip(diff_ids).collect() })
}

/// An entry of a Docker archive's `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

fn from_docker(source: &Source, reference: Option<&str>, platform: Platform, store: &Store) -> Result<Found> {
    let manifest = source
        .document("manifest.json", store)?
        .ok_or_else(|| Error::new("there is no `manifest.json`, so `docker save` did not write it"))?;
    let saved: Vec<Saved> = serde_json::from_slice(&manifest)
        .map_err(|error| Error::new(format!("cannot read `manifest.json`: {error}")))?;
    let saved = saved_as(saved, reference)?;
    let config = source
        .document(&saved.config, store)?
        .ok_or_else(|| Error::new(format!("`{}` is missing", escape(&saved.config))))?;
    let digest = Digest::of(&config);
    let config = ImageConfig::parse(&config)?;
    check_platform(&config, platform)?;
    let layers = saved.layers.iter().map(|layer| {
        let (digest, size) = source.member(layer)?;
        let media_type = match source::compression(&digest, store)? {
            Compression::None => LAYER,
            Compression::Gzip => LAYER_GZIP,
            Compression::Zstd => LAYER_ZSTD,
            other => return Err(Error::new(format!("layer `{}` is compressed with {other}", escape(layer)))),
        };
        Ok(Descriptor::new(media_type, digest, size))
    });
    let layers = layers.collect::<Result<Vec<_>>>()?;
    with_diff_ids(digest, config, layers)
}

/// `docker.io/library/debian:13` is what people call `debian:13`.
fn familiar(reference: &str) -> &str {
    let name = reference.strip_prefix("docker.io/").unwrap_or(reference);
    name.strip_prefix("library/").unwrap_or(name)
}

fn saved_as(mut saved: Vec<Saved>, reference: Option<&str>) -> Result<Saved> {
    let tags: Vec<String> =
        saved.iter().flat_map(|one| one.repo_tags.iter().flatten()).map(|tag| escape(tag)).collect();
    let Some(wanted) = reference else {
        return match saved.len() {
            1 => Ok(saved.remove(0)),
            _ => Err(Error::new(format!("it holds {} images: {}", saved.len(), tags.join(", ")))
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
