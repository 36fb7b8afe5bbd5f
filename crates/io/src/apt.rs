//! This machine's own APT sources: the mirror and the keys that it trusts already.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use bareboat_formats::apt_sources::{Source, parse_list, parse_sources};
use bareboat_model::{Context, Error, Result};

use crate::files::read_bounded;

/// Source lists are written by hand; a larger file is none.
const LARGEST: u64 = 4 << 20;

/// What APT on this machine installs from.
#[derive(Clone, Debug, Default)]
pub struct AptSources {
    /// All entries, in the order in which APT reads them.
    pub sources: Vec<Source>,
    /// The files that could not be read or understood, in words. They may be of no interest here.
    pub warnings: Vec<String>,
}

/// Reads `etc/apt/sources.list` and what is in `etc/apt/sources.list.d` below `root` (`/` for this machine).
///
/// A machine without APT has no sources; that is no error.
pub fn sources(root: &Path) -> AptSources {
    let apt = root.join("etc/apt");
    let mut found = AptSources::default();
    for path in std::iter::once(apt.join("sources.list")).chain(files_in(&apt.join("sources.list.d"))) {
        match read(&path) {
            Ok(sources) => found.sources.extend(sources),
            Err(error) => found.warnings.push(error.to_string()),
        }
    }
    found
}

/// The source lists of a folder, in APT's order. It reads no files with other endings, such as `.save`.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_list = |path: &PathBuf| path.extension().is_some_and(|end| end == "list" || end == "sources");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_list).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<Vec<Source>> {
    let parse = || -> Result<Vec<Source>> {
        let bytes = read_bounded(path, LARGEST)?.unwrap_or_default();
        let text = String::from_utf8(bytes)
            .map_err(|error| Error::new(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to())))?;
        if path.extension() == Some(OsStr::new("sources")) { parse_sources(&text) } else { parse_list(&text) }
    };
    parse().context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/apt/sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(root.path().join("etc/apt").join(name), text).unwrap();
        }
        root
    }

    fn suites(found: &AptSources) -> Vec<&str> {
        found.sources.iter().flat_map(|source| &source.suites).map(String::as_str).collect()
    }

    #[test]
    fn both_formats_are_read_in_apt_s_order() {
        let root = machine(&[
            ("sources.list", "deb http://mirror.test/debian bookworm main\n"),
            ("sources.list.d/z.list", "deb http://other.test/ z main\n"),
            (
                "sources.list.d/debian.sources",
                "Types: deb\nURIs: http://mirror.test/debian\nSuites: trixie\nComponents: main\n",
            ),
            ("sources.list.d/old.list.save", "deb http://other.test/ saved main\n"),
        ]);
        let found = sources(root.path());
        assert_eq!(suites(&found), ["bookworm", "trixie", "z"]);
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_named_and_left_out() {
        let root = machine(&[
            ("sources.list.d/bad.list", "deb nonsense\n"),
            ("sources.list.d/good.list", "deb http://mirror.test/debian trixie main\n"),
        ]);
        fs::write(root.path().join("etc/apt/sources.list.d/binary.sources"), b"\xff\xfe").unwrap();
        let found = sources(root.path());
        assert_eq!(suites(&found), ["trixie"]);
        assert_eq!(found.warnings.len(), 2);
        assert!(found.warnings[0].contains("bad.list"), "{:?}", found.warnings);
    }

    #[test]
    fn a_machine_without_apt_has_no_sources() {
        let root = tempfile::tempdir().unwrap();
        let found = sources(root.path());
        assert!(found.sources.is_empty() && found.warnings.is_empty());
    }
}
