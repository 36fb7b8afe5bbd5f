//! Taking out what a program in an image does not read: by named sets, which a recipe can keep, and by
//! the recipe's own paths.
//!
//! Only what packages brought is touched, never your files. A package's directories that pruning empties go too,
//! but not those that it brought for others, as base-files brings /usr/sbin: which of them are in a layer must
//! not depend on what the packages of other layers put there, or images could not share it.

mod sets;

use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::{Error, ImagePath, Result};
use globset::{GlobSet, GlobSetBuilder};
use serde::Serialize;

use crate::recipe::{PruneSet, glob};
use crate::tree::{Kind, Node, Owner, Tree};

/// How much one set, or the recipe's own paths, took out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Pruned {
    /// Files and links.
    pub files: u64,
    /// Their bytes; a file with several names counts once for each.
    pub bytes: u64,
}

/// Prunes whatever `paths` match, and all sets but those in `keep`. Says what went, by set; the
/// recipe's own paths stand under `paths`.
///
/// # Errors
/// When a pattern of `paths` is no glob, or matches nothing at all: then it is a mistake.
pub fn prune(
    tree: &mut Tree,
    keep: &BTreeSet<PruneSet>,
    paths: &[String],
) -> Result<BTreeMap<String, Pruned>> {
    let mut report = BTreeMap::new();
    if !paths.is_empty() {
        report.insert("paths".to_owned(), prune_paths(tree, paths)?);
    }
    for set in PruneSet::ALL.into_iter().filter(|set| !keep.contains(set)) {
        let of_set = |path: &ImagePath| sets::belongs(set, path.as_bytes());
        let doomed = of_packages(tree).map(|(path, _)| path).filter(|path| of_set(path)).cloned().collect();
        let pruned = take_out(tree, doomed);
        if pruned.files > 0 {
            report.insert(set.name().to_owned(), pruned);
        }
    }
    Ok(report)
}

fn of_packages(tree: &Tree) -> impl Iterator<Item = (&ImagePath, &Node)> {
    tree.iter().filter(|(_, node)| matches!(node.owner, Owner::Package(_)) && !node.is_directory())
}

fn prune_paths(tree: &mut Tree, patterns: &[String]) -> Result<Pruned> {
    let globs = compile(patterns)?;
    let mut used = BTreeSet::new();
    let mut doomed = Vec::new();
    for (path, _) in of_packages(tree) {
        let matching = globs.matches(path.to_string());
        if !matching.is_empty() {
            doomed.push(path.clone());
        }
        used.extend(matching);
    }
    if let Some((_, unused)) = patterns.iter().enumerate().find(|(number, _)| !used.contains(number)) {
        return Err(Error::new(format!("prune path `{unused}` matches nothing that a package brought"))
            .with_hint(
                "`**` matches any number of directories: write /usr/share/x/** for all below /usr/share/x",
            ));
    }
    Ok(take_out(tree, doomed))
}

fn compile(patterns: &[String]) -> Result<GlobSet> {
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        globs.add(glob(pattern)?);
    }
    globs.build().map_err(|error| Error::new(error.to_string()))
}

fn take_out(tree: &mut Tree, doomed: Vec<ImagePath>) -> Pruned {
    let mut pruned = Pruned::default();
    let mut emptied = BTreeSet::new();
    for path in doomed {
        for (_, node) in tree.remove(&path) {
            pruned.files += 1;
            if let Kind::File { content, .. } = &node.kind {
                pruned.bytes += content.size();
            }
            imply_parents(tree, &path, &node.owner);
        }
        emptied.extend(path.parent());
    }
    // From the deepest upwards: a directory whose last child went is itself the last child of another.
    while let Some(directory) = emptied.pop_last() {
        let implied = |node: &Node| matches!(node.kind, Kind::Directory { implied: true });
        if tree.get(&directory).is_some_and(implied) && tree.is_empty_directory(&directory) {
            tree.remove(&directory);
            emptied.extend(directory.parent());
        }
    }
    pruned
}

