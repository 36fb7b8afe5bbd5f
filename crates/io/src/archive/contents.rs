//! The index of file names, `Contents-ARCH`: which packages have a file. For the words of an error only; so it is read as
//! a stream, and not kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};

use bareboat_formats::compress::{Limited, decoder};
use bareboat_model::{Arch, Context, Progress, Result, escape};

use super::index::Index;
use super::release::Suite;
use crate::http::Http;
use crate::store::Store;

/// Debian's have some 800 MB.
const LARGEST: u64 = 8 << 30;
/// No path is longer (Linux's PATH_MAX), and lines with thousands of packages are not about libraries.
const LONGEST_LINE: u64 = 64 << 10;
/// As many as fit a message.
const MOST_PACKAGES: usize = 4;

/// The packages of a component that have a library or loader of one of these file names, by name. Nothing when the suite
/// has no such index.
///
/// # Errors
/// When the index cannot be fetched or is not what the Release file says.
pub fn library_owners(
    http: &Http,
    store: &Store,
    suite: &Suite,
    component: &str,
    arch: Arch,
    names: &BTreeSet<String>,
    progress: &dyn Progress,
) -> Result<BTreeMap<String, Vec<String>>> {
    let name = format!("Contents-{}", arch.debian());
    let failing = || format!("cannot use `{name}` of `{}` in {}", escape(component), suite.archive);
    let index = Index { http, store, suite, folder: component.to_owned(), name: name.clone() };
    let Some((compression, bytes)) = index.packed(progress).context(failing)? else {
        return Ok(BTreeMap::new());
    };
    let text = Limited::new(decoder(compression, BufReader::new(&bytes[..])).context(failing)?, LARGEST);
    scan(BufReader::new(text), names).context(failing)
}

fn scan(mut text: impl BufRead, names: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<String>>> {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = std::io::Read::take(&mut text, LONGEST_LINE).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(owners);
        }
        if let Some((name, packages)) = library(&line).filter(|(name, _)| names.contains(*name)) {
            let known = owners.entry(name.to_owned()).or_default();
            for package in packages.split(',').filter_map(|it| it.rsplit('/').next()) {
                if known.len() < MOST_PACKAGES && !known.iter().any(|other| other == package) {
                    known.push(package.to_owned());
                }
            }
        }
    }
}

/// The file name and the packages of a line such as `usr/lib/x86_64-linux-gnu/libpq.so.5 libs/libpq5`, if the file is where
/// the loader looks by itself.
fn library(line: &[u8]) -> Option<(&str, &str)> {
    let (path, packages) = str::from_utf8(line).ok()?.trim_end().rsplit_once([' ', '\t'])?;
    let (folder, name) = path.trim_end().rsplit_once('/')?;
    let folder = folder.strip_prefix("usr/").unwrap_or(folder);
    let below = folder.strip_prefix("lib/").unwrap_or_default();
    let is_searched =
        matches!(folder, "lib" | "lib64") || below.ends_with("-linux-gnu") && !below.contains('/');
    is_searched.then_some((name, packages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_where_the_loader_looks() {
        let text = "usr/lib/x86_64-linux-gnu/libpq.so.5\t\t  libs/libpq5\n\
            usr/lib/x86_64-linux-gnu/libblas.so.3 libs/libblas3,contrib/libs/other\n\
            lib64/ld-linux-x86-64.so.2 libs/libc6\n\
            usr/lib/debug/libpq.so.5 debug/libpq5-dbg\n\
            usr/lib/x86_64-linux-gnu/private/libpq.so.5 libs/private\n\
            usr/share/doc/a b/libpq.so.5 doc/doc\n\
            nonsense\n\n\
            usr/lib/libx.so\n";
        let names = ["libpq.so.5", "libblas.so.3", "ld-linux-x86-64.so.2", "libx.so"];
        let names = names.iter().map(ToString::to_string).collect();
        let found = scan(text.as_bytes(), &names).unwrap();
        let found: Vec<String> =
            found.iter().map(|(name, packages)| format!("{name}: {}", packages.join(" "))).collect();
        assert_eq!(
            found,
            ["ld-linux-x86-64.so.2: libc6", "libblas.so.3: libblas3 other", "libpq.so.5: libpq5"]
        );
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let text = [b"usr/lib/".as_slice(), &vec![b'x'; 200_000], b" a/b\nusr/lib/libx.so a/b\n"].concat();
        let found = scan(&text[..], &["libx.so".to_owned()].into()).unwrap();
        assert_eq!(found["libx.so"], ["b"]);
    }
}
