//! The files up to a layer, with what happened to each: as the explorer shows them.

use std::collections::{BTreeMap, HashMap, HashSet};

use bareboat_audit::view::{FileId, Happened, Item, Kind, View};
use bareboat_model::{ImagePath, escape};

use super::super::attributes::attributes;

/// What happened to a path in the layers that are compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Mark {
    Unmodified,
    Modified,
    Added,
    Removed,
}

/// Which layers are compared with what lies below them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compare {
    /// The one that is selected.
    Layer,
    /// All but the lowest, up to the one that is selected.
    All,
}

#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) item: Item<'a>,
    pub(super) mark: Mark,
    /// Of a directory, all that is in it.
    pub(super) bytes: u64,
}

impl Node<'_> {
    pub(super) fn is_directory(&self) -> bool {
        self.item.entry.kind == Kind::Directory
    }
}

/// The files up to a layer.
pub(super) struct Tree<'a> {
    nodes: BTreeMap<&'a ImagePath, Node<'a>>,
    inside: HashMap<ImagePath, Vec<&'a ImagePath>>,
}

/// What is shown of a tree, and how.
#[derive(Clone, Default)]
pub(super) struct Shown {
    pub(super) hidden: HashSet<Marked>,
    pub(super) collapsed: HashSet<ImagePath>,
    pub(super) filter: String,
    pub(super) by_size: bool,
}

/// [`Mark`] as a key.
pub(super) type Marked = u8;

/// A line of the tree.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) path: &'a ImagePath,
    /// The lines that lead to it, and its name.
    pub(super) text: String,
    pub(super) mark: Mark,
    pub(super) bytes: u64,
    /// `-rwxr-xr-x   0:0`
    pub(super) attributes: String,
}

impl<'a> Tree<'a> {
    pub(super) fn new(view: &'a View, layer: usize, compare: Compare) -> Self {
        let mut nodes = stack(view, layer, compare);
        sum_up(&mut nodes);
        let mut inside: HashMap<ImagePath, Vec<&'a ImagePath>> = HashMap::new();
        for path in nodes.keys() {
            if let Some(parent) = path.parent() {
                inside.entry(parent).or_default().push(path);
            }
        }
        Self { nodes, inside }
    }

    pub(super) fn get(&self, path: &ImagePath) -> Option<&Node<'a>> {
        self.nodes.get(path)
    }

    /// All directories but the root.
    pub(super) fn directories(&self) -> impl Iterator<Item = &'a ImagePath> {
        let directories = self.nodes.iter().filter(|(path, node)| node.is_directory() && !path.is_root());
        directories.map(|(path, _)| *path)
    }

    /// What is to be seen.
    pub(super) fn rows(&self, shown: &Shown) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        let visible = self.visible(shown);
        self.below(&ImagePath::ROOT, "", shown, &visible, &mut rows);
        rows
    }

    /// What matches, with the directories that lead there.
    fn visible(&self, shown: &Shown) -> HashSet<&'a ImagePath> {
        let filter = shown.filter.to_lowercase();
        let mut visible = HashSet::new();
        for (path, node) in &self.nodes {
            let is_shown = !shown.hidden.contains(&(node.mark as Marked))
                && (filter.is_empty() || path.to_string().to_lowercase().contains(&filter));
            if is_shown && visible.insert(*path) {
                for above in std::iter::successors(path.parent(), ImagePath::parent) {
                    match self.nodes.get_key_value(&above) {
                        Some((above, _)) if visible.insert(*above) => {}
                        _ => break,
                    }
                }
            }
        }
        visible
    }

    /// No deeper than paths are.
    fn below(
        &self,
        folder: &ImagePath,
        indent: &str,
        shown: &Shown,
        visible: &HashSet<&'a ImagePath>,
        rows: &mut Vec<Row<'a>>,
    ) {
        let inside = self.inside.get(folder).map(Vec::as_slice).unwrap_or_default();
        let mut inside: Vec<_> = inside
            .iter()
            .filter(|path| visible.contains(*path))
            .filter_map(|path| Some((*path, self.nodes.get(*path)?)))
            .collect();
        if shown.by_size {
            inside.sort_by_key(|(_, node)| std::cmp::Reverse(node.bytes));
        }
        let count = inside.len();
        for (number, (path, node)) in inside.into_iter().enumerate() {
            let (branch, further) =
                if number + 1 == count { ("└── ", "    ") } else { ("├── ", "│   ") };
            let is_closed = shown.collapsed.contains(path);
            rows.push(row(path, node, &format!("{indent}{branch}"), is_closed));
            if !is_closed {
                self.below(path, &format!("{indent}{further}"), shown, visible, rows);
            }
        }
    }
}

