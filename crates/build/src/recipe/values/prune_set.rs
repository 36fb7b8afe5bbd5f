//! The names of the sets that pruning leaves out.

use std::str::FromStr;

use bareboat_model::{Error, Result, escape, nearest};

/// A named set of files that images are better without. What belongs to each is pruning's to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PruneSet {
    /// Documentation, except copyright files.
    Docs,
    /// Manual pages.
    Man,
    /// Info pages.
    Info,
    /// Translated messages and the sources of locales; C.UTF-8 stays.
    Locales,
    /// The C library's character set converters.
    Gconv,
    /// C and C++ headers, pkg-config and CMake files.
    Headers,
    /// Static libraries and libtool files.
    StaticLibs,
    /// Notes to Debian's package checker.
    Lintian,
    /// Completions for shells.
    Completions,
    /// The single certificates that the bundle is made of.
    CaSources,
    /// Files that maintainer scripts copy, and package managers' hooks.
    Templates,
}

impl PruneSet {
    /// All sets.
    pub const ALL: [Self; 11] = [
        Self::Docs,
        Self::Man,
        Self::Info,
        Self::Locales,
        Self::Gconv,
        Self::Headers,
        Self::StaticLibs,
        Self::Lintian,
        Self::Completions,
        Self::CaSources,
        Self::Templates,
    ];

    /// The name that `prune.keep` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Man => "man",
            Self::Info => "info",
            Self::Locales => "locales",
            Self::Gconv => "gconv",
            Self::Headers => "headers",
            Self::StaticLibs => "static-libs",
            Self::Lintian => "lintian",
            Self::Completions => "completions",
            Self::CaSources => "ca-sources",
            Self::Templates => "templates",
        }
    }
}

impl FromStr for PruneSet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(set) = Self::ALL.into_iter().find(|set| set.name() == text) {
            return Ok(set);
        }
        let names = Self::ALL.map(Self::name);
        let wrong = format!("unknown set `{}`", escape(text));
        Err(Error::new(match nearest(text, names) {
            Some(near) => format!("{wrong}, did you mean `{near}`?"),
            None => format!("{wrong}, expected one of {}", names.join(", ")),
        }))
    }
}
