//! Where the loader looks for a library: ld.so(8), "DESCRIPTION", and elf/dl-load.c of glibc; musl's ldso/dynlink.c.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::ld_so_cache::SearchDirectory;
use bareboat_model::{Arch, ImagePath};

use super::facts::Facts;
use crate::tree::Tree;

/// Where musl looks when no file says otherwise.
const MUSL_PATH: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];

/// Directories that one file may name, and that all may together for one of them; linkers write a handful.
const MOST_OF_A_FILE: usize = 256;
const MOST_DIRECTORIES: usize = 1024;

/// A tree as the loader sees it.
pub(super) struct Search<'a> {
    tree: &'a Tree,
    arch: Arch,
    files: &'a BTreeMap<ImagePath, Facts>,
    /// The directories of /etc/ld.so.conf, whose libraries are in the cache, and the built-in ones.
    standard: Vec<String>,
    /// `LD_LIBRARY_PATH` of the image's environment.
    environment: Vec<String>,
    /// What the standard directories have, by name: most libraries are asked for many times.
    known: RefCell<BTreeMap<(Libc, String), Option<ImagePath>>>,
}

/// Whose loader a program asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Libc {
    Glibc,
    Musl,
}

impl Libc {
    /// The one whose loader this is, or that has this library.
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or_default();
        if name.starts_with("ld-musl-") || name.starts_with("libc.musl-") { Self::Musl } else { Self::Glibc }
    }
}

/// Who asks for a library: a file, and those that brought it into the process, the program last.
pub(super) struct Asking<'a> {
    pub(super) path: &'a ImagePath,
    pub(super) facts: &'a Facts,
    pub(super) brought_by: Vec<(&'a ImagePath, &'a Facts)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        tree: &'a Tree,
        arch: Arch,
        files: &'a BTreeMap<ImagePath, Facts>,
        standard: &[SearchDirectory],
        library_path: Option<&str>,
    ) -> Self {
        let text = |directory: &SearchDirectory| String::from_utf8_lossy(&directory.path).into_owned();
        // Both separate (ld.so(8)); an empty one means the folder in which the program starts, and is left out.
        let environment = library_path.unwrap_or_default().split([':', ';']);
        Self {
            tree,
            arch,
            files,
            standard: standard.iter().filter(|one| one.hwcaps.is_none()).map(text).collect(),
            environment: environment.filter(|path| !path.is_empty()).map(str::to_owned).collect(),
            known: RefCell::default(),
        }
    }

    /// The file that the loader takes for `name`.
    pub(super) fn find(
        &self,
        name: &str,
        asking: &Asking<'_>,
        of_files: &[String],
        libc: Libc,
    ) -> Option<ImagePath> {
        if name.contains('/') {
            return self.library_at(&self.expanded(name, asking.path));
        }
        of_files.iter().find_map(|directory| self.library_at(&format!("{directory}/{name}"))).or_else(|| {
            let key = (libc, name.to_owned());
            if let Some(known) = self.known.borrow().get(&key) {
                return known.clone();
            }
            let found = self.in_standard(name, libc);
            self.known.borrow_mut().insert(key, found.clone());
            found
        })
    }

    fn in_standard(&self, name: &str, libc: Libc) -> Option<ImagePath> {
        let at = |directory: &str| self.library_at(&format!("{directory}/{name}"));
        match libc {
            Libc::Glibc => self.standard.iter().find_map(|directory| at(directory)),
            Libc::Musl => MUSL_PATH.iter().find_map(|directory| at(directory)),
        }
    }

    /// The directories that the files themselves and the environment name.
    pub(super) fn of_files(&self, asking: &Asking<'_>, libc: Libc) -> Vec<String> {
        let mut directories = Vec::new();
        let mut seen = BTreeSet::new();
        let mut add = |paths: &[String], path: &ImagePath| {
            for directory in paths.iter().take(MOST_OF_A_FILE) {
                if directories.len() >= MOST_DIRECTORIES {
                    break;
                }
                let directory = self.expanded(directory, path);
                if seen.insert(directory.clone()) {
                    directories.push(directory);
                }
            }
        };
        // Each one's own; RPATH of those who brought it too, unless it has a RUNPATH. musl takes the two for one.
        if asking.facts.runpath.is_empty() || libc == Libc::Musl {
            add(&asking.facts.rpath, asking.path);
            for (path, facts) in &asking.brought_by {
                if facts.runpath.is_empty() || libc == Libc::Musl {
                    add(&facts.rpath, path);
                }
            }
        }
        add(&self.environment, asking.path);
        add(&asking.facts.runpath, asking.path);
        if libc == Libc::Musl {
            asking.brought_by.iter().for_each(|(path, facts)| add(&facts.runpath, path));
        }
        directories
    }

    /// `$ORIGIN`, `$LIB` and `$PLATFORM`, with braces or without (ld.so(8), "Dynamic string tokens").
    fn expanded(&self, directory: &str, path: &ImagePath) -> String {
        let origin = path.parent().map(|folder| folder.to_string()).unwrap_or_default();
        let platform = match self.arch {
            Arch::Amd64 => "x86_64",
            Arch::Arm64 => "aarch64",
        };
        let lib = format!("lib/{}", self.arch.triplet());
        [("ORIGIN", origin.as_str()), ("LIB", &lib), ("PLATFORM", platform)].iter().fold(
            directory.to_owned(),
            |text, (name, value)| {
                text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
            },
        )
    }

    /// The library at a path, links followed; files for other machines are passed over, as the loader does.
    fn library_at(&self, path: &str) -> Option<ImagePath> {
        let real = self.tree.follow(path.as_bytes()).ok()?;
        self.files.contains_key(&real).then_some(real)
    }
}
