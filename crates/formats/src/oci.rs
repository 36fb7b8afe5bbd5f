//! The JSON documents of the OCI image specification (1.1): descriptors, manifests, indexes, image configs.
//!
//! By hand, because the crate with these types drops the fields that it does not know (`Healthcheck`,
//! `OnBuild`, any vendor's) and writes maps in random order. Here unknown fields are kept in `extra`, maps
//! are sorted, and the same value always gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use bareboat_model::{Context, Digest, Error, Result, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

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
    #[serde(flatten)]
    pub extra: Extra,
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

/// What an image runs on (image-index.md, `platform`). Any platform, also those that bareboat cannot build for.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Platform {
    /// GOARCH.
    pub architecture: String,
    /// GOOS.
    pub os: String,
    /// The variant of the architecture, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Everything else, such as `os.version`.
    #[serde(flatten)]
    pub extra: Extra,
}

impl From<bareboat_model::Platform> for Platform {
    fn from(platform: bareboat_model::Platform) -> Self {
        Self {
            architecture: platform.arch.oci().to_owned(),
            os: "linux".to_owned(),
            variant: platform.variant().map(str::to_owned),
            extra: Extra::new(),
        }
    }
}

impl Platform {
    /// How well an image for this platform serves where `wanted` is asked for: 0 is best, `None` not at all. An older
    /// variant serves a newer machine (image-index.md, "Platform Variants"; containerd's order for ARM).
    ///
    /// ```
    /// use bareboat_formats::oci::Platform;
    /// let platform = |text: &str| text.parse::<Platform>().unwrap();
    /// assert_eq!(platform("linux/arm64").rank_for(&platform("linux/arm64/v8")), Some(0));
    /// assert_eq!(platform("linux/arm/v6").rank_for(&platform("linux/arm/v7")), Some(1));
    /// assert_eq!(platform("linux/amd64").rank_for(&platform("linux/arm64")), None);
    /// ```
    pub fn rank_for(&self, wanted: &Self) -> Option<u32> {
        if (&self.os, &self.architecture) != (&wanted.os, &wanted.architecture) {
            return None;
        }
        match (self.level(), wanted.level()) {
            _ if self.variant == wanted.variant => Some(0),
            (Some(own), Some(asked)) if own == asked => Some(0),
            (Some(own), Some(asked)) if own < asked => Some(asked - own),
            // Nobody said which variant: any is better than none, the oldest first.
            (Some(own), _) if wanted.variant.is_none() => Some(100 + own),
            (None, _) if wanted.variant.is_none() => Some(1000),
            _ => None,
        }
    }

    /// The number of the variant. What is not said means the first that there was.
    fn level(&self) -> Option<u32> {
        match (self.variant.as_deref(), self.architecture.as_str()) {
            (None | Some(""), "arm64") => Some(8),
            (None | Some(""), "arm") => Some(7),
            (None | Some(""), _) => Some(1),
            (Some(variant), _) => variant.strip_prefix('v')?.parse().ok().filter(|level| *level < 100),
        }
    }
}

/// `os/architecture` or `os/architecture/variant`, harmless to a terminal. That 64-bit ARM is `v8` goes without saying.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = bareboat_model::escape;
        write!(f, "{}/{}", escape(&self.os), escape(&self.architecture))?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some("v8") if self.architecture == "arm64" => Ok(()),
            Some(variant) => write!(f, "/{}", escape(variant)),
        }
    }
}

/// Architectures that may be said without an OS, by Go's names (`go tool dist list`) and by those of `uname -m`.
const ARCHITECTURES: [&str; 13] = [
    "386", "aarch64", "amd64", "arm", "arm64", "loong64", "mips64le", "mipsle", "ppc64le", "riscv64",
    "s390x", "wasm", "x86_64",
];

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_word = |word: &&str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let words: Vec<&str> = text.split('/').collect();
        let (os, architecture) = match words[..] {
            [os, architecture] | [os, architecture, _] => (os, architecture),
            // What an architecture is called is called so nowhere else.
            [architecture] if ARCHITECTURES.contains(&architecture) => ("linux", architecture),
            _ => return Err(no_platform(text)),
        };
        if !words.iter().all(is_word) {
            return Err(no_platform(text));
        }
        // As `uname -m` has them.
        let architecture = match architecture {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let variant = words.get(2).map(|&variant| variant.to_owned());
        Ok(Self { architecture: architecture.to_owned(), os: os.to_owned(), variant, extra: Extra::new() })
    }
}

