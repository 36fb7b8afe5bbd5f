//! The files of an image, in a folder or in a tar file. A tar file's members all go into the store, for they come in any
//! order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bareboat_formats::compress::{Compression, decoder};
use bareboat_formats::tar::{self, MemberKind};
use bareboat_model::{Context, Digest, Error, ImagePath, Result, bytes_as_text, escape};
use serde::{Deserialize, Serialize};

use crate::files::{open_if_there, read_bounded};
use crate::store::Store;

const BUFFER: usize = 128 << 10;

/// The kind of store entries that list what an archive holds.
const MEMBERS: &str = "archive-members-1";

/// Manifests are at most 4 MiB in registries; configs with a long history can be larger.
const LARGEST_DOCUMENT: u64 = 16 << 20;

pub(super) enum Source {
    Folder(PathBuf),
    /// The members of a tar file by path, with the blob that each is in the store.
    Archive(BTreeMap<ImagePath, (Digest, u64)>),
}

impl Source {
    pub(super) fn folder(dir: &Path) -> Result<Self> {
        match std::fs::metadata(dir) {
            Ok(data) if data.is_dir() => Ok(Self::Folder(dir.to_owned())),
            Ok(_) => Err(Error::new("it is not a folder")),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn archive(file: &Path, store: &Store) -> Result<Self> {
        let file = open_if_there(file)?.ok_or_else(|| Error::new("there is no such file"))?;
        let identity = identity(&file)?;
        if let Some(members) = remembered(&identity, store)? {
            return Ok(Self::Archive(members));
        }
        let mut reader = BufReader::with_capacity(BUFFER, file);
        // Some keep what `docker save` writes compressed.
        let compression = Compression::sniff(reader.fill_buf()?);
        let mut members = BTreeMap::new();
        let mut links = BTreeMap::new();
        tar::read(decoder(compression, reader)?, &tar::Limits::default(), |member, content| {
            match member.kind {
                MemberKind::File { .. } => {
                    let blob = store.insert_blob(|out| Ok(io::copy(content, out).map(drop)?))?;
                    members.insert(member.path, blob);
                }
                MemberKind::Symlink(target) => {
                    let target = beside(&member.path, &target)?;
                    links.insert(member.path, target);
                }
                MemberKind::HardLink(target) => drop(links.insert(member.path, target)),
                MemberKind::Directory | MemberKind::Device | MemberKind::Fifo => {}
            }
            Ok(())
        })?;
        // A link may come before what it leads to.
        for (path, target) in links {
            if let Some(&blob) = members.get(&target) {
                members.insert(path, blob);
            }
        }
        remember(&identity, &members, store)?;
        Ok(Self::Archive(members))
    }

    /// A JSON document; none when there is no such file.
    pub(super) fn document(&self, path: &str, store: &Store) -> Result<Option<Vec<u8>>> {
        let failing = || format!("cannot read `{}`", escape(path));
        match self {
            // The path may come from the image: it must not lead out of the folder.
            Self::Folder(dir) => {
                let inside = ImagePath::parse(path.as_bytes()).context(failing)?;
                let inside = String::from_utf8_lossy(inside.as_bytes()).into_owned();
                read_bounded(&dir.join(inside), LARGEST_DOCUMENT).context(failing)
            }
            Self::Archive(members) => {
                let Some((digest, size)) = members.get(&ImagePath::parse(path.as_bytes()).context(failing)?)
                else {
                    return Ok(None);
                };
                if *size > LARGEST_DOCUMENT {
                    let error = format!("{size} bytes are more than the {LARGEST_DOCUMENT} expected at most");
                    return Err(Error::new(error).context(failing()));
                }
                let mut bytes = Vec::new();
                store.read_blob(digest, |content| Ok(content.read_to_end(&mut bytes).map(drop)?))?;
                Ok(Some(bytes))
            }
        }
    }

    /// Sees to it that a layer is in the store.
    pub(super) fn blob(&self, digest: &Digest, size: u64, store: &Store) -> Result<()> {
        let path = format!("blobs/sha256/{}", digest.hex());
        let found = match self {
            _ if store.has_blob(digest, size) => return Ok(()),
            Self::Archive(_) => self.member(&path)?,
            Self::Folder(dir) => {
                let failing = || format!("cannot read `{path}`");
                let mut file = File::open(dir.join(&path)).context(failing)?.take(size.saturating_add(1));
                store.insert_blob(|out| Ok(io::copy(&mut file, out).map(drop)?)).context(failing)?
            }
        };
        if found == (*digest, size) {
            return Ok(());
        }
        let (its, length) = found;
        Err(Error::new(format!(
            "`{path}` is damaged: expected {digest} of {size} bytes, found {its} of {length} bytes"
        )))
    }

    /// The blob that a member of a tar file is in the store.
    pub(super) fn member(&self, path: &str) -> Result<(Digest, u64)> {
        let missing = || Error::new(format!("`{}` is missing", escape(path)));
        match self {
            Self::Folder(_) => Err(missing()),
            Self::Archive(members) => {
                members.get(&ImagePath::parse(path.as_bytes())?).copied().ok_or_else(missing)
            }
        }
    }
}

/// What a file is as long as nobody writes to it or puts another in its place: no archive is read twice.
fn identity(file: &File) -> Result<Digest> {
    let data = file.metadata()?;
    let times = [data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()];
    Ok(Digest::of(format!("{} {} {} {times:?}", data.dev(), data.ino(), data.len()).as_bytes()))
}

/// A member and its blob, in the store's entry for an archive.
#[derive(Serialize, Deserialize)]
struct Remembered(#[serde(with = "bytes_as_text::path")] ImagePath, Digest, u64);

/// The members of an archive that was read before, if all their blobs are still there.
fn remembered(identity: &Digest, store: &Store) -> Result<Option<BTreeMap<ImagePath, (Digest, u64)>>> {
    let Some(bytes) = store.read_entry(MEMBERS, identity)? else { return Ok(None) };
    let members: Vec<Remembered> = serde_json::from_slice(&bytes).unwrap_or_default();
    let is_whole = !members.is_empty()
        && members.iter().all(|Remembered(_, digest, size)| store.has_blob(digest, *size));
    Ok(is_whole
        .then(|| members.into_iter().map(|Remembered(path, digest, size)| (path, (digest, size))).collect()))
}

fn remember(identity: &Digest, members: &BTreeMap<ImagePath, (Digest, u64)>, store: &Store) -> Result<()> {
    let members: Vec<Remembered> =
        members.iter().map(|(path, (digest, size))| Remembered(path.clone(), *digest, *size)).collect();
    let json = serde_json::to_vec(&members).map_err(|error| Error::new(error.to_string()))?;
    store.write_entry(MEMBERS, identity, |file| Ok(file.write_all(&json)?))
}

/// Where a link leads: older Dockers write a layer that comes twice as `../OTHER/layer.tar`.
fn beside(link: &ImagePath, target: &[u8]) -> Result<ImagePath> {
    let folder = link.parent().unwrap_or_default();
    let mut steps: Vec<&[u8]> = folder.components().collect();
    for step in target.split(|&byte| byte == b'/') {
        match step {
            b"" | b"." => {}
            b".." => drop(steps.pop()),
            name => steps.push(name),
        }
    }
    ImagePath::parse(&steps.join(&b'/'))
}

/// How a blob of the store is compressed, by its first bytes.
pub(super) fn compression(digest: &Digest, store: &Store) -> Result<Compression> {
    let file = store.open_blob(digest)?.ok_or_else(|| Error::new(format!("{digest} is not in the cache")))?;
    let mut start = Vec::new();
    file.take(Compression::MAGIC_LENGTH as u64).read_to_end(&mut start)?;
    Ok(Compression::sniff(&start))
}
