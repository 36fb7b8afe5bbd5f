//! /etc/ld.so.cache, and the links that ldconfig makes: what libc-bin's trigger does after each installation.
//!
//! The loader finds the standard directories without it; `ctypes.util.find_library`, `ldconfig -p` and any
//! directory of /etc/ld.so.conf.d do not work without it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write as _;

use bareboat_formats::ld_so_cache::{
    self, Candidate, SearchDirectory, Selection, debian_generator, hwcaps_name, is_candidate_name,
    search_path,
};
use bareboat_formats::{deb822, elf};
use bareboat_model::{Arch, Context, Digest, Error, Hasher, ImagePath, Result};
use serde::{Deserialize, Serialize};

use super::{Applied, Setting, generate, generated_file, read};
use crate::recipe::glob;
use crate::tree::{Content, Kind, Node, Owner, Tree};

const EFFECT: &str = "ld-so-cache";
const CACHE: &str = "/etc/ld.so.cache";
const CONFIG: &str = "/etc/ld.so.conf";
/// The largest library that is looked into; Debian's largest are some 200 MB.
const LARGEST: u64 = 1 << 30;
/// The kind of the store's entries, with the version of what is in them.
const ENTRY: &str = "ld-so-cache-1";

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let Some(generator) = generator(setting)? else { return Ok(None) };
    let directories = directories(tree, setting)?;
    let made = find_or_make(&directories, &generator, setting)?;
    for (path, target) in &made.links {
        let path = ImagePath::parse(path.as_bytes())?;
        if tree.get(&tree.real_parent(&path)?).is_none_or(|node| matches!(node.kind, Kind::Symlink(_))) {
            let link = Node::symlink(target.as_bytes(), setting.mtime, Owner::Effect(EFFECT));
            generate(tree, &path.to_string(), link)?;
        }
    }
    let what = format!("{} libraries", made.libraries);
    let applied = generate(tree, CACHE, generated_file(made.cache, EFFECT, setting))?;
    Ok(applied.then_some(Applied { effect: EFFECT, what }))
}

/// What ldconfig writes into the cache as its own name; none when the image has no C library.
fn generator(setting: &Setting<'_>) -> Result<Option<String>> {
    let of_packages = setting.packages.iter().map(|(_, unpacked)| unpacked.control.as_str());
    let texts = of_packages.chain(setting.base_status.iter().map(String::as_str));
    let mut versions = BTreeMap::new();
    for text in texts {
        for stanza in deb822::parse(text) {
            let stanza = stanza?;
            if let (Some(name), Some(version)) = (stanza.get("Package"), stanza.get("Version")) {
                versions.entry(name).or_insert(version);
            }
        }
    }
    // libc-bin has the program itself; both come from the same source in the same version.
    let version = versions.get("libc-bin").or_else(|| versions.get("libc6"));
    Ok(version.map(|version| debian_generator(version)))
}

/// What the store keeps: so that a build in which no library changed reads none.
#[derive(Serialize, Deserialize)]
struct Made {
    cache: Vec<u8>,
    links: Vec<(String, String)>,
    libraries: usize,
}

/// A file that may be a library, before anybody looked into it.
struct Found {
    file_name: Vec<u8>,
    is_symlink: bool,
    target: ImagePath,
    content: Content,
}

type Directories = Vec<(SearchDirectory, Vec<Found>)>;

fn find_or_make(directories: &Directories, generator: &str, setting: &Setting<'_>) -> Result<Made> {
    let key = key(directories, generator, setting);
    let known = setting.store.read_entry(ENTRY, &key)?;
    if let Some(made) = known.and_then(|json| serde_json::from_slice(&json).ok()) {
        return Ok(made);
    }
    let selection = look_into(directories, setting)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let made = Made {
        cache: ld_so_cache::write(&selection.libraries, Some(generator))?,
        links: selection.links.iter().map(|link| (text(&link.path), text(&link.target))).collect(),
        libraries: selection.libraries.len(),
    };
    let json = serde_json::to_vec(&made).map_err(|error| Error::new(error.to_string()))?;
    setting.store.write_entry(ENTRY, &key, |file| Ok(file.write_all(&json)?))?;
    Ok(made)
}

