//! How an image is cut into layers, and how these are compressed.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape};

use super::text_value;

/// How layers are compressed: `gzip`, `zstd`, or with a level after a colon, such as `zstd:19`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compression {
    /// The format.
    pub format: CompressionFormat,
    /// The level: 1 to 9 for gzip, 1 to 19 for zstd. The format's own default when there is none.
    pub level: Option<u32>,
}

/// A compression that the OCI image specification knows for layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompressionFormat {
    /// Every engine reads it.
    Gzip,
    /// Smaller and faster; engines read it since 2020 or so.
    Zstd,
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let (format, highest) = match name {
            "gzip" => (CompressionFormat::Gzip, 9),
            "zstd" => (CompressionFormat::Zstd, 19),
            _ => {
                return Err(Error::new(format!(
                    "unknown compression `{}`, expected gzip or zstd, perhaps with a level such as zstd:19",
                    escape(text)
                )));
            }
        };
        let level = level.map(|level| compression_level(level, name, highest)).transpose()?;
        Ok(Self { format, level })
    }
}

fn compression_level(text: &str, format: &str, highest: u32) -> Result<u32> {
    text.parse().ok().filter(|level| (1..=highest).contains(level)).ok_or_else(|| {
        Error::new(format!("`{}` is not a level of {format}, expected 1 to {highest}", escape(text)))
    })
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.format {
            CompressionFormat::Gzip => "gzip",
            CompressionFormat::Zstd => "zstd",
        })?;
        self.level.map_or(Ok(()), |level| write!(f, ":{level}"))
    }
}

text_value!(
    Compression,
    "gzip or zstd, perhaps with a level: zstd:19.",
    "^(gzip(:[1-9])?|zstd(:[0-9]{1,2})?)$"
);

/// How many layers an image may have: 1 to 125.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LayerCount(u8);

/// Docker refuses images of more layers (moby, layer/layer_store.go: 127 overlay directories less two of its own).
const MOST_LAYERS: i64 = 125;

impl LayerCount {
    /// The number.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for LayerCount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let count = u8::try_from(number).ok().filter(|_| (1..=MOST_LAYERS).contains(&number));
        count.map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!("{number} layers are impossible, expected 1 to {MOST_LAYERS}"))
        })
    }
}

impl schemars::JsonSchema for LayerCount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LayerCount".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": MOST_LAYERS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_have_levels() {
        for text in ["gzip", "zstd", "gzip:1", "gzip:9", "zstd:19"] {
            assert_eq!(text.parse::<Compression>().unwrap().to_string(), text);
        }
        for bad in ["", "xz", "gzip:", "gzip:0", "gzip:10", "zstd:23", "zstd:-1", "GZIP"] {
            assert!(bad.parse::<Compression>().is_err(), "{bad}");
        }
    }
}
