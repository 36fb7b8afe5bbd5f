//! The JSON documents of the OCI image specification (1.1): descriptors, manifests, indexes, image configs.
//!
//! By hand, because the crate with these types drops the fields that it does not know (`Healthcheck`,
//! `OnBuild`, any vendor's) and writes maps in random order. Here unknown fields are kept in `extra`, maps
//! are sorted, and the same value always gives the same bytes.

mod config;
mod platform;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bareboat_model::{Context, Digest, Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use config::{Execution, History, ImageConfig, RootFs};
pub use platform::Platform;

/// An image manifest (manifest.md).
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image index: one image for several platforms (image-index.md).
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image config (config.md).
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer that is not compressed (layer.md).
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer compressed with gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer compressed with Zstandard.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Docker's image manifest, version 2 schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's manifest list, which OCI calls an index.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's layer, compressed with gzip.
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker's layer that is not compressed, which engines never push but other tools write.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// A layer that its owner does not let others hand out (layer.md, "Non-Distributable Layers").
pub const FOREIGN_LAYER: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
/// The same, compressed with gzip.
pub const FOREIGN_LAYER_GZIP: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/// The same, compressed with Zstandard.
pub const FOREIGN_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
/// Docker's layer that its owner does not let others hand out.
pub const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";
/// The same, compressed with gzip.
pub const DOCKER_FOREIGN_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

/// The content that stands where there is nothing to say: its type and its bytes (manifest.md, "Guidance for an Empty
/// Descriptor").
pub const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");

/// The annotation of an `index.json` entry that names its tag (annotations.md).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The name of the file that marks an image layout, and all that is in it (image-layout.md, "oci-layout file").
pub const LAYOUT_FILE: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);

/// The largest document that is read. Registries take manifests of up to 4 MiB; configs with a long history
/// can be larger.
const LARGEST: usize = 16 << 20;

/// The largest blob, 4 TiB: registries take some hundred gigabytes at most.
const LARGEST_BLOB: u64 = 4 << 40;

/// Fields that are not in this module's types, as they were.
pub type Extra = BTreeMap<String, Value>;

/// What is referred to, and how to know it (descriptor.md).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of content it is.
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    #[serde(deserialize_with = "blob_size")]
    pub size: u64,
    /// Free words about it.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What the image runs on; in an index only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Everything else.
    #[serde(flatten, deserialize_with = "Descriptor::others")]
    pub extra: Extra,
}

impl Descriptor {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(from, &["mediaType", "digest", "size", "annotations", "platform"])
    }
}

impl Descriptor {
    /// Describes `size` bytes whose digest is `digest`.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            annotations: BTreeMap::new(),
            platform: None,
            extra: Extra::new(),
        }
    }

    /// The same as a value: of what is in an [`Extra`].
    fn to_value(&self) -> Value {
        serde_json::json!({ "mediaType": self.media_type, "digest": self.digest.to_string(), "size": self.size })
    }

    /// Describes bytes in memory.
    ///
    /// ```
    /// let config = bareboat_formats::oci::Descriptor::of("application/vnd.oci.empty.v1+json", b"{}");
    /// assert_eq!(config.size, 2);
    /// ```
    pub fn of(media_type: impl Into<String>, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }
}

/// An image for one platform (manifest.md).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST`] or [`DOCKER_MANIFEST`]; OCI lets it be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The image config.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// Free words about the image.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else, such as `subject` and `artifactType`.
    #[serde(flatten, deserialize_with = "Manifest::others")]
    pub extra: Extra,
}

impl Manifest {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(from, &["schemaVersion", "mediaType", "config", "layers", "annotations"])
    }
}

