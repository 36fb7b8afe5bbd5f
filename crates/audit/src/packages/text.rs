//! Reading texts of limited size, and paths as JSON.

use std::io::Read;

use bareboat_model::{Error, ImagePath, Result};

/// Reads all of a file that is at most `most` bytes long.
pub(super) fn bytes(content: &mut dyn Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    content.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::new(format!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// The same as text, with what is not UTF-8 replaced.
pub(super) fn text(content: &mut dyn Read, most: u64) -> Result<String> {
    let bytes = bytes(content, most)?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// What the paths that one file tells of may take in memory. A full desktop has a million files with some 60 bytes each.
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(256 << 20)
    }
}

impl Room {
    /// Takes a path, if there is one: few bytes of a file can make a long one, below a folder named once.
    pub(super) fn add(&mut self, to: &mut Vec<ImagePath>, path: Option<ImagePath>) -> Result<()> {
        let Some(path) = path else { return Ok(()) };
        let takes = path.as_bytes().len() + 2 * size_of::<ImagePath>();
        self.0 = self.0.checked_sub(takes).ok_or_else(|| Error::new("it tells of too many files"))?;
        to.push(path);
        Ok(())
    }

    /// Takes all of them.
    pub(super) fn collect(&mut self, paths: impl Iterator<Item = ImagePath>) -> Result<Vec<ImagePath>> {
        let mut all = Vec::new();
        paths.into_iter().try_for_each(|path| self.add(&mut all, Some(path)))?;
        Ok(all)
    }
}

/// A value that says something.
pub(super) fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `relative` seen from `folder`, with `..` gone up by name: lists of files are written that way.
pub(super) fn below(folder: &ImagePath, relative: &[u8]) -> Option<ImagePath> {
    let mut names: Vec<&[u8]> =
        if relative.starts_with(b"/") { Vec::new() } else { folder.components().collect() };
    for name in relative.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    ImagePath::parse(&names.join(&b'/')).ok()
}

/// Lists of paths, for `serde(with)`: each byte as the character with its number, as elsewhere.
pub(super) mod paths {
    use bareboat_model::{ImagePath, bytes_as_text};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct One(#[serde(with = "bytes_as_text::path")] ImagePath);

    #[derive(Serialize)]
    struct Borrowed<'a>(#[serde(serialize_with = "bytes_as_text::path::serialize")] &'a ImagePath);

    pub(in super::super) fn serialize<S: Serializer>(
        paths: &[ImagePath],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(Borrowed))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<ImagePath>, D::Error> {
        let paths = Vec::<One>::deserialize(deserializer)?;
        Ok(paths.into_iter().map(|One(path)| path).collect())
    }
}
