//! What an image runs on, and which of several serves whom.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Extra, others};

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
    #[serde(flatten, deserialize_with = "Platform::others")]
    pub extra: Extra,
}

impl Platform {
    fn others<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Extra, D::Error> {
        others(from, &["architecture", "os", "variant"])
    }
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