fn no_platform(text: &str) -> Error {
    Error::new(format!(
        "`{}` is no platform, expected OS/ARCH or OS/ARCH/VARIANT",
        bareboat_model::escape(text)
    ))
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
    #[serde(flatten)]
    pub extra: Extra,
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
    #[serde(flatten)]
    pub extra: Extra,
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

/// How an image runs, and what its layers unpack to (config.md).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When the image was made, as RFC 3339. Text, because others write fractions of seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// GOARCH. Empty where it is not said, as in images of older tools.
    #[serde(default)]
    pub architecture: String,
    /// The variant of the architecture, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// GOOS. Empty where it is not said.
    #[serde(default)]
    pub os: String,
    /// What a container of the image runs.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Execution::is_empty")]
    pub config: Execution,
    /// The layers, by what they unpack to.
    pub rootfs: RootFs,
    /// How each layer came to be.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
    /// Everything else, such as `os.version` and Docker's `container_config`.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ImageConfig {
    /// A config for `platform` that was made at `created`, with no layers and nothing to run.
    pub fn new(platform: bareboat_model::Platform, created: Timestamp) -> Self {
        let Platform { architecture, os, variant, extra: _ } = platform.into();
        Self { created: Some(created.to_string()), architecture, os, variant, ..Self::default() }
    }

    /// Reads a config, OCI's or Docker's.
    ///
    /// # Errors
    /// When the bytes are no image config.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        parse("image config", bytes)
    }

    /// The config as compact JSON, always the same for the same value.
    ///
    /// # Errors
    /// None that a value of this type can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes("image config", self)
    }
}

/// What a container of the image runs, and how (config.md, `config`).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Execution {
    /// The user: a name or a number, with an optional `:group`. Empty for root.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The ports it listens on, such as `8080/tcp`.
    #[serde(default, with = "keys_of_an_object", skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed_ports: BTreeSet<String>,
    /// The environment, each as `NAME=value`, in order.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The program and its first arguments.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// More arguments, or the program when there is no entrypoint. What a person gives replaces it.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Where volumes are mounted.
    #[serde(default, with = "keys_of_an_object", skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<String>,
    /// The directory it starts in. Empty for `/`.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Free words about the image.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that stops it, such as `SIGTERM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Everything else, such as Docker's `Healthcheck`, `Shell` and `OnBuild`.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Execution {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The layers, by what they unpack to (config.md, `rootfs`).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The digest of each layer's tar before compression, the lowest first.
    pub diff_ids: Vec<Digest>,
}

/// No layers.
impl Default for RootFs {
    fn default() -> Self {
        Self { kind: "layers".to_owned(), diff_ids: Vec::new() }
    }
}

/// How one layer came to be (config.md, `history`).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// When, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// A word about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether this step made no layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
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

/// Go writes an absent list or map as `null`; Docker's configs are full of them.
fn null_as_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A set written as Go writes one: `{"8080/tcp":{}}`.
mod keys_of_an_object {
    use super::*;

