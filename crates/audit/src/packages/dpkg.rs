//! dpkg's database: `status`, and `status.d` of images without dpkg; the lists of files beside them.

use std::io::Read;

use bareboat_formats::deb822::{self, Stanza};
use bareboat_model::{ImagePath, Result};

use super::text::{Room, some, text};
use super::{Files, Found, Kind, Listed, ListedFor, Package, Source};

/// The status of a machine with 5,000 packages has some 10 MB.
const LARGEST: u64 = 64 << 20;

pub(super) fn status(content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let text = text(content, LARGEST)?;
    for stanza in deb822::parse(&text) {
        if let Some(package) = package(&stanza?) {
            found.push(package)?;
        }
    }
    Ok(())
}

/// None for what was removed and left only its configuration behind (dpkg(1), "Package states").
fn package(stanza: &Stanza<'_>) -> Option<Package> {
    let name = stanza.get("Package")?;
    let state = stanza.get("Status").and_then(|status| status.split_whitespace().nth(2));
    if matches!(state, Some("not-installed" | "config-files")) {
        return None;
    }
    let mut package = Package::new(Kind::Deb, name, stanza.get("Version").unwrap_or_default());
    package.architecture = stanza.get("Architecture").and_then(some);
    package.source = stanza.get("Source").map(source);
    Some(package)
}

/// `Source: name (version)`, where the version is that of the package if it is absent.
fn source(written: &str) -> Source {
    let (name, version) = written.split_once('(').unwrap_or((written, ""));
    Source { name: name.trim().to_owned(), version: some(version.trim_end_matches(')')) }
}

/// `info/NAME[:ARCHITECTURE].list`: one absolute path a line.
pub(super) fn list(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let text = super::text::bytes(content, LARGEST)?;
    let paths = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && *line != b"/.");
    let files = Room::default().collect(paths.filter_map(|line| ImagePath::parse(line).ok()))?;
    found.listed = Some(listed(path, b".list", files));
    Ok(())
}

/// `status.d/NAME.md5sums`: sum, two blanks, path.
pub(super) fn sums(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    let text = super::text::bytes(content, LARGEST)?;
    let lines = text.split(|&byte| byte == b'\n');
    let files = lines.filter_map(|line| ImagePath::parse(line.get(34..)?).ok());
    let files = Room::default().collect(files)?;
    found.listed = Some(listed(path, b".md5sums", files));
    Ok(())
}

fn listed(path: &ImagePath, suffix: &[u8], paths: Vec<ImagePath>) -> Listed {
    let name = path.file_name().unwrap_or_default();
    let stem = String::from_utf8_lossy(name.strip_suffix(suffix).unwrap_or(name)).into_owned();
    let (name, architecture) = match stem.split_once(':') {
        Some((name, architecture)) => (name.to_owned(), Some(architecture.to_owned())),
        None => (stem, None),
    };
    Listed { package: ListedFor::Deb { name, architecture }, files: Files { paths, folders: Vec::new() } }
}

/// The package that a file of dpkg's own is about: `info/NAME[:ARCHITECTURE].list` and its like, `status.d/NAME`,
/// `status.d/NAME.md5sums`.
pub(super) fn keeps_of(path: &ImagePath) -> Option<String> {
    let name = std::str::from_utf8(path.file_name()?).ok()?;
    let name = match path.parent()?.as_bytes() {
        b"var/lib/dpkg/info" => name.rsplit_once('.')?.0,
        b"var/lib/dpkg/status.d" => name.strip_suffix(".md5sums").unwrap_or(name),
        _ => return None,
    };
    Some(name.split(':').next().unwrap_or(name).to_owned())
}
