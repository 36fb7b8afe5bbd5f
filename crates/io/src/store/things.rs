//! What is in the store, thing by thing: a blob, an entry, an unpacked root, a download under way.
//!
//! Only names of the shapes that the store itself gives are looked at, so that nothing else is ever counted or removed,
//! whatever folder was named as the cache.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bareboat_model::{Context, Digest, Result};

use super::{Store, in_use};

/// What a thing is, for a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ThingKind {
    /// A .deb.
    Package,
    /// A layer, as it is stored in an image.
    Layer,
    /// A manifest, an index or a config.
    Document,
    /// A blob of another kind, such as an attachment.
    OtherBlob,
    /// What is in packages and layers, read once: lists and contents.
    Unpacked,
    /// What a build need not make again: finished layers, facts about programs, files that effects made.
    Finished,
    /// Archives' indexes and Release files.
    Listing,
    /// The files of images, and what each of their layers does, as `inspect` and `diff` read them.
    View,
    /// Which blobs of layouts were verified.
    Verified,
    /// An image's root file system, as `run` and `test` need it.
    Root,
    /// A download or copy that was broken off and can be gone on with.
    Partial,
    /// Made by another version, or unknown to this one.
    Other,
}

impl ThingKind {
    /// The kind in words, several of them.
    pub fn words(self) -> &'static str {
        match self {
            Self::Package => "packages",
            Self::Layer => "layers",
            Self::Document => "manifests and configs",
            Self::OtherBlob => "other blobs",
            Self::Unpacked => "unpacked packages and layers",
            Self::Finished => "finished layers and files",
            Self::Listing => "archive listings",
            Self::View => "views of layers",
            Self::Verified => "verified layouts",
            Self::Root => "unpacked roots",
            Self::Partial => "partial downloads",
            Self::Other => "others",
        }
    }

    /// By the kind that the store's user gave an entry, without its version.
    fn of_entry(kind: &str) -> Self {
        match kind.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-') {
            "unpacked" | "contents" | "unpacked-layer" | "layer-contents" | "archive-members" => {
                Self::Unpacked
            }
            "layer" | "elf-facts" | "ld-so-cache" | "python-bytecode" | "python-bytecode-contents" => {
                Self::Finished
            }
            "index" | "packed-index" | "release" => Self::Listing,
            "layer-listings" => Self::View,
            "layout-verified" => Self::Verified,
            _ => Self::Other,
        }
    }
}

/// One thing in the store.
#[derive(Debug)]
pub struct Thing {
    /// What it is.
    pub kind: ThingKind,
    /// What it takes up.
    pub bytes: u64,
    /// How long ago it was used, as far as that was noted.
    pub unused: Duration,
    /// The digest of a blob.
    pub digest: Option<Digest>,
    pub(super) path: PathBuf,
}

impl Thing {
    /// A blob's digest; else where in the store it is.
    pub(super) fn name(&self, store: &Path) -> String {
        match self.digest {
            Some(digest) => digest.to_string(),
            None => self.path.strip_prefix(store).unwrap_or(&self.path).display().to_string(),
        }
    }

    /// Whether it is an entry: sealed, one of the files `entries/KIND/ab/cdef…`.
    pub(super) fn is_entry(&self, store: &Path) -> bool {
        self.path.starts_with(store.join("entries"))
    }
}

impl Store {
    /// Everything in the store, sorted by its path; none if there is no store yet.
    ///
    /// # Errors
    /// When a folder of the store cannot be read.
    pub fn things(&self) -> Result<Vec<Thing>> {
        let list = || -> Result<Vec<Thing>> {
            let mut things = Vec::new();
            for (name, path) in subfolders(&self.dir)? {
                match name.as_str() {
                    "blobs" => self.blobs(&mut things)?,
                    "entries" => entries(&path, &mut things)?,
                    "partial" => partials(&path, &mut things)?,
                    _ if is_folder_kind(&name) => folders(&name, &path, &mut things)?,
                    _ => {}
                }
            }
            things.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(things)
        };
        list().context(|| format!("cannot read the cache `{}`", self.dir.display()))
    }

    fn blobs(&self, things: &mut Vec<Thing>) -> Result<()> {
        fanned_out(&self.dir.join("blobs/sha256"), |path, digest| {
            let Some(found) = regular(&path)? else { return Ok(()) };
            let kind = kind_of_blob(&path);
            things.push(Thing { digest: Some(digest), ..thing(kind, path, &found) });
            Ok(())
        })
    }
}

fn entries(folder: &Path, things: &mut Vec<Thing>) -> Result<()> {
    for (name, path) in subfolders(folder)? {
        let kind = ThingKind::of_entry(&name);
        fanned_out(&path, |path, _| {
            things.extend(regular(&path)?.map(|found| thing(kind, path, &found)));
            Ok(())
        })?;
    }
    Ok(())
}

fn partials(folder: &Path, things: &mut Vec<Thing>) -> Result<()> {
    for name in names(folder)? {
        if name.parse_hex().is_some() {
            let path = folder.join(name);
            things.extend(regular(&path)?.map(|found| thing(ThingKind::Partial, path, &found)));
        }
    }
    Ok(())
}

