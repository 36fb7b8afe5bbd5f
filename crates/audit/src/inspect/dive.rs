//! The numbers that dive tells of an image, to the last digit: for whoever has budgets written for it.
//!
//! What they mean, and where they mislead, is in docs/inspect.md. So that they are the same, its trees are rebuilt here with
//! all their ways: links are not followed, a directory that a layer does not name has no kind, and a layer that takes away
//! what is not there is not looked at any further.

use std::collections::BTreeMap;

use bareboat_formats::whiteout::{self, Whiteout};
use bareboat_model::{ImagePath, escape};
use serde::Serialize;

use crate::view::{Entry, View};

/// What dive says.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Dive {
    /// `efficiencyScore`: 1 is best.
    pub efficiency: f64,
    /// `sizeBytes`: the contents of all layers.
    pub size: u64,
    /// The same without the lowest layer.
    pub user_size: u64,
    /// `inefficientBytes`: all copies of what is in two layers or more.
    pub wasted: u64,
    /// These in parts of `user_size`; nothing when that is 0.
    pub wasted_user_ratio: Option<f64>,
    /// What counts as wasted, the largest first.
    pub files: Vec<Inefficient>,
}

/// A path that is in two layers or more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Inefficient {
    /// The path, escaped.
    pub path: String,
    /// In how many layers.
    pub count: u64,
    /// The bytes of all copies.
    pub size: u64,
}

/// Looks at the image as dive does.
pub fn dive(view: &View) -> Dive {
    let trees: Vec<Tree> = view.layers.iter().map(|layer| tree(&layer.listing.entries)).collect();
    let mut paths: BTreeMap<Vec<u8>, Seen> = BTreeMap::new();
    let mut below = trees.first().map(Tree::copy).unwrap_or_default();
    for (number, layer) in trees.iter().enumerate() {
        if let Some(previous) = number.checked_sub(1).and_then(|previous| trees.get(previous)) {
            below.stack(previous);
        }
        for leaf in layer.leaves() {
            let seen = paths.entry(leaf.path()).or_default();
            let Some(size) = layer.size_of(&leaf, &below) else { break };
            let smallest = i128::from(size);
            seen.smallest = Some(seen.smallest.map_or(smallest, |before| before.min(smallest)));
            seen.all += size;
            seen.count += 1;
        }
    }
    told(view, paths)
}

fn told(view: &View, paths: BTreeMap<Vec<u8>, Seen>) -> Dive {
    let sizes: Vec<u64> = view.layers.iter().map(|layer| layer.listing.size()).collect();
    let size: u64 = sizes.iter().sum();
    let user_size: u64 = sizes.iter().skip(1).sum();
    // Of what is taken away though it is not there, dive never learns the smallest, and counts what it began with: -1.
    let needed: i128 = paths.values().map(|seen| seen.smallest.unwrap_or(-1)).sum();
    let all: u64 = paths.values().map(|seen| seen.all).sum();
    let mut files: Vec<Inefficient> = paths
        .into_iter()
        .filter(|(_, seen)| seen.count >= 2)
        .map(|(path, seen)| Inefficient { path: shown(&path), count: seen.count, size: seen.all })
        .collect();
    files.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    let wasted: u64 = files.iter().map(|file| file.size).sum();
    Dive {
        efficiency: if all == 0 { 1.0 } else { needed as f64 / all as f64 },
        size,
        user_size,
        wasted,
        wasted_user_ratio: (user_size > 0).then(|| wasted as f64 / user_size as f64),
        files,
    }
}

fn shown(path: &[u8]) -> String {
    match ImagePath::parse(path) {
        Ok(path) => path.to_string(),
        Err(_) => escape(&String::from_utf8_lossy(path)),
    }
}

#[derive(Default)]
struct Seen {
    all: u64,
    smallest: Option<i128>,
    count: u64,
}

const PREFIX: &[u8] = b".wh.";

/// What dive knows of a path: a directory that is only on the way to something has size 0 and is none.
#[derive(Clone, Copy, Default)]
struct Info {
    size: u64,
    is_directory: bool,
}

#[derive(Default)]
struct Node {
    info: Info,
    children: BTreeMap<Vec<u8>, usize>,
}

/// A tree of names as they stand in tars, whiteouts too. The root is the first node.
struct Tree(Vec<Node>);

