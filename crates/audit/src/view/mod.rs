//! What is in an image, by layer and as a whole: the ground for telling, drawing and comparing it.
//!
//! Each layer is read once, from one end to the other, and only its listing stays: in memory, and in the store for the
//! next time. No content is ever held. From the listings the whole follows: which layer brought what is at a path, and
//! what each layer added, changed and removed.

mod cached;
mod changes;
mod content;
mod listing;
mod read;
mod squash;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::num::NonZero;

use bareboat_formats::oci::Descriptor;
use bareboat_io::transport::Image;
use bareboat_model::{Digest, Error, ImagePath, Result};

pub use changes::{Change, Differences, Happened};
pub use content::copy_content;
pub use listing::{Entry, Kind, Listing};
pub use read::read;

use crate::packages::{self, Found, Inventory};

/// What the listings of an image and what follows from them may take, as far as it can be told: images with a million files
/// take half of it.
const MOST_MEMORY: usize = 512 << 20;

/// Where the layers of an image come from.
pub trait Layers: Sync {
    /// Opens a layer as it is stored: compressed, and not verified yet. It is verified by whoever reads it.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn open(&self, layer: &Descriptor) -> Result<Box<dyn Read + Send + '_>>;
}

/// An image, looked into.
#[derive(Debug)]
pub struct View {
    /// The layers, the lowest first.
    pub layers: Vec<Layer>,
    files: BTreeMap<ImagePath, Node>,
}

/// A layer of a [`View`].
#[derive(Debug)]
pub struct Layer {
    /// How it is stored.
    pub descriptor: Descriptor,
    /// The digest of its tar.
    pub diff_id: Digest,
    /// What is in its tar.
    pub listing: Listing,
    /// What it did to those below it, by path.
    pub changes: Vec<Change>,
    /// How many names each of its entries has in the image.
    names: Vec<u32>,
    /// Contents that it brought and that are not in the image any more: where they were, and who took them away.
    pub lost: Vec<Lost>,
}

/// A content that a layer brings and the image does not have: it is carried for nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// Where it was.
    pub path: ImagePath,
    /// Its size.
    pub size: u64,
    /// The layer that took its last name away: perhaps the one that brought it, whose tar names a path twice.
    pub by: usize,
    /// Whether something else is at the path since then. Else it was removed.
    pub replaced: bool,
}

/// What is at a path of the image. Its [`Entry`] is in the listing of a layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Node {
    /// The layer that put it there.
    layer: u32,
    /// Where its entry is.
    at: At,
}

/// A place in the listings. Two names of one file are at the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct At {
    layer: u32,
    /// Counted from 1. Nothing for a directory that no layer names: something was put below it.
    entry: Option<NonZero<u32>>,
}

impl At {
    fn new(layer: usize, entry: u32) -> Self {
        Self { layer: layer as u32, entry: NonZero::new(entry.saturating_add(1)) }
    }

    /// Where the layer's listing has it.
    fn index(self) -> Option<usize> {
        Some(self.entry?.get() as usize - 1)
    }
}

/// A file, directory or link of the image.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The layer that put it there, counted from 0.
    pub layer: usize,
    /// What it is. Of a hard link, the file that it names; so it is never [`Kind::HardLink`], and no whiteout.
    pub entry: &'a Entry,
    at: At,
}

/// Tells files of a [`View`] apart: two names of one file have the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FileId(At);

impl Item<'_> {
    /// Which file it is, whatever its name.
    pub fn id(&self) -> FileId {
        FileId(self.at)
    }

    /// The bytes of the file's content; nothing has one but files. Of several names, each tells it.
    pub fn size(&self) -> u64 {
        self.entry.kind.size()
    }
}

impl View {
    /// Puts layers that were read on one another, the lowest first; each with the digest of its tar.
    ///
    /// # Errors
    /// When they cannot be mounted (links lead in a circle, or a hard link names nothing), or hold too much.
    pub fn of_listings(layers: Vec<(Descriptor, Digest, Listing)>) -> Result<Self> {
        let held = layers.iter().map(|(.., listing)| listing.memory()).sum();
        squash::view(layers, MOST_MEMORY.saturating_sub(held))
    }

