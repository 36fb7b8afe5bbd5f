//! What is in an image, by path: kept beside the unpacked files, which cannot tell all of it.

use std::collections::BTreeMap;
use std::path::Path;

use bareboat_model::{Context, Digest, Error, ImagePath, Result, bytes_as_text};
use serde::{Deserialize, Serialize};

use crate::files::read_bounded;
use crate::store::seal::{seal, unsealed};

/// Two million entries, as many as are ever unpacked, have less.
const LARGEST: u64 = 1 << 30;

/// One file, directory or link of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, set-id and sticky bits included (07777).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// The digest of a regular file's bytes; nothing else has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Extended attributes, most often none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an [`Entry`] is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file of so many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A symbolic link to this target, as written.
    #[serde(with = "bytes_as_text")]
    Symlink(Vec<u8>),
    /// A character or block device. It is not on the disk.
    Device,
    /// A named pipe. It is not on the disk.
    Pipe,
}

impl Entry {
    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// The target of what is a link.
pub(super) fn link<'a>(entries: &'a BTreeMap<ImagePath, Entry>, path: &ImagePath) -> Option<&'a [u8]> {
    match &entries.get(path)?.kind {
        Kind::Symlink(target) => Some(target),
        _ => None,
    }
}

#[derive(Serialize, Deserialize)]
struct Line(#[serde(with = "bytes_as_text::path")] ImagePath, Entry);

pub(super) fn write(file: &Path, entries: &BTreeMap<ImagePath, Entry>) -> Result<()> {
    let lines: Vec<Line> = entries.iter().map(|(path, entry)| Line(path.clone(), entry.clone())).collect();
    let mut json = serde_json::to_vec(&lines).map_err(|error| Error::new(error.to_string()))?;
    json.extend(seal(json.len() as u64, &Digest::of(&json)));
    std::fs::write(file, json).context(|| format!("cannot write `{}`", file.display()))
}

pub(super) fn read(file: &Path) -> Result<BTreeMap<ImagePath, Entry>> {
    let read = || {
        let sealed = read_bounded(file, LARGEST)?.ok_or_else(|| Error::new("there is no such file"))?;
        let json = unsealed(sealed)?;
        let lines: Vec<Line> =
            serde_json::from_slice(&json).map_err(|error| Error::new(error.to_string()))?;
        Ok(lines.into_iter().map(|Line(path, entry)| (path, entry)).collect())
    };
    read().map_err(|error: Error| {
        error
            .context(format!("cannot read `{}` in the cache", file.display()))
            .with_hint("bareboat cache verify removes what is damaged; then run again")
    })
}
