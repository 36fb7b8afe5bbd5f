//! The base recipes that ship with bareboat, in the program itself.

use std::path::PathBuf;

/// One entry: the text of `catalog/SUITE/NAME.toml`.
pub(super) struct Entry {
    suite: &'static str,
    name: &'static str,
    pub(super) text: &'static str,
}

/// Names each file once: `catalog!("trixie": "static", "base")`.
macro_rules! entries {
    ($($suite:literal: $($name:literal),+;)+) => {
        &[$($(Entry {
            suite: $suite,
            name: $name,
            text: include_str!(concat!("../../../../catalog/", $suite, "/", $name, ".toml")),
        }),+),+]
    };
}

const ENTRIES: &[Entry] = entries! {
    "bookworm": "static", "base", "cc", "python3";
    "trixie": "static", "base", "cc", "python3";
};

impl Entry {
    /// What messages call the entry.
    pub(super) fn file(&self) -> PathBuf {
        PathBuf::from(format!("catalog/{}/{}.toml", self.suite, self.name))
    }
}

/// The entry `name` for `suite`.
pub(super) fn entry(suite: &str, name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.suite == suite && entry.name == name)
}

/// The suites that the catalog has entries for.
pub fn catalog_suites() -> Vec<&'static str> {
    let mut suites: Vec<&str> = ENTRIES.iter().map(|entry| entry.suite).collect();
    suites.dedup();
    suites
}

/// The names of the catalog's entries for `suite`, smallest image first; none for a suite it does not know.
pub fn catalog_names(suite: &str) -> Vec<&'static str> {
    ENTRIES.iter().filter(|entry| entry.suite == suite).map(|entry| entry.name).collect()
}