impl Default for Tree {
    fn default() -> Self {
        Self(vec![Node::default()])
    }
}

/// The names from the root to a node.
struct Leaf<'a> {
    names: Vec<&'a [u8]>,
    info: Info,
}

impl Leaf<'_> {
    fn is_whiteout(&self) -> bool {
        self.names.last().is_some_and(|name| name.starts_with(PREFIX))
    }

    /// As dive writes it: the last name without what makes it a whiteout.
    fn victim(&self) -> Vec<&[u8]> {
        let mut names = self.names.clone();
        if let Some(last) = names.last_mut() {
            *last = last.strip_prefix(PREFIX).unwrap_or(last);
        }
        names
    }

    fn path(&self) -> Vec<u8> {
        self.victim().join(&b'/')
    }
}

fn tree(entries: &[Entry]) -> Tree {
    let mut tree = Tree::default();
    for entry in entries {
        match whiteout::parse(&entry.path) {
            // The file that makes a directory opaque is not taken in, but the directory is.
            Ok(Some(Whiteout::Below(folder))) => drop(tree.reach(&names(&folder))),
            Ok(Some(Whiteout::Note)) => {}
            _ => tree.put(entry),
        }
    }
    tree
}

fn names(path: &ImagePath) -> Vec<&[u8]> {
    path.components().collect()
}

impl Tree {
    fn put(&mut self, entry: &Entry) {
        if let Some(node) = self.reach(&names(&entry.path)) {
            let is_directory = entry.kind.is_directory();
            self.0[node].info = Info { size: entry.kind.size(), is_directory };
        }
    }

    fn copy(&self) -> Self {
        let nodes = self.0.iter();
        Self(nodes.map(|node| Node { info: node.info, children: node.children.clone() }).collect())
    }

    /// The node of these names, which is made if it is not there; none for the root.
    fn reach(&mut self, names: &[&[u8]]) -> Option<usize> {
        let mut at = 0;
        for name in names {
            at = match self.0[at].children.get(*name) {
                Some(&child) => child,
                None => {
                    self.0.push(Node::default());
                    let child = self.0.len() - 1;
                    self.0[at].children.insert(name.to_vec(), child);
                    child
                }
            };
        }
        (at != 0).then_some(at)
    }

    fn find(&self, names: &[&[u8]]) -> Option<usize> {
        names.iter().try_fold(0, |at, name| self.0[at].children.get(*name).copied())
    }

    /// All nodes but the root, children before what holds them, by name.
    fn nodes(&self) -> Vec<(Leaf<'_>, bool)> {
        let mut out = Vec::new();
        let mut names = Vec::new();
        self.walk(0, &mut names, &mut out);
        out
    }

    /// As deep as paths are, which is bounded.
    fn walk<'a>(&'a self, at: usize, names: &mut Vec<&'a [u8]>, out: &mut Vec<(Leaf<'a>, bool)>) {
        for (name, &child) in &self.0[at].children {
            names.push(name);
            self.walk(child, names, out);
            names.pop();
        }
        if at != 0 {
            let leaf = Leaf { names: names.clone(), info: self.0[at].info };
            out.push((leaf, self.0[at].children.is_empty()));
        }
    }

    fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        self.nodes().into_iter().filter_map(|(node, is_leaf)| is_leaf.then_some(node))
    }

    /// What a leaf counts for, given what lies below its layer; none where dive gives up.
    fn size_of(&self, leaf: &Leaf<'_>, below: &Self) -> Option<u64> {
        if !leaf.is_whiteout() {
            return Some(leaf.info.size);
        }
        let victim = below.find(&leaf.victim())?;
        Some(if below.0[victim].info.is_directory { below.size_below(victim) } else { 0 })
    }

    fn size_below(&self, at: usize) -> u64 {
        let node = &self.0[at];
        node.info.size + node.children.values().map(|&child| self.size_below(child)).sum::<u64>()
    }

    /// Puts a layer on top.
    fn stack(&mut self, upper: &Self) {
        for (node, _) in upper.nodes() {
            let victim = node.victim();
            if node.is_whiteout() {
                let parent = victim.split_last().and_then(|(name, parent)| Some((self.find(parent)?, name)));
                if let Some((parent, name)) = parent {
                    self.0[parent].children.remove(*name);
                }
            } else if let Some(place) = self.reach(&victim) {
                self.0[place].info = node.info;
            }
        }
    }
}
