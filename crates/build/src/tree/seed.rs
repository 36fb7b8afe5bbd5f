//! The links that must be there before the first package is unpacked.
//!
//! On a running Debian, `/lib` is a link before any package puts a file below it. Here packages arrive in
//! any order, some of them with paths from before the merge (a fifth of bookworm's do), so the links are
//! planted first and what is not needed is taken out last.

use bareboat_model::ImagePath;

use super::{Kind, Node, Owner, Tree};

/// The effect in whose name the links stand until a package claims them (base-files does, in trixie).
const USR_MERGE: &str = "usr-merge";
/// base-files ships /var/run and /var/lock as directories; its postinst makes these links of them.
const RUN: &str = "run-links";

const SEEDS: [(&str, &str, &str); 9] = [
    ("bin", "usr/bin", USR_MERGE),
    ("sbin", "usr/sbin", USR_MERGE),
    ("lib", "usr/lib", USR_MERGE),
    ("lib32", "usr/lib32", USR_MERGE),
    ("lib64", "usr/lib64", USR_MERGE),
    ("libo32", "usr/libo32", USR_MERGE),
    ("libx32", "usr/libx32", USR_MERGE),
    ("var/run", "/run", RUN),
    ("var/lock", "/run/lock", RUN),
];

pub(super) fn plant(tree: &mut Tree) {
    for (path, target, effect) in SEEDS {
        if let Ok(path) = ImagePath::parse(path.as_bytes()) {
            tree.nodes.entry(path).or_insert_with(|| Node::symlink(target, 0, Owner::Effect(effect)));
        }
    }
}

/// Whether `node` is one of the links that nothing else may replace.
pub(super) fn is_planted(path: &ImagePath, node: &Node) -> bool {
    let Kind::Symlink(held) = &node.kind else { return false };
    SEEDS.iter().any(|(seed, target, _)| seed.as_bytes() == path.as_bytes() && target.as_bytes() == held)
}

pub(super) fn drop_idle(tree: &mut Tree) {
    for (path, _, effect) in SEEDS {
        let Ok(path) = ImagePath::parse(path.as_bytes()) else { continue };
        let unclaimed = tree.get(&path).is_some_and(|node| node.owner == Owner::Effect(effect));
        if unclaimed && tree.lookup(&path).is_none() {
            tree.remove(&path);
        }
    }
    // `/var` exists only for the links planted in it when no package named it.
    let var = ImagePath::parse(b"var").unwrap_or_default();
    if tree.get(&var).is_none() && !tree.is_empty_directory(&var) {
        let _ = tree.set_directory(&var, Node::directory(0o755, Owner::Effect(RUN)));
    }
}
