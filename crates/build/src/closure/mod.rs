//! Whether the programs of an image would start: each has its loader, and it and all its libraries find what they need,
//! at a version that has their symbols, where the loader would look.
//!
//! Nothing is executed. The walk is the loader's own: breadth first from each program, where a library that is there
//! already is not looked for again (elf/dl-deps.c of glibc).

mod base;
mod facts;
mod missing;
mod search;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::ld_so_cache::SearchDirectory;
use bareboat_io::store::Store;
use bareboat_model::{Arch, Error, ImagePath, Result};

use crate::tree::Tree;
use facts::Facts;
use search::{Asking, Libc, Search};

pub use base::SmallerBase;
pub(crate) use base::{Chain, smaller};
pub(crate) use missing::{Missing, complaint};

/// How many libraries all programs and libraries of an image may load together: a desktop's two thousand load some fifty each.
const MOST_LOADED: usize = 1 << 20;

/// What is looked at, and with whose eyes.
pub(crate) struct View<'a> {
    /// The image's files.
    pub(crate) tree: &'a Tree,
    /// What it runs on.
    pub(crate) arch: Arch,
    /// The directories of the loader's configuration.
    pub(crate) directories: &'a [SearchDirectory],
    /// `LD_LIBRARY_PATH` of the image's environment.
    pub(crate) library_path: Option<&'a str>,
}

/// What came of it.
pub(crate) struct Closure {
    /// What is not there, without what is allowed to be missing.
    pub(crate) missing: Vec<Missing>,
    /// What is not there, and allowed to be.
    pub(crate) allowed: Vec<Missing>,
    /// What each program and library brings into its process, itself included.
    brought: BTreeMap<ImagePath, BTreeSet<ImagePath>>,
}

/// Looks at all programs and libraries of an image.
///
/// # Errors
/// When one cannot be read, or they load one another more often than those of any real image.
pub(crate) fn check(view: &View<'_>, allow: &BTreeSet<String>, store: &Store) -> Result<Closure> {
    look(view, &facts::of(view.tree, view.arch, store)?, allow, MOST_LOADED)
}

fn look(
    view: &View<'_>,
    files: &BTreeMap<ImagePath, Facts>,
    allow: &BTreeSet<String>,
    most_loaded: usize,
) -> Result<Closure> {
    let search = Search::new(view.tree, view.arch, files, view.directories, view.library_path);
    let walk = Walk { view, files, search, by_name: by_name(files) };
    let mut missing = BTreeSet::new();
    let mut brought = BTreeMap::new();
    let mut left = most_loaded;
    for (path, facts) in files {
        let (process, gone) = walk.from(path, facts);
        left = left.checked_sub(process.len()).ok_or_else(|| {
            Error::new(format!(
                "cannot check what `{path}` loads: the image's programs and libraries load more than {most_loaded} libraries"
            ))
        })?;
        missing.extend(gone);
        brought.insert(path.clone(), process);
    }
    let (allowed, missing) = missing.into_iter().partition(|one: &Missing| one.is_allowed(allow));
    Ok(Closure { missing, allowed, brought })
}

/// All names by which a library may be asked for, wherever it is.
fn by_name(files: &BTreeMap<ImagePath, Facts>) -> BTreeSet<String> {
    let file_name =
        |path: &ImagePath| path.file_name().map(|name| String::from_utf8_lossy(name).into_owned());
    files.iter().flat_map(|(path, facts)| file_name(path).into_iter().chain(facts.soname.clone())).collect()
}

struct Walk<'a> {
    view: &'a View<'a>,
    files: &'a BTreeMap<ImagePath, Facts>,
    search: Search<'a>,
    by_name: BTreeSet<String>,
}

/// A process as the loader fills it.
struct Process<'a> {
    /// In the order of loading: the file, and by which of them it was brought; the program by itself.
    loaded: Vec<(&'a ImagePath, &'a Facts, usize)>,
    /// Where each library is, by the names it was asked for and its own.
    names: BTreeMap<&'a str, usize>,
    /// Where each file is.
    places: BTreeMap<&'a ImagePath, usize>,
}

