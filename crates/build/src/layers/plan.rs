//! Deciding which layer each path goes into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bareboat_model::ImagePath;

use crate::tree::{Kind, Node, Owner, Tree};

/// A source package at least this large (in the image, unpacked) gets a layer of its own as long as there
/// is room. Smaller ones share: a layer costs a request and a few hundred bytes of manifest and config.
const LARGE: u64 = 1 << 20;

/// Which source package a package was built from, and which recipe of the chain of bases brought it.
#[derive(Clone, Debug)]
pub struct PackageGroup {
    /// The Debian source package.
    pub source: Arc<str>,
    /// How far up the chain of bases; 0 is the lowest.
    pub tier: usize,
}

/// One layer to be: what it is called and what is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerPlan {
    /// What is in it, for people: the source packages, `settings`, or `files`.
    pub title: String,
    /// The paths that it brings, sorted, each after the directories that lead to it.
    pub paths: Vec<ImagePath>,
}

/// Lays the tree out in at most `max` layers. `groups` says for each package where it belongs; `top` is the tier of the recipe itself.
pub fn plan(
    tree: &Tree,
    groups: &BTreeMap<Arc<str>, PackageGroup>,
    top: usize,
    max: usize,
) -> Vec<LayerPlan> {
    let mut parts = Parts::default();
    for (path, node) in tree.iter() {
        let paths = match &node.owner {
            // What scripts make goes with their package: it comes and changes with it.
            Owner::Package(name) | Owner::Script(name) => match groups.get(name) {
                Some(group) => parts.packages.entry((group.tier, group.source.clone())).or_default(),
                None => &mut parts.settings,
            },
            Owner::Recipe(entry) if entry.tier >= top => &mut parts.files,
            Owner::Recipe(_) if matches!(node.kind, Kind::File { .. }) => &mut parts.base_files,
            Owner::Recipe(_) | Owner::Effect(_) => &mut parts.settings,
            // In the layers of the image already.
            Owner::Image(_) => continue,
        };
        if is_worth_a_member(node) {
            paths.push(path.clone());
        }
    }
    parts.into_layers(tree, max)
}

/// Directories that were only implied come as parents of what implied them.
fn is_worth_a_member(node: &Node) -> bool {
    !matches!(node.kind, Kind::Directory { implied: true })
}

#[derive(Default)]
struct Parts {
    packages: BTreeMap<(usize, Arc<str>), Vec<ImagePath>>,
    settings: Vec<ImagePath>,
    base_files: Vec<ImagePath>,
    files: Vec<ImagePath>,
}

impl Parts {
    fn into_layers(self, tree: &Tree, max: usize) -> Vec<LayerPlan> {
        let others: Vec<(&str, Vec<ImagePath>)> =
            [("settings", self.settings), ("files of the base", self.base_files), ("files", self.files)]
                .into_iter()
                .filter(|(_, paths)| !paths.is_empty())
                .collect();
        let room = max.saturating_sub(others.len()).max(1);
        let mut bundles = by_size(tree, self.packages);
        merge_down_to(&mut bundles, room);
        let packages = bundles.into_iter().map(|bundle| (bundle.title(), bundle.paths));
        let others = others.into_iter().map(|(title, paths)| (title.to_owned(), paths));
        let mut layers: Vec<(String, Vec<ImagePath>)> = packages.chain(others).collect();
        while layers.len() > max.max(1) {
            let (title, paths) = layers.remove(0);
            layers[0].0 = format!("{title} {}", layers[0].0);
            layers[0].1.extend(paths);
        }
        layers
            .into_iter()
            .map(|(title, paths)| LayerPlan { title, paths: with_parents(tree, paths) })
            .collect()
    }
}

/// Source packages of one tier that share a layer.
struct Bundle {
    tier: usize,
    sources: BTreeSet<Arc<str>>,
    size: u64,
    paths: Vec<ImagePath>,
}

impl Bundle {
    fn title(&self) -> String {
        self.sources.iter().map(|source| &**source).collect::<Vec<_>>().join(" ")
    }

    fn absorb(&mut self, other: Self) {
        self.sources.extend(other.sources);
        self.size += other.size;
        self.paths.extend(other.paths);
    }
}

/// One bundle for each large source, and one a tier for all small ones.
fn by_size(tree: &Tree, packages: BTreeMap<(usize, Arc<str>), Vec<ImagePath>>) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut small: BTreeMap<usize, Bundle> = BTreeMap::new();
    for ((tier, source), paths) in packages {
        let size = paths.iter().filter_map(|path| Some(tree.get(path)?.content()?.size())).sum();
        let bundle = Bundle { tier, sources: [source].into(), size, paths };
        if bundle.size >= LARGE {
            bundles.push(bundle);
        } else {
            match small.get_mut(&tier) {
                Some(together) => together.absorb(bundle),
                None => drop(small.insert(tier, bundle)),
            }
        }
    }
    bundles.extend(small.into_values());
    sort(&mut bundles);
    bundles
}

fn sort(bundles: &mut [Bundle]) {
    bundles.sort_by(|a, b| (a.tier, &a.sources).cmp(&(b.tier, &b.sources)));
}

