//! /var/lib/dpkg/status.d: what scanners read in an image without dpkg.
//!
//! For each package its control stanza, without a `Status` line, and `NAME.md5sums`, the layout that
//! distroless began and Trivy, Syft and Grype read. Both say exactly what is in the image: files that were
//! pruned or replaced are not listed, and configuration files (which dpkg keeps in `Conffiles`, with their
//! hashes) are listed as far as they are the package's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bareboat_model::{Context, ImagePath, Result};
use md5::Digest as _;

use super::{Applied, Setting, generate};
use crate::tree::{Content, ContentReader, Node, Owner, Tree};
use crate::unpack::Unpacked;

const EFFECT: &str = "status.d";
const DIRECTORY: &str = "/var/lib/dpkg/status.d";

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let mut owned = files_by_package(tree);
    let mut entries = 0;
    for (name, unpacked) in setting.packages {
        let files = owned.remove(name).unwrap_or_default();
        if files.is_empty() && brings_files(unpacked) {
            continue; // nothing of it is left, and scanners must not be told otherwise
        }
        let entry = Entry::of(tree, unpacked, files, setting)
            .context(|| format!("cannot record package `{name}`"))?;
        for (suffix, text) in [("", entry.stanza), (".md5sums", entry.md5sums)] {
            // The package's own name stands for it: its layer changes when it does, and no other.
            let node = Node::file(
                Content::from_bytes(text),
                0o644,
                unpacked.built.seconds(),
                Owner::Package(name.clone()),
            );
            generate(tree, &format!("{DIRECTORY}/{name}{suffix}"), node)?;
        }
        entries += 1;
    }
    Ok((entries > 0).then(|| Applied {
        effect: EFFECT,
        what: format!("{entries} package{}", if entries == 1 { "" } else { "s" }),
    }))
}

fn files_by_package(tree: &Tree) -> BTreeMap<Arc<str>, Vec<(ImagePath, Content)>> {
    let mut files: BTreeMap<Arc<str>, Vec<_>> = BTreeMap::new();
    for (path, node) in tree.iter() {
        if let (Owner::Package(name), Some(content)) = (&node.owner, node.content()) {
            files.entry(name.clone()).or_default().push((path.clone(), content.clone()));
        }
    }
    files
}

fn brings_files(unpacked: &Unpacked) -> bool {
    unpacked.members.iter().any(|member| !member.kind.is_directory())
}

struct Entry {
    stanza: Vec<u8>,
    md5sums: Vec<u8>,
}

impl Entry {
    fn of(
        tree: &Tree,
        unpacked: &Unpacked,
        files: Vec<(ImagePath, Content)>,
        setting: &Setting<'_>,
    ) -> Result<Self> {
        let known = known_sums(tree, &unpacked.md5sums);
        let mut conffiles = String::new();
        let mut md5sums = Vec::new();
        let mut reader = ContentReader::default();
        for (path, content) in files {
            let sum = match known.get(&path) {
                Some(sum) => sum.clone(),
                None => md5_of(&mut reader, &content)?,
            };
            if setting.conffiles.contains_key(&path) {
                write!(conffiles, "\n {path} {sum}").unwrap_or_default();
            } else {
                md5sums.extend_from_slice(format!("{sum}  ").as_bytes());
                md5sums.extend_from_slice(path.as_bytes());
                md5sums.push(b'\n');
            }
        }
        let mut stanza = unpacked.control.trim_end().to_owned();
        if !conffiles.is_empty() {
            stanza.push_str("\nConffiles:");
            stanza.push_str(&conffiles);
        }
        stanza.push('\n');
        Ok(Self { stanza: stanza.into_bytes(), md5sums })
    }
}

/// The package's own sums, by the place where each file really is.
fn known_sums(tree: &Tree, md5sums: &[u8]) -> BTreeMap<ImagePath, String> {
    let mut known = BTreeMap::new();
    for line in md5sums.split(|&b| b == b'\n') {
        let Some((sum, name)) = line.split_at_checked(32) else { continue };
        let is_sum = sum.iter().all(u8::is_ascii_hexdigit) && name.starts_with(b"  ");
        let place = ImagePath::parse(name.trim_ascii_start()).and_then(|path| tree.real_parent(&path));
        if let (true, Ok(place)) = (is_sum, place) {
            known.insert(place, String::from_utf8_lossy(sum).to_ascii_lowercase());
        }
    }
    known
}

/// For files that the package's md5sums leaves out: configuration files, and all of a package that has none.
fn md5_of(reader: &mut ContentReader, content: &Content) -> Result<String> {
    let mut hasher = md5::Md5::new();
    let mut bytes = reader.open(content)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match std::io::Read::read(&mut bytes, &mut buffer)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
