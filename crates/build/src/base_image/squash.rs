//! The layers of an image on one another, as a tree.

use std::collections::{BTreeMap, HashMap};
use std::ptr;
use std::sync::Arc;

use bareboat_formats::overlay::{self, Overlay};
use bareboat_model::{Context, Digest, ImagePath, Result};

use super::unpacked::UnpackedLayer;
use crate::tree::{Kind, LinkGroup, Node, Owner, Tree};
use crate::unpack::{Member, node};

/// What the lists of all layers and their paths may take, as far as it can be told: those of an image with a million files
/// take half of it.
const MOST_MEMORY: usize = 512 << 20;

/// What the overlay holds: a member, and the number of its layer.
#[derive(Clone)]
enum Mounted<'a> {
    Implied,
    Member(&'a Member, usize),
}

impl overlay::Node for Mounted<'_> {
    fn is_directory(&self) -> bool {
        match self {
            Self::Implied => true,
            Self::Member(member, _) => member.kind.is_directory(),
        }
    }

    fn link(&self) -> Option<&[u8]> {
        match self {
            Self::Implied => None,
            Self::Member(member, _) => member.kind.link(),
        }
    }

    fn implied(_layer: usize) -> Self {
        Self::Implied
    }
}

/// The files of the layers, the lowest first, each with its digest. Devices and pipes are left out.
///
/// # Errors
/// When links lead in a circle, a hard link names nothing, or there is too much.
pub(super) fn tree(layers: &[(Digest, UnpackedLayer)], owner: &Owner) -> Result<Tree> {
    let held: usize = layers.iter().flat_map(|(_, layer)| &layer.members).map(Member::memory).sum();
    let mut overlay = Overlay::new(MOST_MEMORY.saturating_sub(held));
    for (number, (digest, layer)) in layers.iter().enumerate() {
        for member in &layer.members {
            overlay.take(member, Mounted::Member(member, number)).context(|| {
                format!("layer {} ({digest}): cannot put `{}` in place", number + 1, member.path)
            })?;
        }
        overlay.end_layer();
    }
    let contents: Vec<_> = layers.iter().map(|(_, layer)| Arc::new(layer.contents.clone())).collect();
    let mut links = Links::default();
    let mut nodes = BTreeMap::new();
    for (path, placed) in overlay.into_nodes() {
        match placed.node {
            Mounted::Implied if path.is_root() => {}
            Mounted::Implied => {
                let kind = Kind::Directory { implied: true };
                nodes.insert(path, Node { kind, ..Node::directory(0o755, owner.clone()) });
            }
            Mounted::Member(member, layer) => {
                if let Some(node) = contents.get(layer).and_then(|contents| node(member, contents, owner)) {
                    links.note(member, &path);
                    nodes.insert(path, node);
                }
            }
        }
    }
    links.tell(&mut nodes);
    Ok(Tree::of_image(nodes))
}

/// The names of each member; of most there is one.
#[derive(Default)]
struct Links<'a> {
    first: HashMap<*const Member, ImagePath>,
    more: Vec<(&'a Member, ImagePath)>,
}

impl<'a> Links<'a> {
    fn note(&mut self, member: &'a Member, path: &ImagePath) {
        if self.first.contains_key(&ptr::from_ref(member)) {
            self.more.push((member, path.clone()));
        } else {
            self.first.insert(member, path.clone());
        }
    }

    /// Makes the names of one file hard links of one another.
    fn tell(self, nodes: &mut BTreeMap<ImagePath, Node>) {
        for (member, path) in self.more {
            let Some(first) = self.first.get(&ptr::from_ref(member)) else { continue };
            let group = LinkGroup::new(first.clone());
            for name in [first, &path] {
                if let Some(Node { kind: Kind::File { link_group, .. }, .. }) = nodes.get_mut(name) {
                    *link_group = Some(group.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bareboat_formats::entry::{self, Entry};

    use super::*;
    use crate::unpack::Stored;

    /// Of `path` (a file), `path/`, `path->target`, `path=>target` (a hard link) and `path!` (a device); what takes away has
    /// the name that says so.
    fn member(text: &str, layer: usize) -> Member {
        let size = layer as u64;
        let (path, kind) = if text.contains(".wh.") {
            (text, entry::Kind::Whiteout)
        } else if let Some((path, target)) = text.split_once("=>") {
            (path, entry::Kind::HardLink(ImagePath::absolute(target).unwrap()))
        } else if let Some((path, target)) = text.split_once("->") {
            (path, entry::Kind::Symlink(target.into()))
        } else if let Some(path) = text.strip_suffix('!') {
            (path, entry::Kind::Device(bareboat_formats::tar::Device { block: false, major: 1, minor: 3 }))
        } else if text.ends_with('/') {
            (text, entry::Kind::Directory)
        } else {
            (text, entry::Kind::File(Stored { digest: Digest::of(text.as_bytes()), size, offset: 0 }))
        };
        Entry { kind, mode: 0o700, ..Entry::implied(ImagePath::absolute(path).unwrap()) }
    }

    /// A file with its layer, and with `&` and its first name where it has several; of directories, those that no layer
    /// names with `?`.
    fn squashed(layers: &[&str]) -> String {
        let layers: Vec<_> = layers
            .iter()
            .enumerate()
            .map(|(number, layer)| {
                let members = layer.split_whitespace().map(|text| member(text, number)).collect();
                (Digest::of(b""), UnpackedLayer::of_members(members, PathBuf::from(number.to_string())))
            })
            .collect();
        let tree = tree(&layers, &Owner::Image("base".into())).unwrap();
        let words = tree.iter().map(|(path, node)| match &node.kind {
            Kind::File { content, link_group: None } => format!("{path}:{}", content.size()),
            Kind::File { content, link_group: Some(group) } => format!("{path}:{}&{group}", content.size()),
            Kind::Directory { implied: false } => format!("{path}/"),
            Kind::Directory { implied: true } => format!("{path}/?"),
            Kind::Symlink(_) => format!("{path}@"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_tree_has_what_the_layers_leave() {
        for (layers, expected) in [
            (&["/a /d/x", "/a /d/"][..], "/a:1 /d/ /d/x:0"),
            (&["/d/x", "/d/.wh.x"], "/d/?"),
            (&["/a", "/ /b"], "// /a:0 /b:1"),
            (&["/usr/ /lib->usr", "/lib/x"], "/lib@ /usr/ /usr/x:1"),
            (&["/a /n!", "/a!"], ""),
        ] {
            assert_eq!(squashed(layers), expected, "{layers:?}");
        }
    }

    #[test]
    fn names_of_one_file_are_hard_links() {
        for (layers, expected) in [
            (&["/a", "/b=>/a", "/c=>/b"][..], "/a:0&/a /b:0&/a /c:0&/a"),
            (&["/a /b=>/a", "/b"], "/a:0 /b:1"),
            (&["/a /b=>/a /c=>/a", "/.wh.a"], "/b:0&/b /c:0&/b"),
        ] {
            assert_eq!(squashed(layers), expected, "{layers:?}");
        }
    }
}
