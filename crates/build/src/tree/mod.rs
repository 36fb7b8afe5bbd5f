//! The root tree: an image's whole file system as one value.
//!
//! Every path goes in through [`Tree::place`], which walks the links that are already there, so that
//! `lib/x` and `usr/lib/x` are one file on a merged-/usr system, a directory never replaces a link, and
//! nothing can name a place outside the root. Each node remembers who brought it.

mod claim;
mod content;
mod links;
mod seed;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bareboat_formats::overlay::below;
use bareboat_model::{Error, ImagePath, Result};

pub use claim::{Hidden, Precedence};
pub use content::{Content, ContentReader};

/// Who brought a path into the image, and so in whose name it stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// A Debian package, by name.
    Package(Arc<str>),
    /// An entry of a recipe.
    Recipe(Entry),
    /// The maintainer scripts of a Debian package, by its name: what they would have made.
    Script(Arc<str>),
    /// Something that a package manager would have done, by the effect's name.
    Effect(&'static str),
    /// The image that a recipe builds on.
    Image(Arc<str>),
}

/// An entry of a recipe: yours, or one that yours is based on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// Where it stands, such as `bareboat.toml: files from src`.
    pub text: Arc<str>,
    /// How far up the chain of bases its recipe is; 0 is the lowest.
    pub tier: usize,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(f, "package {name}"),
            Self::Script(name) => write!(f, "the scripts of package {name}"),
            Self::Recipe(entry) => f.write_str(&entry.text),
            Self::Effect(name) => write!(f, "effect {name}"),
            Self::Image(reference) => write!(f, "base image {reference}"),
        }
    }
}

/// Extended attributes by full name, such as `security.capability`.
pub type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// One file, directory or link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What it is, and what it holds.
    pub kind: Kind,
    /// Permission bits, set-id and sticky bits included (07777).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Seconds since the epoch. Not used for directories: see `layers`.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: Xattrs,
    /// Who brought it.
    pub owner: Owner,
}

/// What a node is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A regular file. Files with the same `link_group` are hard links of one another.
    File {
        /// The bytes.
        content: Content,
        /// Set when the file has more than one name.
        link_group: Option<LinkGroup>,
    },
    /// A directory. `implied` ones were never named: something was put below them.
    Directory {
        /// Whether the next one who names it decides its mode and owner.
        implied: bool,
    },
    /// A symbolic link and its target, as written.
    Symlink(Vec<u8>),
}

/// Identifies the hard links of one file within a tree: the first name it was given.
pub type LinkGroup = Arc<ImagePath>;

impl Node {
    /// A file of root's with no extended attributes.
    pub fn file(content: Content, mode: u32, mtime: i64, owner: Owner) -> Self {
        let kind = Kind::File { content, link_group: None };
        Self { kind, mode, uid: 0, gid: 0, mtime, xattrs: Xattrs::new(), owner }
    }

    /// A directory of root's.
    pub fn directory(mode: u32, owner: Owner) -> Self {
        let kind = Kind::Directory { implied: false };
        Self { kind, mode, uid: 0, gid: 0, mtime: 0, xattrs: Xattrs::new(), owner }
    }

    /// A symbolic link of root's.
    pub fn symlink(target: impl Into<Vec<u8>>, mtime: i64, owner: Owner) -> Self {
        let kind = Kind::Symlink(target.into());
        Self { kind, mode: 0o777, uid: 0, gid: 0, mtime, xattrs: Xattrs::new(), owner }
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory { .. })
    }

    /// The bytes of a regular file.
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::File { content, .. } => Some(content),
            _ => None,
        }
    }
}

/// Decides which of two packages may have a path; see [`Tree::place`].
pub type Arbiter<'a> = &'a dyn Fn(&ImagePath, &Owner, &Owner) -> Precedence;

/// A whole root file system, in memory but for its contents.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: BTreeMap<ImagePath, Node>,
    hidden: Vec<Hidden>,
    /// How long all paths are that were ever put in: memory is bounded by it.
    path_bytes: usize,
}

/// Images with a million files have some 60 MB of paths.
const MOST_PATH_BYTES: usize = 256 << 20;

impl Tree {
    /// A root that holds nothing but the aliasing links of merged /usr and of /run (see `seed.rs`).
    pub fn new() -> Self {
        let mut tree = Self::empty();
        tree.plant_links();
        tree
    }

    /// A root that holds nothing.
    pub fn empty() -> Self {
        Self { nodes: BTreeMap::new(), hidden: Vec::new(), path_bytes: 0 }
    }

    /// The files of an image. A directory is there before what it holds.
    pub fn of_image(nodes: BTreeMap<ImagePath, Node>) -> Self {
        let path_bytes = nodes.keys().map(|path| path.as_bytes().len()).sum();
        Self { nodes, path_bytes, ..Self::empty() }
    }