impl<'a> Walk<'a> {
    /// The process that a program or a library makes, and what is missing in it.
    fn from(&self, path: &'a ImagePath, facts: &'a Facts) -> (BTreeSet<ImagePath>, Vec<Missing>) {
        let libc = match &facts.interpreter {
            Some(loader) => Libc::of(loader),
            None => facts.needed.iter().map(|name| Libc::of(name)).max().unwrap_or(Libc::Glibc),
        };
        let mut missing: Vec<Missing> = self.loader(path, facts).into_iter().collect();
        let loader_name = facts.interpreter.as_deref().and_then(|path| path.rsplit('/').next());
        let is_plugin = facts.interpreter.is_none();
        let mut process = Process {
            loaded: vec![(path, facts, 0)],
            names: BTreeMap::new(),
            places: BTreeMap::from([(path, 0)]),
        };
        process.names.extend(facts.soname.as_deref().map(|name| (name, 0)));
        let mut next = 0;
        while let Some(&(path, facts, _)) = process.loaded.get(next) {
            let asking = &process.asking(next);
            let of_files = self.search.of_files(asking, libc);
            for name in &facts.needed {
                let is_there =
                    process.names.contains_key(name.as_str()) || Some(name.as_str()) == loader_name;
                if is_there || libc == Libc::Musl && is_part_of_musl(name) {
                    continue;
                }
                match self
                    .search
                    .find(name, asking, &of_files, libc)
                    .and_then(|it| self.files.get_key_value(&it))
                {
                    Some((found, of_found)) => process.add(name, found, of_found, next),
                    // A plugin by itself: the program that loads it has this one already, from a place of its own.
                    None if is_plugin && self.by_name.contains(name) => {}
                    None => missing.push(Missing::library(path, name)),
                }
            }
            next += 1;
        }
        if libc == Libc::Glibc {
            missing.extend(process.versions());
        }
        (process.loaded.into_iter().map(|(path, ..)| path.clone()).collect(), missing)
    }

    /// The kernel starts the loader: it must be there, and be a program.
    fn loader(&self, path: &ImagePath, facts: &Facts) -> Option<Missing> {
        let loader = facts.interpreter.as_deref()?;
        let why = match self.view.tree.follow(loader.as_bytes()) {
            Err(error) => Some(error.to_string()),
            Ok(real) => match self.view.tree.get(&real) {
                None => Some("which is not there".to_owned()),
                Some(_) if self.files.contains_key(&real) => None,
                // musl's and glibc's have a dynamic section; a static program in its place does as well.
                Some(node)
                    if node
                        .content()
                        .is_some_and(|content| content.head(4).is_ok_and(|head| head == b"\x7fELF")) =>
                {
                    None
                }
                Some(_) => Some("which is no program".to_owned()),
            },
        };
        why.map(|why| Missing::loader(path, loader, why))
    }
}

/// musl's loader is its C library; the names of glibc's parts mean it too (`reserved` in ldso/dynlink.c).
fn is_part_of_musl(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    name.starts_with("libc.musl-")
        || ["libc", "libpthread", "librt", "libm", "libdl", "libutil", "libxnet"].contains(&stem)
}

impl<'a> Process<'a> {
    fn asking(&self, index: usize) -> Asking<'a> {
        let (path, facts, mut by) = self.loaded[index];
        let mut brought_by = Vec::new();
        let mut at = index;
        while at != by {
            let (path, facts, next) = self.loaded[by];
            brought_by.push((path, facts));
            (at, by) = (by, next);
        }
        Asking { path, facts, brought_by }
    }

    fn add(&mut self, name: &'a str, path: &'a ImagePath, facts: &'a Facts, by: usize) {
        let end = self.loaded.len();
        let index = *self.places.entry(path).or_insert(end);
        if index == end {
            self.loaded.push((path, facts, by));
        }
        self.names.insert(name, index);
        self.names.extend(facts.soname.as_deref().map(|name| (name, index)));
    }

    /// The versions that libraries should have and do not; a library without any is taken as it is (elf/dl-version.c).
    fn versions(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        for (path, facts, _) in &self.loaded {
            for (library, version) in &facts.needed_versions {
                let Some(&index) = self.names.get(library.as_str()) else { continue };
                let (found, of_found, _) = self.loaded[index];
                if !of_found.defined_versions.is_empty() && !of_found.defined_versions.contains(version) {
                    missing.push(Missing::version(path, library, version, found, &of_found.defined_versions));
                }
            }
        }
        missing
    }
}
