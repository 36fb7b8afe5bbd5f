//! What a program would not find, in words.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_model::{Error, ImagePath, Version, escape};

/// More than a person reads at once.
const MOST_TOLD: usize = 12;

/// Bytes of a name that are told.
const LONGEST_TOLD: usize = 200;

/// Something that a file needs and the image does not have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Missing {
    /// What is not there.
    pub(crate) what: What,
    /// Who needs it.
    pub(crate) file: ImagePath,
}

/// What may be missing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum What {
    /// The loader, by its path, and what is wrong with it.
    Loader { path: String, why: String },
    /// A library.
    Library { name: String },
    /// A version of symbols in a library that is there.
    Version { library: String, version: String, found: ImagePath, newest: Option<String> },
}

impl Missing {
    pub(super) fn loader(file: &ImagePath, path: &str, why: String) -> Self {
        Self { file: file.clone(), what: What::Loader { path: path.to_owned(), why } }
    }

    pub(super) fn library(file: &ImagePath, name: &str) -> Self {
        Self { file: file.clone(), what: What::Library { name: name.to_owned() } }
    }

    pub(super) fn version(
        file: &ImagePath,
        library: &str,
        version: &str,
        found: &ImagePath,
        has: &[String],
    ) -> Self {
        let (library, version) = (library.to_owned(), version.to_owned());
        let newest = newest_like(&version, has);
        Self { file: file.clone(), what: What::Version { library, version, found: found.clone(), newest } }
    }

    /// Whether the recipe says that it may be missing.
    pub(super) fn is_allowed(&self, allow: &BTreeSet<String>) -> bool {
        match &self.what {
            What::Library { name } | What::Version { library: name, .. } => allow.contains(name),
            What::Loader { .. } => false,
        }
    }

    /// The file name of what is missing: what a package would have to bring.
    pub(crate) fn file_name(&self) -> Option<&str> {
        match &self.what {
            What::Library { name } => name.rsplit('/').next(),
            What::Loader { path, .. } => path.rsplit('/').next(),
            What::Version { .. } => None,
        }
    }
}

/// The newest of the versions with the same beginning: of `GLIBC_2.38`, that is `GLIBC_2.36`.
fn newest_like(wanted: &str, has: &[String]) -> Option<String> {
    let (family, _) = wanted.rsplit_once('_')?;
    let number = |name: &&String| -> Option<Version> {
        let number = name.strip_prefix(family)?.strip_prefix('_')?;
        number.starts_with(|c: char| c.is_ascii_digit()).then(|| number.parse().ok())?
    };
    has.iter().filter(|name| number(name).is_some()).max_by_key(number).cloned()
}

/// All that is missing as one error. `owners` are the packages that have a file of that name.
pub(crate) fn complaint(missing: &[Missing], owners: &BTreeMap<String, Vec<String>>) -> Error {
    let mut by_what: BTreeMap<&What, Vec<&ImagePath>> = BTreeMap::new();
    for one in missing {
        by_what.entry(&one.what).or_default().push(&one.file);
    }
    let mut lines: Vec<String> =
        by_what.iter().take(MOST_TOLD).map(|(what, files)| line(what, files, owners)).collect();
    if let Some(more) = by_what.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    let error = Error::new(format!("what programs in the image need is missing:\n  {}", lines.join("\n  ")));
    let any = |of: fn(&What) -> bool| by_what.keys().any(|what| of(what));
    error.with_hint(if any(|what| matches!(what, What::Loader { .. })) {
        "build on a base with a C library (base-nossl or above), or link the program statically"
    } else if any(|what| matches!(what, What::Library { .. })) {
        "add what has it to the recipe's packages; what is only loaded on demand may be named in allow-missing"
    } else {
        "build the program where the C library is no newer than the image's, or take a newer suite"
    })
}

fn line(what: &What, files: &[&ImagePath], owners: &BTreeMap<String, Vec<String>>) -> String {
    let others = match files.len() - 1 {
        0 => String::new(),
        1 => " (and one other)".to_owned(),
        more => format!(" (and {more} others)"),
    };
    let who = files.first().map(|path| format!("`{}`{others}", shown(&path.to_string()))).unwrap_or_default();
    let owner = |name: &str| match owners.get(name).map(Vec::as_slice) {
        None | Some([]) => String::new(),
        Some([one]) => format!("; package {one} has it"),
        Some(several) => format!("; packages {} have it", several.join(", ")),
    };
    match what {
        What::Library { name } => format!("{who} needs {}{}", shown(name), owner(name)),
        What::Loader { path, why } => {
            let name = path.rsplit('/').next().unwrap_or_default();
            format!("{who} needs the loader {}, {}{}", shown(path), shown(why), owner(name))
        }
        What::Version { library, version, found, newest } => {
            let upto = newest.as_ref().map(|newest| format!(" goes up to {}", shown(newest)));
            let upto = upto.unwrap_or_else(|| " has none of the kind".to_owned());
            format!(
                "{who} needs {} of {}, and `{}`{upto}",
                shown(version),
                shown(library),
                shown(&found.to_string())
            )
        }
    }
}

/// A name, escaped; no more of it than a person reads.
fn shown(name: &str) -> String {
    let mut text = escape(name);
    if text.len() > LONGEST_TOLD {
        text.truncate(text.floor_char_boundary(LONGEST_TOLD));
        text.push('…');
    }
    text
}
