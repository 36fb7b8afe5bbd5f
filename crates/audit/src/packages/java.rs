//! Jars: what Maven wrote into them, else their manifest, else their file name; and the jars in them.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use bareboat_formats::zip;
use bareboat_model::{Context, Error, ImagePath, Result, escape};

use super::text::text;
use super::{Files, Found, Kind, Package};

/// What a manifest and a list of properties may have.
const LARGEST: u64 = 4 << 20;

/// An application's archive holds jars; a jar in such a jar is read, too, and no more.
const DEEPEST: usize = 2;

pub(super) fn is_archive(name: &[u8]) -> bool {
    [&b".jar"[..], b".war", b".ear", b".jpi", b".hpi"].iter().any(|suffix| name.ends_with(suffix))
}

pub(super) fn read(path: &ImagePath, size: u64, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    // Debian has empty jars, and jars that are links.
    if size == 0 {
        return Ok(());
    }
    let name = String::from_utf8_lossy(path.file_name().unwrap_or_default()).into_owned();
    archive(&name, path, content, &Place { depth: 0, budget: &zip::Budget::default() }, found)
}

/// What one archive says of itself.
#[derive(Default)]
struct Own {
    maven: Vec<(String, String)>,
    manifest: BTreeMap<String, String>,
}

/// Where an archive is met: in how many others, and what may still be inflated of them all.
struct Place<'a> {
    depth: usize,
    budget: &'a zip::Budget,
}

fn archive(
    name: &str,
    path: &ImagePath,
    content: &mut dyn Read,
    place: &Place<'_>,
    found: &mut Found,
) -> Result<()> {
    let mut own = Own::default();
    let before = found.packages.len();
    let mut failed = None;
    let walked = zip::walk(&mut BufReader::new(content), place.budget, &mut |member, content| {
        if member == b"META-INF/MANIFEST.MF" {
            own.manifest = manifest(&text(content, LARGEST)?);
        } else if member.starts_with(b"META-INF/maven/") && member.ends_with(b"/pom.properties") {
            own.add(coordinates(&text(content, LARGEST)?))?;
        } else if is_archive(member) {
            let inner = String::from_utf8_lossy(member).into_owned();
            let file = inner.rsplit('/').next().unwrap_or_default();
            let read = match place.depth {
                DEEPEST => {
                    Err(Error::new(format!("jars more than {DEEPEST} deep in one another are not read")))
                }
                depth => archive(file, path, content, &Place { depth: depth + 1, ..*place }, found),
            };
            // The others can still be read.
            failed = failed.take().or(read.context(|| format!("`{}`", escape(&inner))).err());
        }
        Ok(())
    });
    let own = own.packages(name);
    let count = own.len();
    for (name, version) in own {
        let mut package = Package::new(Kind::Java, name, version);
        package.files = Files { paths: vec![path.clone()], folders: Vec::new() };
        found.push(package)?;
    }
    // The archive itself comes before those in it: the file is its.
    found.packages[before..].rotate_right(count);
    walked.and(failed.map_or(Ok(()), Err))
}

impl Own {
    fn add(&mut self, coordinates: Option<(String, String)>) -> Result<()> {
        let Some((name, version)) = coordinates else { return Ok(()) };
        if self.maven.len() >= super::MOST_PACKAGES || name.len().max(version.len()) > super::LONGEST_TEXT {
            return Err(Error::new("too many or too long names of packages in a jar"));
        }
        self.maven.push((name, version));
        Ok(())
    }

    /// A jar into which others were melted has several coordinates.
    fn packages(self, file: &str) -> Vec<(String, String)> {
        if !self.maven.is_empty() {
            return self.maven;
        }
        let (stem, from_name) = split(file);
        let first = |keys: &[&str]| keys.iter().find_map(|key| self.manifest.get(*key)).cloned();
        let symbolic = first(&["Bundle-SymbolicName", "Automatic-Module-Name"]);
        let name = symbolic.map(|name| name.split(';').next().unwrap_or_default().trim().to_owned());
        let version =
            first(&["Implementation-Version", "Bundle-Version", "Specification-Version"]).or(from_name);
        // The manifest of a jar that only wraps things says nothing, and then neither is anything said of it.
        match (name, version) {
            (name, Some(version)) => vec![(name.unwrap_or(stem), version)],
            _ => Vec::new(),
        }
    }
}

/// `commons-io-2.11.0.jar` → `commons-io`, `2.11.0`.
fn split(file: &str) -> (String, Option<String>) {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let version_at = stem
        .match_indices('-')
        .map(|(at, _)| at)
        .find(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    match version_at {
        Some(at) => (stem[..at].to_owned(), Some(stem[at + 1..].to_owned())),
        None => (stem.to_owned(), None),
    }
}

/// `Name: value` lines of the main section; a line that begins with a blank goes on (jar specification).
fn manifest(text: &str) -> BTreeMap<String, String> {
    let mut joined: Vec<String> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        match (line.strip_prefix(' '), joined.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => joined.push(line.to_owned()),
        }
    }
    let fields = joined.iter().filter_map(|line| line.split_once(": "));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

fn coordinates(properties: &str) -> Option<(String, String)> {
    let value = |key: &str| {
        let lines = properties.lines().filter_map(|line| line.split_once('='));
        lines.filter(|(found, _)| found.trim() == key).map(|(_, value)| value.trim().to_owned()).next()
    };
    Some((format!("{}:{}", value("groupId")?, value("artifactId")?), value("version")?))
}
