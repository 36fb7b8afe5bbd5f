//! The base recipes that ship with bareboat, in the program itself.
//!
//! A base is `ENTRY` or `ENTRY:VARIANT`. A variant is a recipe without a base of its own, which goes on top of any entry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bareboat_model::Platform;
use serde::{Deserialize, Serialize};

/// A recipe that ships with the program: the text of a file below `catalog/`.
#[derive(Debug)]
pub(super) struct Entry {
    /// The suite, or `variants`.
    folder: &'static str,
    name: &'static str,
    pub(super) text: &'static str,
}

/// Names each file once: `entries!("trixie": "static", "base")`.
macro_rules! entries {
    ($($folder:literal: $($name:literal),+;)+) => {
        &[$($(Entry {
            folder: $folder,
            name: $name,
            text: include_str!(concat!("../../../../catalog/", $folder, "/", $name, ".toml")),
        }),+),+]
    };
}

const ENTRIES: &[Entry] = entries! {
    "bookworm": "static", "base-nossl", "base", "cc", "python3", "nodejs", "java";
    "trixie": "static", "base-nossl", "base", "cc", "python3", "nodejs", "java";
};

const VARIANTS: &[Entry] = entries! { "variants": "root", "nonroot", "debug"; };

/// What may stand after the colon, and the variants that it means, the topmost first. As distroless names its tags.
const COMBINATIONS: &[(&str, &[&str])] = &[
    ("root", &["root"]),
    ("nonroot", &["nonroot"]),
    ("debug", &["debug"]),
    ("debug-root", &["debug", "root"]),
    ("debug-nonroot", &["debug", "nonroot"]),
];

impl Entry {
    /// What messages call the entry.
    pub(super) fn file(&self) -> PathBuf {
        PathBuf::from(format!("catalog/{}/{}.toml", self.folder, self.name))
    }
}

/// The entry `name` for `suite`.
pub(super) fn entry(suite: &str, name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.folder == suite && entry.name == name)
}

/// A name as recipes write it, in two: `python3:debug` is the entry `python3` and the variant `debug`.
pub(super) fn split_variant(name: &str) -> (&str, Option<&str>) {
    match name.split_once(':') {
        Some((entry, variant)) if is_variant(variant) => (entry, Some(variant)),
        _ => (name, None),
    }
}

/// Whether an entry of any suite has this name.
pub(super) fn is_name(name: &str) -> bool {
    ENTRIES.iter().any(|entry| entry.name == name)
}

/// Whether this may stand after the colon of a catalog name.
pub(super) fn is_variant(name: &str) -> bool {
    catalog_variants().any(|known| known == name)
}

/// The recipes that a variant puts on top of an entry, the topmost first.
pub(super) fn variant(name: &str) -> impl Iterator<Item = &'static Entry> {
    let parts = COMBINATIONS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, parts)| parts);
    parts.iter().filter_map(|part| VARIANTS.iter().find(|entry| entry.name == *part))
}

/// The suites that the catalog has entries for.
pub fn catalog_suites() -> Vec<&'static str> {
    let mut suites: Vec<&str> = ENTRIES.iter().map(|entry| entry.folder).collect();
    suites.dedup();
    suites
}

/// The names of the catalog's entries for `suite`, smallest image first; none for a suite it does not know.
pub fn catalog_names(suite: &str) -> Vec<&'static str> {
    ENTRIES.iter().filter(|entry| entry.folder == suite).map(|entry| entry.name).collect()
}

/// What an entry is for: the first line of its recipe, without the name.
pub fn catalog_purpose(suite: &str, name: &str) -> &'static str {
    let first = entry(suite, name).and_then(|entry| entry.text.lines().next()).unwrap_or_default();
    first.split_once(": ").map_or(first, |(_, purpose)| purpose)
}

/// The text of an entry's recipe, or of a variant's with `variants` as the suite.
pub fn catalog_text(suite: &str, name: &str) -> Option<&'static str> {
    ENTRIES.iter().chain(VARIANTS).find(|it| it.folder == suite && it.name == name).map(|it| it.text)
}

/// How large an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CatalogSize {
    /// How many packages it holds.
    pub packages: u64,
    /// The bytes of its files.
    pub bytes: u64,
    /// The bytes of its layers, compressed.
    pub compressed: u64,
}

/// How large an entry was when it was last measured (tests/live/catalog-sizes): updates change it by little.
pub fn catalog_size(suite: &str, name: &str, platform: Platform) -> Option<CatalogSize> {
    type Sizes = BTreeMap<String, BTreeMap<String, BTreeMap<String, CatalogSize>>>;
    let sizes: Sizes = serde_json::from_str(include_str!("../../../../catalog/sizes.json")).ok()?;
    sizes.get(suite)?.get(name)?.get(&platform.to_string()).copied()
}

/// What may follow a catalog name after a colon.
pub fn catalog_variants() -> impl Iterator<Item = &'static str> {
    COMBINATIONS.iter().map(|(name, _)| *name)
}