/// Merges from the top: what the lower tiers hold is shared with other images, and stays as it is for as
/// long as there is room.
fn merge_down_to(bundles: &mut Vec<Bundle>, room: usize) {
    while bundles.len() > room {
        let crowded = bundles
            .iter()
            .map(|bundle| bundle.tier)
            .filter(|tier| bundles.iter().filter(|bundle| bundle.tier == *tier).count() > 1);
        match crowded.max() {
            Some(tier) => merge_two_smallest(bundles, tier),
            None => {
                // One a tier is left: the two upper tiers become one.
                let (Some(upper), Some(lower)) = (bundles.pop(), bundles.last_mut()) else { return };
                lower.absorb(upper);
            }
        }
        sort(bundles);
    }
}

/// `bundles` is sorted, so that equals are taken in a fixed order.
fn merge_two_smallest(bundles: &mut Vec<Bundle>, tier: usize) {
    let smallest = |bundles: &[Bundle]| {
        let of_tier = bundles.iter().enumerate().filter(|(_, bundle)| bundle.tier == tier);
        of_tier.min_by_key(|(_, bundle)| bundle.size).map(|(place, _)| place)
    };
    let Some(first) = smallest(bundles) else { return };
    let taken = bundles.remove(first);
    match smallest(bundles) {
        Some(second) => bundles[second].absorb(taken),
        None => bundles.push(taken),
    }
}

/// Each layer carries the directories that lead to its files, with the same mode and owner in every layer:
/// a layer that left them to chance would change them when it is put on top of another.
fn with_parents(tree: &Tree, paths: Vec<ImagePath>) -> Vec<ImagePath> {
    let mut all: BTreeSet<ImagePath> = BTreeSet::new();
    for path in paths {
        let mut parent = path.parent();
        while let Some(directory) =
            parent.filter(|directory| !directory.is_root() && tree.get(directory).is_some())
        {
            parent = directory.parent();
            if !all.insert(directory) {
                break;
            }
        }
        all.insert(path);
    }
    all.into_iter().filter(|path| !path.is_root()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Content, Entry, Precedence};

    /// A tree of `package:path:kilobytes`, and the groups of `package:tier`.
    fn planned(files: &[(&str, &str, usize)], tiers: &[(&str, usize)], max: usize) -> Vec<String> {
        let mut tree = Tree::new();
        for (owner, path, kilobytes) in files {
            let owner = match *owner {
                "effect" => Owner::Effect("users"),
                "yours" => Owner::Recipe(Entry { text: "yours".into(), tier: 9 }),
                package => Owner::Package(package.into()),
            };
            let node = Node::file(Content::from_bytes(vec![0; kilobytes << 10]), 0o644, 0, owner);
            tree.place(&ImagePath::absolute(path).unwrap(), node, &|_, _, _| Precedence::Refuse).unwrap();
        }
        tree.drop_idle_seeds();
        let groups = tiers
            .iter()
            .map(|(name, tier)| (Arc::from(*name), PackageGroup { source: Arc::from(*name), tier: *tier }))
            .collect();
        plan(&tree, &groups, 9, max).into_iter().map(|layer| layer.title).collect()
    }

    const FILES: &[(&str, &str, usize)] = &[
        ("glibc", "/a/libc", 3000),
        ("openssl", "/a/ssl", 2000),
        ("zlib", "/a/z", 100),
        ("zstd", "/a/zst", 200),
        ("python", "/b/python", 5000),
        ("expat", "/b/expat", 100),
        ("effect", "/etc/passwd", 1),
        ("yours", "/app/x", 1),
    ];
    const TIERS: &[(&str, usize)] =
        &[("glibc", 0), ("openssl", 0), ("zlib", 0), ("zstd", 0), ("python", 1), ("expat", 1)];

    #[test]
    fn large_sources_stand_alone_and_small_ones_share() {
        assert_eq!(
            planned(FILES, TIERS, 12),
            ["glibc", "openssl", "zlib zstd", "expat", "python", "settings", "files"]
        );
    }

    #[test]
    fn room_is_made_from_the_top_so_that_bases_stay_shared() {
        assert_eq!(
            planned(FILES, TIERS, 6),
            ["glibc", "openssl", "zlib zstd", "expat python", "settings", "files"]
        );
        assert_eq!(
            planned(FILES, TIERS, 5),
            ["glibc", "openssl zlib zstd", "expat python", "settings", "files"]
        );
        assert_eq!(planned(FILES, TIERS, 3), ["expat glibc openssl python zlib zstd", "settings", "files"]);
        assert_eq!(planned(FILES, TIERS, 2), ["expat glibc openssl python zlib zstd settings", "files"]);
        assert_eq!(planned(FILES, TIERS, 1).len(), 1);
    }

    #[test]
    fn every_layer_brings_the_directories_that_lead_to_its_files() {
        let mut tree = Tree::new();
        for (name, path) in [("a", "/d/e/a"), ("b", "/d/e/b")] {
            let node =
                Node::file(Content::from_bytes(vec![0; 2 << 20]), 0o644, 0, Owner::Package(name.into()));
            tree.place(&ImagePath::absolute(path).unwrap(), node, &|_, _, _| Precedence::Refuse).unwrap();
        }
        tree.drop_idle_seeds();
        let group = |name: &str| (Arc::from(name), PackageGroup { source: Arc::from(name), tier: 0 });
        for layer in plan(&tree, &[group("a"), group("b")].into(), 1, 12) {
            let paths: Vec<String> = layer.paths.iter().map(ToString::to_string).collect();
            assert_eq!(paths, ["/d".to_owned(), "/d/e".into(), format!("/d/e/{}", layer.title)]);
        }
    }
}
