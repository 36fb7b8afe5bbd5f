//! What scripts see and change: the tree as far as it is made, the accounts, and what later effects need to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bareboat_formats::deb822;
use bareboat_model::{ImagePath, Result};

use crate::effects::Accounts;
use crate::effects::alternatives::Alternatives;
use crate::tree::{Content, Kind, Node, Owner, Precedence, Tree};
use crate::unpack::Unpacked;

/// The image while scripts are followed.
pub(in crate::effects) struct System<'a> {
    pub(in crate::effects) tree: &'a mut Tree,
    pub(in crate::effects) accounts: &'a mut Accounts,
    pub(in crate::effects) alternatives: Alternatives,
    /// Versions by package.
    pub(super) packages: BTreeMap<String, String>,
    /// The answers to debconf's questions; none where only running a script would tell.
    pub(super) answers: BTreeMap<String, Option<String>>,
    /// What dpkg-statoverride holds.
    pub(in crate::effects) overrides: BTreeSet<String>,
    /// Temporary files, which are gone at the end.
    temporary: BTreeSet<ImagePath>,
    /// Files that hold what only running a script would tell.
    unknown: BTreeSet<ImagePath>,
    /// The date of what is made.
    pub(in crate::effects) mtime: i64,
}

impl<'a> System<'a> {
    pub(super) fn new(tree: &'a mut Tree, accounts: &'a mut Accounts, mtime: i64) -> Self {
        Self {
            tree,
            accounts,
            alternatives: Alternatives::default(),
            packages: BTreeMap::new(),
            answers: BTreeMap::new(),
            overrides: BTreeSet::new(),
            temporary: BTreeSet::new(),
            unknown: BTreeSet::new(),
            mtime,
        }
    }

    /// Takes note of a package: its version, and what its questions are answered with: what the templates propose.
    pub(super) fn add_package(&mut self, name: &str, unpacked: &Unpacked) {
        let control = deb822::single(&unpacked.control);
        let version = control.ok().and_then(|stanza| stanza.get("Version").map(str::to_owned));
        self.packages.insert(name.to_owned(), version.unwrap_or_default());
        for stanza in deb822::parse(&unpacked.templates).flatten() {
            if let Some(question) = stanza.get("Template") {
                let answer = stanza.get("Default").unwrap_or_default();
                self.answers.insert(question.to_owned(), Some(answer.to_owned()));
            }
        }
    }

    /// Whether something is there, at the end of all links.
    pub(super) fn exists(&self, path: &ImagePath) -> bool {
        path.is_root() || self.tree.lookup(path).is_some()
    }

    /// What is at the path, its last link not followed, and where that really is.
    pub(in crate::effects) fn entry(&self, path: &ImagePath) -> Option<(ImagePath, &Node)> {
        let place = self.tree.real_parent(path).ok()?;
        let node = self.tree.get(&place)?;
        Some((place, node))
    }

    /// Puts something in place for a package's script. What is no directory gives way.
    pub(in crate::effects) fn put(&mut self, path: &ImagePath, node: Node) -> Result<()> {
        let place = self.tree.real_parent(path)?;
        if self.tree.get(&place).is_some_and(|holder| !holder.is_directory()) && !node.is_directory() {
            self.tree.remove(&place);
        }
        self.unknown.remove(&place);
        self.tree.place(&place, node, &|_, _, _| Precedence::Newcomer).map(drop)
    }

    /// Takes something away that a script made. Whether it could: what a package brought stays.
    pub(in crate::effects) fn take_away(&mut self, path: &ImagePath) -> bool {
        let Some((place, node)) = self.entry(path) else { return true };
        // The links of merged /usr are planted for the time of the making, and go by themselves.
        if matches!(node.owner, Owner::Effect(_)) {
            return true;
        }
        let made = matches!(node.owner, Owner::Script(_)) || self.temporary.contains(&place);
        if made {
            self.tree.remove(&place);
            self.temporary.remove(&place);
        }
        made
    }

    /// A new temporary file or directory.
    pub(super) fn make_temporary(&mut self, path: &str, directory: bool, owner: Owner) -> Option<()> {
        let path = ImagePath::absolute(path).ok()?;
        let node = match directory {
            true => Node::directory(0o700, owner),
            false => Node::file(Content::from_bytes(Vec::new()), 0o600, self.mtime, owner),
        };
        self.put(&path, node).ok()?;
        self.temporary.insert(self.tree.real_parent(&path).ok()?);
        Some(())
    }

    pub(super) fn temporaries(&self) -> usize {
        self.temporary.len()
    }

    /// Whether the path is temporary, or below something that is.
    pub(in crate::effects) fn is_temporary(&self, path: &ImagePath) -> bool {
        let Ok(place) = self.tree.real_parent(path) else { return false };
        place.as_bytes().starts_with(b"tmp/")
            || self.temporary.iter().any(|temporary| place.is_within(temporary))
    }

    /// Notes that nobody knows what the file holds.
    pub(in crate::effects) fn forget_content(&mut self, path: &ImagePath) {
        if let Ok(place) = self.tree.real_parent(path) {
            self.unknown.insert(place);
        }
    }

    /// The content of a file, if it is one and known.
    pub(in crate::effects) fn content(&self, path: &ImagePath) -> Option<&Content> {
        let (place, node) = self.tree.lookup(path)?;
        (!self.unknown.contains(&place)).then(|| node.content()).flatten()
    }

    /// The text of a file of at most `limit` bytes.
    pub(in crate::effects) fn text(&self, path: &str, limit: u64) -> Option<String> {
        let content = self.content(&ImagePath::absolute(path).ok()?)?;
        String::from_utf8(content.read(limit).ok()?).ok()
    }

    /// Changes mode and owner of what is at the path, links followed, and of all below it when `deep`.
    pub(in crate::effects) fn change(
        &mut self,
        path: &ImagePath,
        deep: bool,
        change: &dyn Fn(&mut Node),
    ) -> bool {
        let Some((place, _)) = self.tree.lookup(path) else { return false };
        let mut places = vec![place.clone()];
        if deep {
            places.extend(self.tree.below(&place).map(|(path, _)| path.clone()));
        }
        for place in places {
            self.tree.change(&place, &|node| {
                if !matches!(node.kind, Kind::Symlink(_)) {
                    change(node);
                }
            });
        }
        true
    }

    /// Takes the temporary files out.
    pub(super) fn clean(&mut self) {
        for place in std::mem::take(&mut self.temporary) {
            self.tree.remove(&place);
        }
        let tmp = ImagePath::parse(b"tmp").unwrap_or_default();
        let made = self.tree.below(&tmp).filter(|(_, node)| matches!(node.owner, Owner::Script(_)));
        let made: Vec<ImagePath> = made.map(|(path, _)| path.clone()).collect();
        for path in made {
            self.tree.remove(&path);
        }
    }
}

/// In whose name something stands that a package's script makes.
pub(in crate::effects) fn script_of(package: &str) -> Owner {
    Owner::Script(Arc::from(package))
}
