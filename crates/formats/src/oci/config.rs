//! The image config: how an image runs, and what its layers unpack to (config.md).

use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::{Digest, Result, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Extra, Platform, null_as_default, others, parse, to_bytes};

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
    #[serde(flatten, deserialize_with = "ImageConfig::others")]
    pub extra: Extra,
}

impl ImageConfig {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(from, &["created", "author", "architecture", "variant", "os", "config", "rootfs", "history"])
    }
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
    #[serde(flatten, deserialize_with = "Execution::others")]
    pub extra: Extra,
}

impl Execution {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(
            from,
            &[
                "User",
                "ExposedPorts",
                "Env",
                "Entrypoint",
                "Cmd",
                "Volumes",
                "WorkingDir",
                "Labels",
                "StopSignal",
            ],
        )
    }
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
    /// Everything else.
    #[serde(flatten, deserialize_with = "RootFs::others")]
    pub extra: Extra,
}

impl RootFs {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(from, &["type", "diff_ids"])
    }
}

/// No layers.
impl Default for RootFs {
    fn default() -> Self {
        Self { kind: "layers".to_owned(), diff_ids: Vec::new(), extra: Extra::new() }
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
    #[serde(flatten, deserialize_with = "History::others")]
    pub extra: Extra,
}

impl History {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(from, &["created", "created_by", "comment", "empty_layer"])
    }
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