/// The directories that the owner of a pruned file brought for it are no longer wanted for their own sake.
fn imply_parents(tree: &mut Tree, path: &ImagePath, owner: &Owner) {
    let mut next = path.parent();
    while let Some(directory) = next {
        if tree.get(&directory).is_some_and(|node| node.owner == *owner) {
            tree.imply(&directory);
        }
        next = directory.parent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Content, Entry, Node, Precedence};

    fn tree(files: &[&str]) -> Tree {
        let mut tree = Tree::new();
        for file in files {
            let node = Node::file(Content::from_bytes(&b"12345"[..]), 0o644, 0, Owner::Package("p".into()));
            tree.place(&ImagePath::absolute(file).unwrap(), node, &|_, _, _| Precedence::Refuse).unwrap();
        }
        tree.drop_idle_seeds();
        tree
    }

    fn files(tree: &Tree) -> Vec<String> {
        tree.iter()
            .filter(|(_, node)| !matches!(node.kind, Kind::Symlink(_)))
            .map(|(path, _)| path.to_string())
            .collect()
    }

    #[test]
    fn sets_go_and_empty_directories_with_them() {
        let mut tree =
            tree(&["/usr/share/man/man1/x.1.gz", "/usr/share/doc/p/README", "/usr/share/doc/p/copyright"]);
        let report = prune(&mut tree, &BTreeSet::new(), &[]).unwrap();
        assert_eq!(report["man"], Pruned { files: 1, bytes: 5 });
        assert_eq!(report["docs"], Pruned { files: 1, bytes: 5 });
        assert_eq!(
            files(&tree),
            ["/usr", "/usr/share", "/usr/share/doc", "/usr/share/doc/p", "/usr/share/doc/p/copyright"]
        );
    }

    #[test]
    fn a_directory_that_another_package_brought_stays() {
        let mut tree = Tree::new();
        let path = |path| ImagePath::absolute(path).unwrap();
        for (directory, owner) in [("/usr/share/man", "base-files"), ("/usr/share/man/man1", "p")] {
            let node = Node::directory(0o755, Owner::Package(owner.into()));
            tree.place(&path(directory), node, &|_, _, _| Precedence::Refuse).unwrap();
        }
        let page = Node::file(Content::from_bytes(&b"x"[..]), 0o644, 0, Owner::Package("p".into()));
        tree.place(&path("/usr/share/man/man1/p.1"), page, &|_, _, _| Precedence::Refuse).unwrap();
        prune(&mut tree, &BTreeSet::new(), &[]).unwrap();
        assert!(tree.get(&path("/usr/share/man")).is_some());
        assert!(tree.get(&path("/usr/share/man/man1")).is_none());
    }

    #[test]
    fn a_kept_set_stays() {
        let mut tree = tree(&["/usr/share/man/man1/x.1.gz"]);
        prune(&mut tree, &[PruneSet::Man].into(), &[]).unwrap();
        assert!(files(&tree).contains(&"/usr/share/man/man1/x.1.gz".to_owned()));
    }

    #[test]
    fn your_files_are_not_in_any_set() {
        let mut tree = tree(&[]);
        let node = Node::file(
            Content::from_bytes(&b"x"[..]),
            0o644,
            0,
            Owner::Recipe(Entry { text: "r".into(), tier: 0 }),
        );
        tree.place(&ImagePath::absolute("/usr/include/x.h").unwrap(), node, &|_, _, _| Precedence::Refuse)
            .unwrap();
        assert!(prune(&mut tree, &BTreeSet::new(), &[]).unwrap().is_empty());
    }

    #[test]
    fn own_paths_are_globs_and_must_match() {
        let mut tree = tree(&["/opt/a/b/c", "/opt/d"]);
        let report = prune(&mut tree, &BTreeSet::new(), &["/opt/a/**".to_owned()]).unwrap();
        assert_eq!(report["paths"].files, 1);
        assert_eq!(files(&tree), ["/opt", "/opt/d"]);
        let error = prune(&mut tree, &BTreeSet::new(), &["/nope/*".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "prune path `/nope/*` matches nothing that a package brought");
    }
}