    /// Plants the aliasing links of merged /usr and of /run, where nothing else is.
    pub fn plant_links(&mut self) {
        seed::plant(self);
    }

    /// Takes out the aliasing links that nobody claimed and that lead nowhere.
    pub fn drop_idle_seeds(&mut self) {
        seed::drop_idle(self);
    }

    /// All paths with their nodes, sorted: a directory stands before what it holds.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Node)> {
        self.nodes.iter()
    }

    /// The node at exactly this path, links not followed.
    pub fn get(&self, path: &ImagePath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// The node that a program would see at `path`: all links followed.
    pub fn lookup(&self, path: &ImagePath) -> Option<(ImagePath, &Node)> {
        let real = self.real_path(path).ok()?;
        self.nodes.get(&real).map(|node| (real.clone(), node))
    }

    /// Files that hide another's, in the order in which it happened.
    pub fn hidden(&self) -> &[Hidden] {
        &self.hidden
    }

    /// What lies directly and indirectly below `directory`, sorted.
    pub fn below<'a>(&'a self, directory: &'a ImagePath) -> impl Iterator<Item = (&'a ImagePath, &'a Node)> {
        below(&self.nodes, directory).filter(move |(path, _)| *path != directory)
    }

    /// Puts `node` at `path`, with links in the path's directories followed, and directories made where
    /// they are missing. Returns the place where it really is.
    ///
    /// When the place is taken: directories merge (the first to name one decides its mode and owner), the
    /// same file twice is one file, and otherwise the claims decide: a recipe's entry goes over a package's
    /// file and over an earlier entry, an effect goes over a package's file but not over a recipe's, and
    /// between two packages the `arbiter` knows (dpkg's `Replaces`).
    ///
    /// # Errors
    /// When two packages want the path and neither replaces the other, when a file and a directory
    /// meet, or when an aliasing link of merged /usr would be lost.
    pub fn place(&mut self, path: &ImagePath, node: Node, arbiter: Arbiter<'_>) -> Result<ImagePath> {
        let place = self.real_parent(path)?;
        // OCI image specification, layer.md, "Whiteouts".
        if place.file_name().is_some_and(|name| name.starts_with(b".wh.")) {
            let error = format!("`{path}` of {} would take a file away instead of bringing one", node.owner);
            return Err(Error::new(error).with_hint("in layers, names that begin with .wh. mean just that"));
        }
        self.imply_parents(&place, &node.owner)?;
        let Some(holder) = self.nodes.get(&place) else {
            self.nodes.insert(place.clone(), node);
            return Ok(place);
        };
        match (&holder.kind, &node.kind) {
            (Kind::Directory { implied }, Kind::Directory { .. }) => {
                if *implied {
                    self.nodes.insert(place.clone(), node);
                }
                Ok(place)
            }
            (Kind::Symlink(_), Kind::Directory { .. }) => self.enter_linked_directory(&place, node, arbiter),
            _ => self.contest(place, node, arbiter),
        }
    }

    /// Sets mode and owner of a directory, whoever brought it; makes it when it is missing.
    ///
    /// # Errors
    /// When something that is no directory is in the way.
    pub fn set_directory(&mut self, path: &ImagePath, node: Node) -> Result<()> {
        let place = self.real_path(path)?;
        self.imply_parents(&place, &node.owner)?;
        match self.nodes.get(&place) {
            Some(holder) if !holder.is_directory() => Err(Error::new(format!(
                "`{path}` is wanted as a directory by {}, but {} has it as a file",
                node.owner, holder.owner
            ))),
            _ => {
                self.nodes.insert(place, node);
                Ok(())
            }
        }
    }

    /// Changes what is at exactly this path: mode, owner or content. A file with several names changes under all of them.
    pub fn change(&mut self, path: &ImagePath, change: &dyn Fn(&mut Node)) {
        let group = match self.nodes.get(path).map(|node| &node.kind) {
            Some(Kind::File { link_group, .. }) => link_group.clone(),
            _ => None,
        };
        match group {
            None => self.nodes.get_mut(path).into_iter().for_each(change),
            Some(group) => {
                let same = |node: &&mut Node| matches!(&node.kind, Kind::File { link_group: Some(held), .. } if *held == group);
                self.nodes.values_mut().filter(same).for_each(change);
            }
        }
    }

    /// Takes a path out, with all below it. Gives back what was there.
    pub fn remove(&mut self, path: &ImagePath) -> Vec<(ImagePath, Node)> {
        let mut gone: Vec<ImagePath> = self.below(path).map(|(path, _)| path.clone()).collect();
        if self.nodes.contains_key(path) {
            gone.push(path.clone());
        }
        gone.into_iter().filter_map(|path| self.nodes.remove_entry(&path)).collect()
    }

    /// Makes a directory one that is there only for what it holds, as if nobody had named it.
    pub fn imply(&mut self, directory: &ImagePath) {
        if let Some(Node { kind: Kind::Directory { implied }, .. }) = self.nodes.get_mut(directory) {
            *implied = true;
        }
    }

    /// Whether anything lies below `directory`.
    pub fn is_empty_directory(&self, directory: &ImagePath) -> bool {
        self.below(directory).next().is_none()
    }

    /// Gives two names the same file, as `ln` does.
    ///
    /// # Errors
    /// When `target` is not a file that is already there.
    pub fn place_hard_link(
        &mut self,
        path: &ImagePath,
        target: &ImagePath,
        owner: Owner,
        arbiter: Arbiter<'_>,
    ) -> Result<()> {
        let real = self.real_parent(target)?;
        let missing = || {
            Error::new(format!(
                "hard link `{path}` names `{target}`, which is not a file of the same package"
            ))
        };
        let original = self.nodes.get_mut(&real).ok_or_else(missing)?;
        let Kind::File { link_group, .. } = &mut original.kind else { return Err(missing()) };
        link_group.get_or_insert_with(|| Arc::new(real));
        let link = Node { owner, ..original.clone() };
        self.place(path, link, arbiter).map(drop)
    }

    fn imply_parents(&mut self, place: &ImagePath, owner: &Owner) -> Result<()> {
        self.path_bytes += place.as_bytes().len();
        let mut missing = Vec::new();
        let mut next = place.parent();
        while let Some(directory) = next.filter(|directory| !directory.is_root()) {
            match self.nodes.get(&directory) {
                Some(node) if node.is_directory() => break,
                Some(node) => {
                    return Err(Error::new(format!(
                        "`{place}` of {owner} would lie below `{directory}`, which {} has as a file",
                        node.owner
                    )));
                }
                None => {
                    next = directory.parent();
                    missing.push(directory);
                }
            }
        }
        self.path_bytes += missing.iter().map(|directory| directory.as_bytes().len()).sum::<usize>();
        if self.path_bytes > MOST_PATH_BYTES {
            return Err(Error::new(format!("all paths together have more than {MOST_PATH_BYTES} bytes")));
        }
        for directory in missing {
            let mut node = Node::directory(0o755, owner.clone());
            node.kind = Kind::Directory { implied: true };
            self.nodes.insert(directory, node);
        }
        Ok(())
    }

    /// A directory where a link is: dpkg keeps the link and unpacks through it, and so do we.
    fn enter_linked_directory(
        &mut self,
        place: &ImagePath,
        node: Node,
        arbiter: Arbiter<'_>,
    ) -> Result<ImagePath> {
        let real = self.real_path(place)?;
        match self.nodes.get(&real) {
            Some(holder) if holder.is_directory() => self.place(&real, node, arbiter),
            None => self.place(&real, node, arbiter),
            Some(_) => self.contest(place.clone(), node, arbiter),
        }
    }

    fn contest(&mut self, place: ImagePath, newcomer: Node, arbiter: Arbiter<'_>) -> Result<ImagePath> {
        let Some(holder) = self.nodes.get(&place) else { return Ok(place) };
        if claim::is_same(holder, &newcomer) {
            if matches!(holder.owner, Owner::Effect(_) | Owner::Script(_)) {
                self.nodes.insert(place.clone(), newcomer);
            }
            return Ok(place);
        }
        if seed::is_planted(&place, holder) {
            return Err(Error::new(format!(
                "{} would replace the link `{place}` of merged /usr, and hide what lies behind it",
                newcomer.owner
            )));
        }
        let is_asked_for = holder.is_directory() && matches!(holder.owner, Owner::Recipe(_));
        if is_asked_for || holder.is_directory() && !self.is_empty_directory(&place) {
            return Err(Error::new(format!(
                "{} wants `{place}` as a file or link, but it is a directory of {}",
                newcomer.owner, holder.owner
            )));
        }
        match claim::decide(&place, &holder.owner, &newcomer.owner, arbiter) {
            Precedence::Newcomer => {
                self.hidden.extend(claim::hidden(&place, &newcomer.owner, &holder.owner));
                self.nodes.insert(place.clone(), newcomer);
            }
            Precedence::Holder => {
                self.hidden.extend(claim::hidden(&place, &holder.owner, &newcomer.owner));
            }
            Precedence::Refuse => {
                return Err(Error::new(format!(
                    "`{place}` is wanted by {} and by {}, and neither replaces the other",
                    holder.owner, newcomer.owner
                ))
                .with_hint("ask for only one of them"));
            }
        }
        Ok(place)
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
