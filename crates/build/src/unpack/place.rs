//! Placing what packages bring in the root tree, in the order of the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use bareboat_formats::deb822;
use bareboat_formats::entry::Kind;
use bareboat_model::{Context, ImagePath, Relation, Result, Version, parse_relations};

use super::cached::{Member, Stored, Unpacked};
use crate::tree::{Content, Node, Owner, Precedence, Tree};

/// The configuration files of each package, where they really are.
pub type Conffiles = BTreeMap<ImagePath, Arc<str>>;

/// Places all packages; gives back which files are configuration files.
///
/// # Errors
/// When two packages want the same path and neither declares to replace the other, or a package holds
/// what the tree cannot take. The message names the packages and the path.
pub fn place_packages(tree: &mut Tree, packages: &[(Arc<str>, Unpacked)]) -> Result<Conffiles> {
    let replaces = Replaces::of(packages)?;
    let arbiter = |_: &ImagePath, holder: &Owner, newcomer: &Owner| replaces.decide(holder, newcomer);
    let mut conffiles = Conffiles::new();
    for (name, unpacked) in packages {
        place(tree, name, unpacked, &arbiter).context(|| format!("cannot place package `{name}`"))?;
        for conffile in &unpacked.conffiles {
            conffiles.insert(tree.real_parent(conffile)?, name.clone());
        }
    }
    Ok(conffiles)
}

fn place(
    tree: &mut Tree,
    name: &Arc<str>,
    unpacked: &Unpacked,
    arbiter: &dyn Fn(&ImagePath, &Owner, &Owner) -> Precedence,
) -> Result<()> {
    let contents = Arc::new(unpacked.contents.clone());
    let owner = Owner::Package(name.clone());
    for member in &unpacked.members {
        if let Kind::HardLink(target) = &member.kind {
            tree.place_hard_link(&member.path, target, owner.clone(), arbiter)?;
        } else if let Some(node) = node(member, &contents, &owner) {
            tree.place(&member.path, node, arbiter)?;
        }
    }
    Ok(())
}

/// What a member is in a tree; nothing for what no tree holds, and for hard links. `contents` is the file that holds the
/// contents.
pub(crate) fn node(member: &Member, contents: &Arc<PathBuf>, owner: &Owner) -> Option<Node> {
    let node = match &member.kind {
        Kind::File(Stored { digest, size, offset }) => {
            let content = Content::in_cache(*digest, *size, contents.clone(), *offset);
            Node::file(content, member.mode, member.mtime, owner.clone())
        }
        Kind::Directory => Node::directory(member.mode, owner.clone()),
        Kind::Symlink(target) => Node::symlink(target.as_slice(), member.mtime, owner.clone()),
        Kind::HardLink(_) | Kind::Device(_) | Kind::Pipe | Kind::Whiteout => return None,
    };
    let xattrs = member.xattrs.iter().cloned().collect();
    Some(Node { mode: member.mode, uid: member.uid, gid: member.gid, xattrs, ..node })
}

/// Which packages may take over files of which others (Debian Policy 7.6.1).
struct Replaces {
    versions: BTreeMap<Arc<str>, Version>,
    replaces: BTreeMap<Arc<str>, Vec<Relation>>,
    provides: BTreeMap<Arc<str>, BTreeSet<String>>,
}

impl Replaces {
    fn of(packages: &[(Arc<str>, Unpacked)]) -> Result<Self> {
        let mut known =
            Self { versions: BTreeMap::new(), replaces: BTreeMap::new(), provides: BTreeMap::new() };
        for (name, unpacked) in packages {
            let control = || format!("cannot read the control file of `{name}`");
            let stanza = deb822::single(&unpacked.control).context(control)?;
            let relations = |field| {
                let parsed = parse_relations(stanza.get(field).unwrap_or_default()).context(control)?;
                Ok::<_, bareboat_model::Error>(parsed.into_iter().flat_map(|alternatives| alternatives.0))
            };
            known.replaces.insert(name.clone(), relations("Replaces")?.collect());
            known
                .provides
                .insert(name.clone(), relations("Provides")?.map(|relation| relation.name).collect());
            if let Some(version) = stanza.get("Version") {
                known.versions.insert(name.clone(), Version::parse(version).context(control)?);
            }
        }
        Ok(known)
    }

    fn decide(&self, holder: &Owner, newcomer: &Owner) -> Precedence {
        let (Owner::Package(holder), Owner::Package(newcomer)) = (holder, newcomer) else {
            return Precedence::Refuse;
        };
        if self.replaced_by(holder, newcomer) {
            Precedence::Newcomer
        } else if self.replaced_by(newcomer, holder) {
            Precedence::Holder
        } else {
            Precedence::Refuse
        }
    }

    fn replaced_by(&self, old: &Arc<str>, new: &Arc<str>) -> bool {
        let provided = |name: &str| self.provides.get(old).is_some_and(|names| names.contains(name));
        let Some(version) = self.versions.get(old) else { return false };
        self.replaces.get(new).is_some_and(|relations| {
            relations.iter().any(|relation| {
                let named = relation.name == **old && relation.satisfied_by(version);
                named || (relation.version.is_none() && provided(&relation.name))
            })
        })
    }
}
