//! Files that differ, in groups that a person can read: whole folders as one, and nothing of what a package explains.

use std::collections::{BTreeMap, HashMap, HashSet};

use bareboat_model::ImagePath;

use super::files::{FileChange, Owner, What};
use super::packages::PackageChange;

/// More of one folder that came or went are told as one.
const MOST_SIBLINGS: usize = 5;
/// The same for those that changed, of which each has something of its own to tell.
const MOST_CHANGED: usize = 20;

/// Lines for people, and what they leave out.
#[derive(Debug, Default)]
pub struct Groups<'a> {
    /// By path.
    pub lines: Vec<Line<'a>>,
    /// Files that belong to packages that differ: the packages say it.
    pub of_packages: u64,
    /// Files of which only the date differs.
    pub only_time: u64,
    /// Directories that came or went with what the lines or the packages tell.
    pub folders: u64,
}

/// A file, or several as one.
#[derive(Debug)]
pub enum Line<'a> {
    /// One path.
    One(&'a FileChange),
    /// A folder that came or went with all that is in it.
    Folder(Several),
    /// Some of a folder that both images have.
    Within(Several),
}

/// Files below a folder.
#[derive(Clone, Debug)]
pub struct Several {
    /// The folder.
    pub folder: ImagePath,
    /// What became of them.
    pub change: What,
    /// How many they are, directories not counted.
    pub files: u64,
    /// The bytes in them.
    pub bytes: u64,
}

impl Line<'_> {
    /// How many bytes came or went, to tell what matters most.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::One(file) => file.bytes().0.max(file.bytes().1),
            Self::Folder(several) | Self::Within(several) => several.bytes,
        }
    }

    /// How many files it stands for.
    pub fn files(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Folder(several) | Self::Within(several) => several.files,
        }
    }

    fn path(&self) -> &ImagePath {
        match self {
            Self::One(file) => &file.path,
            Self::Folder(several) | Self::Within(several) => &several.folder,
        }
    }

    fn change(&self) -> What {
        match self {
            Self::One(file) => file.change,
            Self::Folder(several) | Self::Within(several) => several.change,
        }
    }
}

/// Puts files in groups.
pub fn group<'a>(files: &'a [FileChange], packages: &[PackageChange]) -> Groups<'a> {
    let differing: HashSet<Owner> =
        packages.iter().map(|one| Owner { kind: one.kind, name: one.name.clone() }).collect();
    let explained = |file: &FileChange| file.package.as_ref().is_some_and(|owner| differing.contains(owner));
    let mut groups = Groups::default();
    let mut lines = Vec::new();
    let mut whole = Wholes::default();
    for file in files {
        if file.is_only_time() {
            groups.only_time += 1;
        } else if file.change == What::Changed {
            match explained(file) {
                true => groups.of_packages += 1,
                false => lines.push((folder_of(file), Line::One(file))),
            }
        } else {
            let explained = explained(file);
            // Directories are told with what is in them.
            groups.of_packages += u64::from(explained && !file.is_directory());
            whole.add(file, explained);
        }
    }
    lines.extend(whole.lines());
    groups.lines = gather(lines);
    let told = groups.lines.iter().map(Line::files).sum::<u64>() + groups.of_packages + groups.only_time;
    groups.folders = (files.len() as u64).saturating_sub(told);
    groups.lines.sort_by(|a, b| (a.path(), a.change()).cmp(&(b.path(), b.change())));
    groups
}

/// Folders that came or went as a whole, each with what is in it.
#[derive(Default)]
struct Wholes<'a> {
    /// The highest folder or file that came or went, and what of it no package explains.
    roots: Vec<(&'a FileChange, Vec<&'a FileChange>)>,
    /// To which of them a folder belongs.
    of: HashMap<(ImagePath, What), usize>,
    /// Whether anything but folders is in it.
    filled: HashSet<usize>,
}

impl<'a> Wholes<'a> {
    /// Folders come before what is in them.
    fn add(&mut self, file: &'a FileChange, explained: bool) {
        let parent = file.path.parent().map(|parent| (parent, file.change));
        let root = parent.and_then(|parent| self.of.get(&parent).copied());
        let root = root.unwrap_or_else(|| {
            self.roots.push((file, Vec::new()));
            self.roots.len() - 1
        });
        if file.is_directory() {
            self.of.insert((file.path.clone(), file.change), root);
        } else {
            self.filled.insert(root);
            if let (false, Some((_, files))) = (explained, self.roots.get_mut(root)) {
                files.push(file);
            }
        }
    }

    /// A line for each, with the folder in which it came or went.
    fn lines(self) -> impl Iterator<Item = (ImagePath, Line<'a>)> {
        let filled = self.filled;
        self.roots.into_iter().enumerate().filter_map(move |(nth, (root, files))| {
            let line = match &files[..] {
                // Packages explain all that was in it.
                [] if filled.contains(&nth) => return None,
                [] => Line::One(root),
                [file] => Line::One(file),
                files => Line::Folder(Several {
                    folder: root.path.clone(),
                    change: root.change,
                    files: files.len() as u64,
                    bytes: files.iter().map(|file| file.bytes().0 + file.bytes().1).sum(),
                }),
            };
            Some((folder_of(root), line))
        })
    }
}

fn folder_of(file: &FileChange) -> ImagePath {
    file.path.parent().unwrap_or_default()
}

/// Where many of one folder differ alike, one line for them. Never for the root: that would say nothing.
fn gather<'a>(lines: Vec<(ImagePath, Line<'a>)>) -> Vec<Line<'a>> {
    let mut folders: BTreeMap<(ImagePath, What), Vec<Line<'_>>> = BTreeMap::new();
    for (folder, line) in lines {
        folders.entry((folder, line.change())).or_default().push(line);
    }
    let gathered = folders.into_iter().flat_map(|((folder, change), lines)| {
        let most = if change == What::Changed { MOST_CHANGED } else { MOST_SIBLINGS };
        if lines.len() <= most || folder.is_root() {
            return lines;
        }
        let files = lines.iter().map(Line::files).sum();
        let bytes = lines.iter().map(Line::bytes).sum();
        vec![Line::Within(Several { folder, change, files, bytes })]
    });
    gathered.collect()
}
