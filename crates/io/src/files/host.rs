//! The files that a recipe takes from this machine: found by path or glob, below the recipe's folder only.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use bareboat_model::{Context, Error, Result, escape};
use globset::{GlobBuilder, GlobMatcher, GlobSet};
use rustix::fs::OFlags;

use super::beneath;
use super::walk::{self, Found, Kind};

/// A folder of this machine, and nothing outside it.
pub struct HostFiles {
    root: PathBuf,
    folder: OwnedFd,
}

/// One file, folder or link that a pattern stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostEntry {
    /// The path below the pattern's base: the pattern up to its first name with a wildcard, or all of it.
    /// Empty for the base itself.
    pub relative: Vec<u8>,
    /// The path below the root, for [`HostFiles::open`] and for messages.
    pub path: PathBuf,
    /// What is there.
    pub kind: HostKind,
}

/// What a [`HostEntry`] is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostKind {
    /// A regular file.
    File {
        /// Its length in bytes, when it was looked at.
        size: u64,
        /// Its permissions (07777).
        mode: u32,
    },
    /// A folder.
    Directory {
        /// Its permissions (07777).
        mode: u32,
    },
    /// A symbolic link with this target, which is not looked at.
    Symlink(Vec<u8>),
}

impl HostFiles {
    /// The files below `root`.
    ///
    /// # Errors
    /// When `root` is no folder or cannot be opened.
    pub fn new(root: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let shown = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let folder = rustix::fs::open(shown, flags, rustix::fs::Mode::empty())
            .map_err(std::io::Error::from)
            .context(|| format!("cannot open the folder `{}`", shown.display()))?;
        Ok(Self { root: shown.to_owned(), folder })
    }

    /// What `pattern` stands for, sorted by the bytes of `relative`.
    ///
    /// A path stands for itself and, if it is a folder, for everything in it. A glob (`*`, `?`, `[…]`, `{…}`,
    /// and `**` for any folders) stands for all that it matches, and for everything in the folders that it
    /// matches; names that begin with a dot are like any others. What `exclude` matches, by its path below
    /// the base, is left out, with everything in it. Links on the way to the base are followed if they stay
    /// below the root; links found from there on are taken as links.
    ///
    /// # Errors
    /// When the pattern leaves the root, matches nothing, or matches something that is no file, folder or
    /// link.
    pub fn resolve(&self, pattern: &str, exclude: &GlobSet) -> Result<Vec<HostEntry>> {
        let Pattern { base, glob } = Pattern::parse(pattern)?;
        let opened = self.open_at(&base, OFlags::PATH)?;
        let stat = rustix::fs::fstat(&opened).map_err(std::io::Error::from).context(|| cannot_take(&base))?;
        let kind = accept(walk::kind_from_stat(&stat), &base)?;
        let mut entries = Vec::new();
        if glob.is_none() {
            entries.push(HostEntry { relative: Vec::new(), path: base.clone(), kind: kind.clone() });
        }
        if matches!(kind, HostKind::Directory { .. }) {
            entries.extend(self.below(&base, glob.as_ref(), exclude)?);
        }
        if entries.is_empty() {
            return Err(
                Error::new("it matches nothing").context(format!("cannot take `{}`", escape(pattern)))
            );
        }
        Ok(entries)
    }

    fn below(&self, base: &Path, glob: Option<&GlobMatcher>, exclude: &GlobSet) -> Result<Vec<HostEntry>> {
        let folder = self.open_at(base, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let excluded = |relative: &[u8]| exclude.is_match(OsStr::from_bytes(relative));
        let found = walk::list(folder, base, &excluded)?;
        found
            .into_iter()
            .filter(|found| glob.is_none_or(|glob| matches_or_is_in(glob, &found.relative)))
            .map(|Found { relative, kind }| {
                let path = base.join(OsStr::from_bytes(&relative));
                Ok(HostEntry { kind: accept(kind, &path)?, relative, path })
            })
            .collect()
    }

    /// Opens a regular file by its path below the root.
    ///
    /// # Errors
    /// When it leaves the root, is missing, cannot be read, or is no regular file.
    pub fn open(&self, path: &Path) -> Result<File> {
        // Without NONBLOCK, opening a pipe that took the file's place would wait for a writer.
        let file = File::from(self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        let is_file = file.metadata().context(|| cannot_take(path))?.is_file();
        if is_file {
            Ok(file)
        } else {
            Err(Error::new("it is not a regular file").context(cannot_take(path)))
        }
    }

    fn open_at(&self, path: &Path, flags: OFlags) -> Result<OwnedFd> {
        beneath::open(self.folder.as_fd(), path, flags).map_err(|error| {
            let error = if beneath::leaves_root(&error) { self.leaves_root() } else { Error::from(error) };
            error.context(cannot_take(path))
        })
    }

    fn leaves_root(&self) -> Error {
        Error::new(format!("it leads out of `{}`", self.root.display()))
            .with_hint("a recipe takes files from its own folder only")
    }
}

fn cannot_take(path: &Path) -> String {
    let shown = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    format!("cannot take `{}`", escape(&shown.to_string_lossy()))
}

fn accept(kind: Kind, path: &Path) -> Result<HostKind> {
    match kind {
        Kind::Host(kind) => Ok(kind),
        Kind::Other(what) => Err(Error::new(format!("it is {what}")).context(cannot_take(path))),
    }
}

fn matches_or_is_in(glob: &GlobMatcher, relative: &[u8]) -> bool {
    let ends = relative.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(end, _)| end);
    ends.chain([relative.len()]).any(|end| glob.is_match(OsStr::from_bytes(&relative[..end])))
}

/// A pattern, split where its first wildcard is.
struct Pattern {
    /// The names before it.
    base: PathBuf,
    /// The rest; none if there is no wildcard.
    glob: Option<GlobMatcher>,
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Self> {
        let wrong = |why: &str| Error::new(why).context(format!("cannot take `{}`", escape(pattern)));
        if pattern.is_empty() {
            return Err(wrong("the path is empty"));
        }
        let mut base = PathBuf::new();
        let mut rest: Vec<&str> = Vec::new();
        for component in Path::new(pattern).components() {
            let name = match component {
                Component::CurDir => continue,
                Component::Normal(name) => name.to_str().unwrap_or_default(),
                Component::ParentDir => {
                    return Err(wrong("it leads out of its folder with `..`")
                        .with_hint("a recipe takes files from its own folder only"));
                }
                Component::RootDir | Component::Prefix(_) => {
                    return Err(
                        wrong("it is absolute").with_hint("write a path relative to the recipe's folder")
                    );
                }
            };
            if rest.is_empty() && !name.contains(['*', '?', '[', '{']) {
                base.push(name);
            } else {
                rest.push(name);
            }
        }
        if rest.is_empty() {
            return Ok(Self { base, glob: None });
        }
        if is_nested_deep(pattern) {
            return Err(wrong("its braces are nested too deep"));
        }
        let glob = GlobBuilder::new(&rest.join("/"))
            .literal_separator(true)
            .build()
            .map_err(|error| wrong(&format!("the glob is wrong: {}", error.kind())))?;
        Ok(Self { base, glob: Some(glob.compile_matcher()) })
    }
}

/// Whether braces are nested so deep that compiling the glob's regular expression fails, which globset answers with a
/// panic.
pub fn is_nested_deep(pattern: &str) -> bool {
    const DEEPEST: usize = 10;
    let mut depth = 0_usize;
    pattern.bytes().any(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

#[cfg(test)]
mod tests;
