//! What the ELF files of the tree say about themselves, read once for each content.

use std::collections::BTreeMap;
use std::io::Write as _;

use bareboat_formats::elf::{self, ElfKind, NeededVersion};
use bareboat_io::store::Store;
use bareboat_model::{Arch, Context, Digest, Error, Hasher, ImagePath, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::tree::{Content, Owner, Tree};

/// The largest file that is looked into; Debian's largest libraries are some 200 MB.
const LARGEST: u64 = 1 << 30;
/// The kind of the store's entries, with the version of what is in them.
const ENTRY: &str = "elf-facts-1";

/// What the loader reads of one file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) soname: Option<String>,
    pub(super) needed: Vec<String>,
    /// Library and version, without those that the loader can do without.
    pub(super) needed_versions: Vec<(String, String)>,
    pub(super) defined_versions: Vec<String>,
    pub(super) runpath: Vec<String>,
    pub(super) rpath: Vec<String>,
    pub(super) interpreter: Option<String>,
}

/// The facts of all ELF files for `arch` that the loader has work with, by path. Files for other machines are none of
/// its business.
///
/// They are kept in the store, for all files of one owner together: so that a build reads those of what changed.
pub(super) fn of(tree: &Tree, arch: Arch, store: &Store) -> Result<BTreeMap<ImagePath, Facts>> {
    let mut by_owner: BTreeMap<&Owner, Vec<(&ImagePath, &Content)>> = BTreeMap::new();
    for (path, node) in tree.iter() {
        if let Some(content) = node.content() {
            by_owner.entry(&node.owner).or_default().push((path, content));
        }
    }
    let groups: Vec<_> = by_owner.into_values().collect();
    let found: Vec<_> = groups.par_iter().map(|files| of_files(files, arch, store)).collect::<Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn of_files(files: &[(&ImagePath, &Content)], arch: Arch, store: &Store) -> Result<Vec<(ImagePath, Facts)>> {
    let key = key(files, arch);
    let known = store.read_entry(ENTRY, &key)?;
    let facts: BTreeMap<Digest, Facts> = match known.and_then(|json| serde_json::from_slice(&json).ok()) {
        Some(facts) => facts,
        None => {
            let facts = read(files, arch)?;
            let json = serde_json::to_vec(&facts).map_err(|error| Error::new(error.to_string()))?;
            store.write_entry(ENTRY, &key, |file| Ok(file.write_all(&json)?))?;
            facts
        }
    };
    let of_file = |(path, content): &(&ImagePath, &Content)| {
        facts.get(&content.digest()).map(|facts| ((*path).clone(), facts.clone()))
    };
    Ok(files.iter().filter_map(of_file).collect())
}

fn key(files: &[(&ImagePath, &Content)], arch: Arch) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(arch.debian().as_bytes());
    files.iter().for_each(|(_, content)| hasher.update(content.digest().as_bytes()));
    hasher.finish()
}

fn read(files: &[(&ImagePath, &Content)], arch: Arch) -> Result<BTreeMap<Digest, Facts>> {
    let mut facts = BTreeMap::new();
    for (path, content) in files {
        if content.size() < 4 || facts.contains_key(&content.digest()) || content.head(4)? != b"\x7fELF" {
            continue;
        }
        let reading = || format!("cannot read the program `{path}`");
        let bytes = content.read(LARGEST).context(reading)?;
        // A broken one is nothing that could be loaded: the test data of somebody's parser.
        let elf = elf::parse(&bytes).ok().flatten();
        if let Some(elf) = elf.filter(|elf| is_loaded(elf, arch)) {
            facts.insert(content.digest(), Facts::from(elf));
        }
    }
    Ok(facts)
}

fn is_loaded(elf: &elf::Elf, arch: Arch) -> bool {
    let is_of_a_process = matches!(elf.kind, ElfKind::Executable | ElfKind::SharedObject);
    is_of_a_process && elf.machine == arch.elf_machine() && (elf.dynamic || elf.interpreter.is_some())
}

impl From<elf::Elf> for Facts {
    fn from(elf: elf::Elf) -> Self {
        let strong = elf.needed_versions.into_iter().filter(|one| !one.weak);
        Self {
            soname: elf.soname,
            needed: elf.needed,
            needed_versions: strong
                .map(|NeededVersion { library, version, .. }| (library, version))
                .collect(),
            defined_versions: elf.defined_versions,
            runpath: elf.runpath,
            rpath: elf.rpath,
            interpreter: elf.interpreter,
        }
    }
}