fn folders(kind: &str, folder: &Path, things: &mut Vec<Thing>) -> Result<()> {
    let kind = if kind.starts_with("roots-") { ThingKind::Root } else { ThingKind::Other };
    for (name, path) in subfolders(folder)? {
        if name.parse_hex().is_some()
            && let Some(found) = there(&path)?
        {
            let bytes = size_below(&path);
            things.push(Thing { bytes, ..thing(kind, path, &found) });
        }
    }
    Ok(())
}

fn thing(kind: ThingKind, path: PathBuf, found: &Metadata) -> Thing {
    Thing { kind, bytes: taken_up(found), unused: in_use::age(found), digest: None, path }
}

/// What a file takes up: its length, or less if it has holes.
fn taken_up(found: &Metadata) -> u64 {
    // `st_blocks` counts in 512 bytes, whatever the file system does.
    found.len().min(found.blocks().saturating_mul(512))
}

/// As folders of the store are named by those who fill them, such as `roots-1`.
pub(super) fn is_folder_kind(name: impl AsRef<OsStr>) -> bool {
    name.as_ref().to_str().and_then(|name| name.rsplit_once('-')).is_some_and(|(kind, version)| {
        let words = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        words && !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())
    })
}

trait Hex {
    fn parse_hex(&self) -> Option<Digest>;
}

impl Hex for String {
    fn parse_hex(&self) -> Option<Digest> {
        format!("sha256:{self}").parse().ok()
    }
}

/// The files `ab/cdef…` of a folder, with the digest that they are named by.
fn fanned_out(folder: &Path, mut each: impl FnMut(PathBuf, Digest) -> Result<()>) -> Result<()> {
    for (first, below) in subfolders(folder)? {
        for rest in names(&below)? {
            if let Some(digest) = format!("{first}{rest}").parse_hex().filter(|_| first.len() == 2) {
                each(below.join(rest), digest)?;
            }
        }
    }
    Ok(())
}

fn subfolders(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found: Vec<_> =
        names(folder)?.into_iter().map(|name| (name.clone(), folder.join(name))).collect();
    found.retain(|(_, path)| path.symlink_metadata().is_ok_and(|found| found.is_dir()));
    Ok(found)
}

/// The names in a folder, none if it is not there; those that are no text are not the store's.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

/// Others may remove a thing while it is looked for.
fn there(path: &Path) -> Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => Ok(Some(other?)),
    }
}

fn regular(path: &Path) -> Result<Option<Metadata>> {
    Ok(there(path)?.filter(Metadata::is_file))
}

/// What is in a folder, without what cannot be read and what goes away meanwhile. A file with several names counts once.
fn size_below(folder: &Path) -> u64 {
    let mut several = std::collections::HashSet::new();
    let mut folders = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                folders.push(entry.path());
            } else if found.is_file() && (found.nlink() == 1 || several.insert((found.dev(), found.ino()))) {
                bytes += taken_up(&found);
            }
        }
    }
    bytes
}

/// Blobs are named by digest alone; their first bytes tell what they are.
fn kind_of_blob(path: &Path) -> ThingKind {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut start));
    if read.is_err() {
        return ThingKind::OtherBlob;
    }
    // The magic numbers of ar, gzip (RFC 1952), Zstandard and its skippable frames (RFC 8878), xz, and tar.
    let skippable = start.get(1..4) == Some(&[0x2a, 0x4d, 0x18]) && start[0] & 0xf0 == 0x50;
    match start.as_slice() {
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => ThingKind::Package,
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            ThingKind::Layer
        }
        _ if skippable || start.get(257..262) == Some(b"ustar") => ThingKind::Layer,
        _ if start.trim_ascii_start().starts_with(b"{") => ThingKind::Document,
        _ => ThingKind::OtherBlob,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_in_words() {
        for (kind, words) in [
            ("unpacked-2", "unpacked packages and layers"),
            ("contents-1", "unpacked packages and layers"),
            ("layer-1", "finished layers and files"),
            ("python-bytecode-contents-2", "finished layers and files"),
            ("index", "archive listings"),
            ("release-1", "archive listings"),
            ("layer-listings-3", "views of layers"),
            ("something-9", "others"),
        ] {
            assert_eq!(ThingKind::of_entry(kind).words(), words, "{kind}");
        }
    }

    #[test]
    fn only_names_of_the_store_s_shape_are_folders_of_it() {
        for (name, expected) in [
            ("roots-1", true),
            ("roots-12", true),
            ("roots", false),
            ("-1", false),
            ("my photos-1", false),
            ("x-", false),
        ] {
            assert_eq!(is_folder_kind(name), expected, "{name}");
        }
    }

    #[test]
    fn blobs_are_known_by_their_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        let tar = [vec![0; 257], b"ustar\0".to_vec()].concat();
        for (bytes, kind) in [
            (&b"!<arch>\ndebian-binary"[..], ThingKind::Package),
            (&[0x1f, 0x8b, 8], ThingKind::Layer),
            (&[0x28, 0xb5, 0x2f, 0xfd, 0], ThingKind::Layer),
            (&[0x5a, 0x2a, 0x4d, 0x18], ThingKind::Layer),
            (&tar, ThingKind::Layer),
            (b" \n{\"schemaVersion\":2}", ThingKind::Document),
            (b"text", ThingKind::OtherBlob),
            (b"", ThingKind::OtherBlob),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(kind_of_blob(&path), kind, "{bytes:?}");
        }
    }
}
