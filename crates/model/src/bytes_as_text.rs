//! JSON strings are Unicode, file names are bytes: each byte becomes the character with its number. For `serde(with)`.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes bytes.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&bytes.iter().map(|&byte| char::from(byte)).collect::<String>())
}

/// Reads bytes back.
///
/// # Errors
/// When a character is none of those that stand for bytes.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.chars().map(|c| u8::try_from(c).map_err(D::Error::custom)).collect()
}

/// The same for paths.
pub mod path {
    use serde::{Deserializer, Serializer, de::Error};

    use crate::ImagePath;

    /// Writes a path.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(path: &ImagePath, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(path.as_bytes(), serializer)
    }

    /// Reads a path back.
    ///
    /// # Errors
    /// When it is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ImagePath, D::Error> {
        let bytes = super::deserialize(deserializer)?;
        ImagePath::parse(&bytes).map_err(D::Error::custom)
    }
}
