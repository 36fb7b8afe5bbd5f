//! What one layer holds, without the contents: a line for each member of its tar.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::LazyLock;

use bareboat_formats::entry::{self, Content};
use bareboat_formats::tar::{self, Member};
use bareboat_model::{Context, Digest, Error, HashingReader, ImagePath, Result};

use crate::packages::{self, Found};

/// What is read of a content at once.
const CHUNK: usize = 64 << 10;

/// What a layer's tar holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listing {
    /// The length of the tar.
    pub tar_size: u64,
    /// Its members, in its order.
    pub entries: Vec<Entry>,
    /// What files of it tell of packages, by their place among the entries.
    pub found: BTreeMap<u32, Found>,
}

impl Listing {
    /// Reads a layer's tar, already decompressed, to its end.
    ///
    /// # Errors
    /// When it is no tar that can be read, or holds more than `limits` or any layer does.
    pub fn of_tar(tar: impl Read, limits: &tar::Limits) -> Result<Self> {
        let mut tar = HashingReader::new(tar);
        let listing = of_tar(&mut tar, limits, &|_| Ok(()))?;
        Ok(Self { tar_size: tar.finish().1, ..listing })
    }

    /// What it takes in memory, about.
    pub(super) fn memory(&self) -> usize {
        let entries = self.entries.iter().map(Entry::memory);
        entries.chain(self.found.values().map(memory_of_found)).sum()
    }

    /// The bytes of all contents in it.
    pub fn size(&self) -> u64 {
        self.entries.iter().map(|entry| entry.kind.size()).sum()
    }
}

/// A member of a layer's tar.
pub type Entry = entry::Entry<Content>;

/// What an [`Entry`] is.
pub type Kind = entry::Kind<Content>;

/// A directory that no layer names.
pub(super) static IMPLIED: LazyLock<Entry> = LazyLock::new(|| Entry::implied(ImagePath::ROOT));

/// Reads a layer's tar to its end. `room` says whether so many bytes more may be kept. The length of the tar is left out.
///
/// # Errors
/// When it is no tar that can be read, or holds more than `limits` or any layer does.
pub(super) fn of_tar(
    tar: impl Read,
    limits: &tar::Limits,
    room: &dyn Fn(usize) -> Result<()>,
) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut chunk = vec![0; CHUNK];
    tar::read_layer(tar, limits, |member, content| {
        let named = member.path.clone();
        let (entry, found) =
            of_member(member, content, &mut chunk).context(|| format!("cannot take `{named}`"))?;
        room(entry.memory() + found.as_ref().map_or(0, memory_of_found))?;
        let index = u32::try_from(listing.entries.len()).map_err(|_| Error::new("too many members"))?;
        listing.found.extend(found.map(|found| (index, found)));
        listing.entries.push(entry);
        Ok(())
    })?;
    listing.entries.shrink_to_fit();
    Ok(listing)
}

fn of_member(member: Member, content: &mut dyn Read, chunk: &mut [u8]) -> Result<(Entry, Option<Found>)> {
    let mut found = None;
    let (path, mode) = (member.path.clone(), member.mode);
    let entry = Entry::of_member(member, |size| {
        let (digest, told) = read_content(content, packages::interest(&path, mode, size), chunk)?;
        found = told;
        Ok(Content { size, digest })
    })?;
    Ok((entry, found))
}

/// The digest of a content, and what it tells of packages.
fn read_content(
    content: &mut dyn Read,
    reader: Option<packages::Reader>,
    chunk: &mut [u8],
) -> Result<(Digest, Option<Found>)> {
    let mut hashing = HashingReader::new(content);
    let found = reader.map(|reader| reader.read(&mut hashing)).filter(|found| !found.is_empty());
    loop {
        match hashing.read(chunk) {
            Ok(0) => return Ok((hashing.finish().0, found)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is told of packages takes in memory, roughly: each costs some hundred bytes besides its texts.
fn memory_of_found(found: &Found) -> usize {
    let files = |files: &packages::Files| {
        let paths = files.paths.iter().chain(&files.folders);
        paths.map(|path| path.as_bytes().len() + size_of::<ImagePath>()).sum::<usize>()
    };
    let packages = found.packages.iter().map(|package| {
        let source = package.source.as_ref();
        let optional = [
            package.licence.as_ref(),
            package.architecture.as_ref(),
            source.map(|source| &source.name),
            source.and_then(|source| source.version.as_ref()),
        ];
        let texts = [Some(&package.name), Some(&package.version)].into_iter().chain(optional).flatten();
        let texts: usize = texts.map(String::len).sum();
        size_of::<packages::Package>() + texts + files(&package.files)
    });
    packages.sum::<usize>() + found.listed.as_ref().map_or(0, |listed| files(&listed.files))
}
