//! Taking out what a program in an image does not read: by named sets, and by the recipe's own paths. A recipe
//! can keep sets and paths.
//!
//! Only what packages brought is touched, never your files. A package's directories that pruning empties go too,
//! but not those that it brought for others, as base-files brings /usr/sbin: which of them are in a layer must
//! not depend on what the packages of other layers put there, or images could not share it.

mod sets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bareboat_model::{Error, ImagePath, Result};
use globset::{GlobSet, GlobSetBuilder};
use serde::Serialize;

use crate::recipe::{Kept, PruneSet, glob};
use crate::tree::{Kind, Node, Owner, Tree};

/// What pruning took out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// How much, by set; the recipe's own paths stand under `paths`.
    pub sets: BTreeMap<String, Pruned>,
    /// Each path, with the package that brought it and the set that it belonged to.
    pub paths: BTreeMap<ImagePath, (Arc<str>, String)>,
}

/// How much one set, or the recipe's own paths, took out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Pruned {
    /// Files and links.
    pub files: u64,
    /// Their bytes; a file with several names counts once for each.
    pub bytes: u64,
}

/// Prunes whatever `paths` match, and all sets, but for what is in `keep`. Says what went.
///
/// # Errors
/// When a pattern is no glob, or matches nothing at all: then it is a mistake.
pub fn prune(tree: &mut Tree, keep: &BTreeSet<Kept>, paths: &[String]) -> Result<Report> {
    let mut report = Report::default();
    let kept_globs = keep.iter().filter_map(|kept| match kept {
        Kept::Paths(glob) => Some(glob.clone()),
        Kept::Set(_) => None,
    });
    let kept = matched(tree, "keep", &kept_globs.collect::<Vec<_>>())?;
    if !paths.is_empty() {
        let doomed = matched(tree, "paths", paths)?.difference(&kept).cloned().collect();
        take_out(tree, doomed, "paths", &mut report);
    }
    for set in PruneSet::ALL.into_iter().filter(|&set| !keep.contains(&Kept::Set(set))) {
        let of_set = |path: &ImagePath| sets::belongs(set, path.as_bytes()) && !kept.contains(path);
        let doomed = of_packages(tree).map(|(path, _)| path).filter(|path| of_set(path)).cloned().collect();
        take_out(tree, doomed, set.name(), &mut report);
    }
    Ok(report)
}

fn of_packages(tree: &Tree) -> impl Iterator<Item = (&ImagePath, &Node)> {
    tree.iter().filter(|(_, node)| {
        matches!(node.owner, Owner::Package(_) | Owner::Script(_)) && !node.is_directory()
    })
}

/// The paths of packages that one of `patterns` matches, which the recipe has under `key`.
fn matched(tree: &Tree, key: &str, patterns: &[String]) -> Result<BTreeSet<ImagePath>> {
    let globs = compile(patterns)?;
    let mut used = BTreeSet::new();
    let mut found = BTreeSet::new();
    for (path, _) in of_packages(tree) {
        let matching = globs.matches(path.to_string());
        if !matching.is_empty() {
            found.insert(path.clone());
        }
        used.extend(matching);
    }
    if let Some((_, unused)) = patterns.iter().enumerate().find(|(number, _)| !used.contains(number)) {
        return Err(Error::new(format!(
            "cannot prune: `{unused}` of prune.{key} matches nothing that a package brought"
        ))
        .with_hint(
            "`**` matches any number of directories: write /usr/share/x/** for all below /usr/share/x",
        ));
    }
    Ok(found)
}

fn compile(patterns: &[String]) -> Result<GlobSet> {
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        globs.add(glob(pattern)?);
    }
    globs.build().map_err(|error| Error::new(error.to_string()))
}

fn take_out(tree: &mut Tree, doomed: Vec<ImagePath>, set: &str, report: &mut Report) {
    let mut emptied = BTreeSet::new();
    for path in doomed {
        for (path, node) in tree.remove(&path) {
            let pruned = report.sets.entry(set.to_owned()).or_default();
            pruned.files += 1;
            if let Kind::File { content, .. } = &node.kind {
                pruned.bytes += content.size();
            }
            imply_parents(tree, &path, &node.owner);
            if let Owner::Package(package) | Owner::Script(package) = &node.owner {
                report.paths.insert(path, (package.clone(), set.to_owned()));
            }
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
        assert_eq!(report.sets["man"], Pruned { files: 1, bytes: 5 });
        assert_eq!(report.sets["docs"], Pruned { files: 1, bytes: 5 });
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
        prune(&mut tree, &[Kept::Set(PruneSet::Man)].into(), &[]).unwrap();
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
        assert!(prune(&mut tree, &BTreeSet::new(), &[]).unwrap().sets.is_empty());
    }

    #[test]
    fn own_paths_are_globs_and_must_match() {
        let mut tree = tree(&["/opt/a/b/c", "/opt/d"]);
        let report = prune(&mut tree, &BTreeSet::new(), &["/opt/a/**".to_owned()]).unwrap();
        assert_eq!(report.sets["paths"].files, 1);
        assert_eq!(files(&tree), ["/opt", "/opt/d"]);
        let error = prune(&mut tree, &BTreeSet::new(), &["/nope/*".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot prune: `/nope/*` of prune.paths matches nothing that a package brought"
        );
    }

    #[test]
    fn kept_paths_stay_whatever_would_take_them_out() {
        let mut tree =
            tree(&["/opt/a", "/opt/b", "/usr/share/man/man1/x.1.gz", "/usr/share/man/man1/y.1.gz"]);
        let keep = ["/opt/a", "/**/x.*"].map(|glob| Kept::Paths(glob.to_owned())).into();
        let report = prune(&mut tree, &keep, &["/opt/*".to_owned()]).unwrap();
        assert_eq!((report.sets["paths"].files, report.sets["man"].files), (1, 1));
        let left = files(&tree);
        assert!(
            left.contains(&"/opt/a".to_owned()) && left.contains(&"/usr/share/man/man1/x.1.gz".to_owned())
        );
    }
}