impl Manifest {
    /// An OCI manifest of these parts, without annotations.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            config,
            layers,
            annotations: BTreeMap::new(),
            extra: Extra::new(),
        }
    }

    /// A manifest that attaches `blobs` to `subject` (manifest.md, "Guidelines for Artifact Usage"). Its config is
    /// [`EMPTY`], for there is nothing to run.
    pub fn artifact(kind: &str, subject: &Descriptor, blobs: Vec<Descriptor>) -> Self {
        let subject = Descriptor::new(subject.media_type.clone(), subject.digest, subject.size);
        let mut manifest = Self::new(Descriptor::of(EMPTY.0, EMPTY.1), blobs);
        manifest.extra.insert("artifactType".to_owned(), kind.into());
        manifest.extra.insert("subject".to_owned(), subject.to_value());
        manifest
    }

    /// What kind of artifact it is: what it says itself, else the type of its config.
    pub fn artifact_type(&self) -> &str {
        let own = self.extra.get("artifactType").and_then(Value::as_str).filter(|kind| !kind.is_empty());
        own.unwrap_or(&self.config.media_type)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// When the bytes are no manifest of schema version 2, or could as well be read as an index.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let manifest: Self = parse("image manifest", bytes)?;
        check_kind("image manifest", manifest.schema_version, &manifest.extra, &["manifests"])?;
        Ok(manifest)
    }

    /// The manifest as compact JSON, always the same for the same value.
    ///
    /// # Errors
    /// None that a value of this type can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes("image manifest", self)
    }
}

/// Several images: one for each platform, or all of an image layout (image-index.md).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX`] or [`DOCKER_MANIFEST_LIST`]; OCI lets it be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The manifests (or indexes) in it.
    pub manifests: Vec<Descriptor>,
    /// Free words about the index.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten, deserialize_with = "Index::others")]
    pub extra: Extra,
}

impl Index {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(from, &["schemaVersion", "mediaType", "manifests", "annotations"])
    }
}

impl Index {
    /// An OCI index of these manifests, without annotations.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(INDEX.to_owned()),
            manifests,
            annotations: BTreeMap::new(),
            extra: Extra::new(),
        }
    }

    /// Reads an index, also a layout's `index.json`.
    ///
    /// # Errors
    /// When the bytes are no index of schema version 2, or could as well be read as a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let index: Self = parse("image index", bytes)?;
        check_kind("image index", index.schema_version, &index.extra, &["layers", "config"])?;
        Ok(index)
    }

    /// The index as compact JSON, always the same for the same value.
    ///
    /// # Errors
    /// None that a value of this type can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes("image index", self)
    }
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T> {
    let reading = || format!("cannot read the {what}");
    if bytes.len() > LARGEST {
        let message = format!("it has {} bytes, at most {LARGEST} are read", bytes.len());
        return Err(Error::new(message).context(reading()));
    }
    // The message quotes what it found in the document.
    serde_json::from_slice(bytes)
        .map_err(|error| Error::new(bareboat_model::escape(&error.to_string())))
        .context(reading)
}

fn to_bytes<T: Serialize>(what: &str, value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| Error::new(error.to_string()))
        .context(|| format!("cannot write the {what}"))
}

/// Refuses a document that one reader takes for a manifest and another for an index: they would run
/// different images under one digest (OCI image-spec 1.0.2, CVE-2021-41190).
fn check_kind(what: &str, schema_version: u32, extra: &Extra, foreign: &[&str]) -> Result<()> {
    let refuse = |why: String| Err(Error::new(why).context(format_args!("cannot read the {what}")));
    if schema_version != 2 {
        return refuse(format!("its schemaVersion is {schema_version}, expected 2"));
    }
    match foreign.iter().find(|name| extra.contains_key(**name)) {
        Some(name) => refuse(format!("it has a field `{name}`, which does not belong there")),
        None => Ok(()),
    }
}

/// Sizes that no blob has are refused: sums of them would be wrong.
fn blob_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    if size > LARGEST_BLOB {
        return Err(serde::de::Error::custom(format!(
            "a size of {size} bytes, at most {LARGEST_BLOB} are expected"
        )));
    }
    Ok(size)
}

/// The fields that are none of the `known` ones. One that is, but for its letters' case, is refused: engines are written in Go,
/// whose decoder takes it for the known one (encoding/json, "Unmarshal"), so they would run another image than is told of here.
fn others<'de, D: Deserializer<'de>>(from: D, known: &[&str]) -> std::result::Result<Extra, D::Error> {
    let extra = Extra::deserialize(from)?;
    let twin =
        extra.keys().find_map(|name| Some((name, known.iter().find(|known| folded(known) == folded(name))?)));
    match twin {
        Some((name, known)) => {
            Err(serde::de::Error::custom(format!("it has a field `{name}`, which others read as `{known}`")))
        }
        None => Ok(extra),
    }
}

/// As Go folds names: two letters beyond ASCII fold to letters of it.
fn folded(name: &str) -> String {
    name.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

/// Go writes an absent list or map as `null`; Docker's configs are full of them.
fn null_as_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