    /// What the image has at `path`, which has no links on its way.
    pub fn get(&self, path: &ImagePath) -> Option<Item<'_>> {
        self.files.get(path).map(|node| self.item(*node))
    }

    /// What a program would find at `path`: all links followed; with the place where it really is.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn lookup(&self, path: &ImagePath) -> Result<Option<(ImagePath, Item<'_>)>> {
        let real = path.follow(|path| self.get(path)?.entry.kind.link())?;
        Ok(self.get(&real).map(|item| (real, item)))
    }

    /// All that the image has, by path, which puts a directory before what it holds (but not always right before).
    pub fn files(&self) -> impl DoubleEndedIterator<Item = (&ImagePath, Item<'_>)> {
        self.files.iter().map(|(path, node)| (path, self.item(*node)))
    }

    /// How many paths the image has, its root included.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it holds nothing but its root.
    pub fn is_empty(&self) -> bool {
        self.files.len() <= 1
    }

    /// Each file once, however many names it has, with the first of them.
    pub fn contents(&self) -> impl Iterator<Item = (&ImagePath, Item<'_>)> {
        let mut seen = HashSet::new();
        let mut is_first = move |at: At| !self.has_more_names(at) || seen.insert(at);
        self.files().filter(move |(_, item)| item.entry.kind.content().is_some() && is_first(item.at))
    }

    /// The bytes of all files, each once.
    pub fn size(&self) -> u64 {
        self.contents().map(|(_, item)| item.size()).sum()
    }

    /// The packages of the image: what those of its files tell that are still there.
    pub fn packages(&self) -> Inventory {
        let found = self.files.iter().filter_map(|(path, node)| {
            let layer = self.layers.get(node.at.layer as usize)?;
            Some((path, layer.listing.found.get(&(node.at.index()? as u32))?))
        });
        let linked = self.linked_databases();
        Inventory::new(found.chain(linked.iter().map(|(path, found)| (path, found))), |path| {
            let real = path.follow_parent(|path| self.get(path)?.entry.kind.link()).ok()?;
            self.get(&real).filter(|item| !item.entry.kind.is_directory()).map(|_| real)
        })
    }

    /// Databases that are read by the name under which a layer has them: one that is only a link there would be passed over.
    fn linked_databases(&self) -> Vec<(ImagePath, Found)> {
        let linked = packages::DATABASES.iter().filter_map(|path| {
            let path = ImagePath::parse(path).ok()?;
            let (real, item) = self.lookup(&path).ok()??;
            let is_empty = item.entry.kind.content().is_some() && item.size() == 0;
            // The member that a hard link names has the content.
            let real = if item.entry.kind.is_directory() { &real } else { &item.entry.path };
            packages::elsewhere(real).filter(|_| !is_empty).map(|found| (path, found))
        });
        linked.collect()
    }

    fn item(&self, node: Node) -> Item<'_> {
        let layer = self.layers.get(node.at.layer as usize);
        let entry = layer.and_then(|layer| layer.listing.entries.get(node.at.index()?));
        Item { layer: node.layer as usize, entry: entry.unwrap_or(&listing::IMPLIED), at: node.at }
    }

    fn has_more_names(&self, at: At) -> bool {
        let layer = self.layers.get(at.layer as usize);
        layer.and_then(|layer| layer.names.get(at.index()?)).is_some_and(|&names| names > 1)
    }
}

/// The layers of an image where they are: in its folder or archive, or brought from further away.
impl Layers for Image<'_> {
    fn open(&self, layer: &Descriptor) -> Result<Box<dyn Read + Send + '_>> {
        let number = self.layers.iter().position(|(one, _)| one.digest == layer.digest);
        self.open_layer(number.ok_or_else(|| Error::new("the image has no such layer"))?)
    }
}