fn key(directories: &Directories, generator: &str, setting: &Setting<'_>) -> Digest {
    let mut hasher = Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(generator.as_bytes());
    field(setting.arch.debian().as_bytes());
    for (directory, files) in directories {
        field(&directory.path);
        field(&(files.len() as u64).to_le_bytes());
        for file in files {
            field(&file.file_name);
            field(&[u8::from(file.is_symlink)]);
            field(file.target.as_bytes());
            field(file.content.digest().as_bytes());
        }
    }
    hasher.finish()
}

fn look_into(directories: &Directories, setting: &Setting<'_>) -> Result<Selection> {
    let mut candidates = Vec::new();
    let mut known = BTreeMap::new();
    for (directory, files) in directories {
        let mut of_directory = Vec::new();
        for file in files {
            if file.content.head(4)? != b"\x7fELF" {
                continue; // a linker script, such as libc.so of libc6-dev
            }
            let reading = || format!("cannot read the library `{}`", file.target);
            // Several names often lead to one library.
            let elf = match known.entry(file.content.digest()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let bytes = file.content.read(LARGEST).context(reading)?;
                    unknown.insert(elf::parse(&bytes).context(reading)?)
                }
            };
            if let Some(elf) = elf.clone() {
                let (file_name, target) = (file.file_name.clone(), file.target.clone());
                of_directory.push(Candidate { file_name, is_symlink: file.is_symlink, target, elf });
            }
        }
        candidates.push((directory.clone(), of_directory));
    }
    Ok(ld_so_cache::select(&candidates, setting.arch))
}

/// The directories of the search path that are there, each once, with their glibc-hwcaps directories.
fn directories(tree: &Tree, setting: &Setting<'_>) -> Result<Directories> {
    let mut met: Vec<ImagePath> = Vec::new();
    let mut directories = Directories::new();
    for directory in search_directories(tree, setting.arch)? {
        let real = tree.real_path(&ImagePath::parse(&directory.path)?)?;
        if met.contains(&real) || tree.get(&real).is_none_or(|node| !node.is_directory()) {
            continue;
        }
        directories.push((directory.clone(), files_in(tree, &real)));
        let hwcaps = real.join(b"glibc-hwcaps")?;
        for (path, node) in children(tree, &hwcaps) {
            if let Some(name) = path.file_name().filter(|name| node.is_directory() && hwcaps_name(name)) {
                directories.push((directory.with_hwcaps(name), files_in(tree, path)));
            }
        }
        met.push(real);
    }
    Ok(directories)
}

/// The directories of /etc/ld.so.conf and what it includes, and the built-in ones.
pub(crate) fn search_directories(tree: &Tree, arch: Arch) -> Result<Vec<SearchDirectory>> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let config = read(tree, CONFIG, 1 << 20)?.map(text).unwrap_or_default();
    search_path(arch, &config, &mut |pattern| {
        let matcher = glob(pattern)?.compile_matcher();
        let matching = tree.iter().filter(|(path, _)| matcher.is_match(path.to_string()));
        matching
            .filter_map(|(_, node)| node.content())
            .map(|content| content.read(1 << 20).map(text))
            .collect()
    })
}

fn children<'a>(tree: &'a Tree, directory: &'a ImagePath) -> impl Iterator<Item = (&'a ImagePath, &'a Node)> {
    tree.below(directory).filter(move |(path, _)| path.parent().as_ref() == Some(directory))
}

fn files_in(tree: &Tree, directory: &ImagePath) -> Vec<Found> {
    let found = |(path, node): (&ImagePath, &Node)| {
        let file_name = path.file_name().filter(|name| is_candidate_name(name))?.to_vec();
        let (target, real) = tree.lookup(path)?;
        let content = real.content()?.clone();
        Some(Found { file_name, is_symlink: matches!(node.kind, Kind::Symlink(_)), target, content })
    };
    children(tree, directory).filter_map(found).collect()
}