    pub(super) fn serialize<S: Serializer>(set: &BTreeSet<String>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(set.iter().map(|key| (key, Value::Object(serde_json::Map::new()))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
        let object: Option<BTreeMap<String, Value>> = Deserialize::deserialize(from)?;
        Ok(object.unwrap_or_default().into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use bareboat_model::Arch;

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn text(bytes: Result<Vec<u8>>) -> String {
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    #[test]
    fn a_manifest_is_written_compactly_and_in_order() {
        let config = Descriptor::of(CONFIG, b"");
        let mut manifest = Manifest::new(config, vec![Descriptor::of(LAYER_GZIP, b"")]);
        manifest.annotations.insert("b".to_owned(), "2".to_owned());
        manifest.annotations.insert("a".to_owned(), "1".to_owned());
        let expected = format!(
            concat!(
                r#"{{"schemaVersion":2,"mediaType":"{}","#,
                r#""config":{{"mediaType":"{}","digest":"{}","size":0}},"#,
                r#""layers":[{{"mediaType":"{}","digest":"{}","size":0}}],"#,
                r#""annotations":{{"a":"1","b":"2"}}}}"#
            ),
            MANIFEST, CONFIG, DIGEST, LAYER_GZIP, DIGEST
        );
        assert_eq!(text(manifest.to_bytes()), expected);
        assert_eq!(Manifest::parse(expected.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn an_index_names_its_platforms() {
        let mut entry = Descriptor::of(MANIFEST, b"");
        entry.platform = Some(bareboat_model::Platform { arch: Arch::Arm64 }.into());
        let index = Index::new(vec![entry]);
        let bytes = index.to_bytes().unwrap();
        assert!(
            text(Ok(bytes.clone()))
                .contains(r#""platform":{"architecture":"arm64","os":"linux","variant":"v8"}"#)
        );
        assert_eq!(Index::parse(&bytes).unwrap(), index);
    }

    #[test]
    fn an_empty_config_has_only_what_the_specification_requires() {
        let config = ImageConfig::new(bareboat_model::Platform { arch: Arch::Amd64 }, Timestamp::EPOCH);
        assert_eq!(
            text(config.to_bytes()),
            concat!(
                r#"{"created":"1970-01-01T00:00:00Z","architecture":"amd64","os":"linux","#,
                r#""rootfs":{"type":"layers","diff_ids":[]}}"#
            )
        );
    }

    #[test]
    fn fields_that_are_not_known_survive() {
        let config = concat!(
            r#"{"created":"2026-01-02T03:04:05.678Z","architecture":"amd64","os":"linux","#,
            r#""config":{"User":"65532","ExposedPorts":{"8080/tcp":{}},"Env":["A=1","A=2"],"#,
            r#""Entrypoint":["/bin/x"],"Volumes":{"/data":{}},"WorkingDir":"/app","Labels":{"a":"b"},"#,
            r#""StopSignal":"SIGTERM","Healthcheck":{"Test":["CMD","/bin/x"]},"OnBuild":["RUN x"]},"#,
            r#""rootfs":{"type":"layers","diff_ids":[]},"#,
            r#""history":[{"created_by":"x","empty_layer":true,"vendor":1}],"vendor":{"deep":[1,2]}}"#
        );
        assert_eq!(text(ImageConfig::parse(config.as_bytes()).unwrap().to_bytes()), config);
    }

    #[test]
    fn the_nearest_variant_serves() {
        for (own, wanted, rank) in [
            ("linux/amd64", "linux/amd64", Some(0)),
            ("linux/arm64", "aarch64", Some(0)),
            ("amd64", "linux/amd64", Some(0)),
            ("linux/amd64/v1", "linux/x86_64", Some(0)),
            ("linux/amd64", "linux/amd64/v3", Some(2)),
            ("linux/amd64/v3", "linux/amd64", Some(103)),
            ("linux/amd64/v3", "linux/amd64/v2", None),
            ("linux/arm64", "linux/arm64/v8", Some(0)),
            ("linux/arm64/v9", "linux/arm64/v8", None),
            ("linux/arm/v5", "linux/arm/v7", Some(2)),
            ("linux/arm/v7", "linux/arm/v6", None),
            ("linux/arm/v7", "linux/arm", Some(0)),
            ("linux/arm/v6", "linux/arm", Some(1)),
            ("linux/mips/r6", "linux/mips", Some(1000)),
            ("linux/mips/r6", "linux/mips/r5", None),
            ("windows/amd64", "linux/amd64", None),
        ] {
            let platform = |text: &str| text.parse::<Platform>().unwrap();
            assert_eq!(platform(own).rank_for(&platform(wanted)), rank, "{own} for {wanted}");
        }
        for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b", "linux/\u{1b}"] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
        assert_eq!("linux/arm/v7".parse::<Platform>().unwrap().to_string(), "linux/arm/v7");
    }

    #[test]
    fn null_is_the_same_as_absent() {
        let config = concat!(
            r#"{"architecture":"amd64","os":"linux","history":null,"config":{"User":null,"Env":null,"#,
            r#""Cmd":null,"Volumes":null,"Labels":null,"ExposedPorts":null,"WorkingDir":null},"#,
            r#""rootfs":{"type":"layers","diff_ids":[]}}"#
        );
        let config = ImageConfig::parse(config.as_bytes()).unwrap();
        assert_eq!(config.config, Execution::default());
        assert!(config.history.is_empty());
    }

    #[test]
    fn documents_that_are_none_are_refused() {
        let descriptor = format!(r#"{{"mediaType":"x","digest":"{DIGEST}","size":0}}"#);
        let refused = |result: Result<()>, message: &str| {
            let error = result.unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}\nexpected {message}");
        };
        let manifest = |text: &str| Manifest::parse(text.as_bytes()).map(drop);
        let index = |text: &str| Index::parse(text.as_bytes()).map(drop);
        refused(manifest(""), "cannot read the image manifest: EOF while parsing");
        refused(manifest("{}"), "cannot read the image manifest: missing field `schemaVersion`");
        refused(
            manifest(&format!(r#"{{"schemaVersion":1,"config":{descriptor},"layers":[]}}"#)),
            "cannot read the image manifest: its schemaVersion is 1, expected 2",
        );
        refused(
            manifest(&format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[],"manifests":[]}}"#)),
            "cannot read the image manifest: it has a field `manifests`, which does not belong there",
        );
        refused(
            index(r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#),
            "cannot read the image index: it has a field `layers`, which does not belong there",
        );
        refused(
            index(&format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor.replace("sha256", "md5"))),
            "cannot read the image index: `md5:",
        );
        refused(
            index(&format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor.replace(":0}", ":-1}"))),
            "cannot read the image index: invalid value: integer `-1`",
        );
        refused(
            Index::parse(&vec![b' '; (16 << 20) + 1]).map(drop),
            "cannot read the image index: it has 16777217 bytes, at most 16777216 are read",
        );
        refused(index(&"[".repeat(100_000)), "cannot read the image index: ");
        refused(
            index(&format!(
                r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
                descriptor.replace(":0}", ":4398046511105}")
            )),
            "cannot read the image index: a size of 4398046511105 bytes, at most 4398046511104 are expected",
        );
    }
}