fn row<'a>(path: &'a ImagePath, node: &Node<'a>, lead: &str, is_closed: bool) -> Row<'a> {
    let shown = path.to_string();
    let name = shown.rsplit('/').next().unwrap_or_default();
    let entry = node.item.entry;
    let after = match &entry.kind {
        Kind::Directory if is_closed => "/ …".to_owned(),
        Kind::Directory => "/".to_owned(),
        Kind::Symlink(target) => format!(" → {}", escape(&String::from_utf8_lossy(target))),
        _ => String::new(),
    };
    let attributes = attributes(entry);
    Row { path, text: format!("{lead}{name}{after}"), mark: node.mark, bytes: node.bytes, attributes }
}

/// The files up to the layer, and those that the compared layers removed.
fn stack<'a>(view: &'a View, layer: usize, compare: Compare) -> BTreeMap<&'a ImagePath, Node<'a>> {
    let mut nodes: BTreeMap<&ImagePath, Node<'_>> = BTreeMap::new();
    for (number, one) in view.layers.iter().enumerate().take(layer + 1) {
        let is_compared = match compare {
            Compare::Layer => number == layer,
            Compare::All => number > 0,
        };
        for change in &one.changes {
            let before = nodes.get(&change.path).map(|node| node.mark);
            let mark = match (change.happened, before) {
                _ if !is_compared => Mark::Unmodified,
                (Happened::Added, Some(Mark::Removed)) => Mark::Modified,
                (Happened::Added, _) | (Happened::Changed(_) | Happened::Repeated, Some(Mark::Added)) => {
                    Mark::Added
                }
                (Happened::Changed(how), _) if !how.is_only_time() => Mark::Modified,
                (Happened::Changed(_) | Happened::Repeated, before) => before.unwrap_or(Mark::Unmodified),
                (Happened::Removed, _) => Mark::Removed,
            };
            let item = match change.happened {
                Happened::Removed if !is_compared || before == Some(Mark::Added) => None,
                Happened::Removed => view.before(change),
                _ => view.after(change),
            };
            match item {
                Some(item) => drop(nodes.insert(&change.path, Node { item, mark, bytes: item.size() })),
                None => drop(nodes.remove(&change.path)),
            }
        }
    }
    nodes
}

/// Gives directories the bytes of what is in them, and a mark if something in them changed.
fn sum_up(nodes: &mut BTreeMap<&ImagePath, Node<'_>>) {
    let shared = shared(nodes);
    let mut sums: HashMap<ImagePath, (u64, bool)> = HashMap::new();
    // What is deeper comes later.
    for (path, node) in nodes.iter_mut().rev() {
        let (inside, changed) = sums.remove(*path).unwrap_or_default();
        let mut own = node.bytes;
        if node.is_directory() {
            own = inside;
            node.bytes = inside + shared.by_folder.get(*path).copied().unwrap_or_default();
            if changed && node.mark == Mark::Unmodified {
                node.mark = Mark::Modified;
            }
        }
        let is_counted = node.mark != Mark::Removed && !shared.files.contains(&node.item.id());
        if let Some(parent) = path.parent() {
            let sum = sums.entry(parent).or_default();
            sum.0 += if is_counted { own } else { 0 };
            sum.1 |= node.mark != Mark::Unmodified;
        }
    }
}

/// Files with several names, and the bytes of these in each folder that has one of the names: once each.
#[derive(Default)]
struct SharedFiles {
    files: HashSet<FileId>,
    by_folder: HashMap<ImagePath, u64>,
}

fn shared(nodes: &BTreeMap<&ImagePath, Node<'_>>) -> SharedFiles {
    let mut names: HashMap<FileId, Vec<&ImagePath>> = HashMap::new();
    let files = nodes
        .iter()
        .filter(|(_, node)| node.item.entry.kind.content().is_some() && node.mark != Mark::Removed);
    let mut sizes = HashMap::new();
    for (path, node) in files {
        names.entry(node.item.id()).or_default().push(path);
        sizes.insert(node.item.id(), node.item.size());
    }
    names.retain(|_, names| names.len() > 1);
    let mut found = SharedFiles::default();
    for (file, names) in names {
        let above = names.iter().flat_map(|name| std::iter::successors(name.parent(), ImagePath::parent));
        for folder in above.collect::<HashSet<_>>() {
            *found.by_folder.entry(folder).or_default() += sizes.get(&file).copied().unwrap_or_default();
        }
        found.files.insert(file);
    }
    found
}
