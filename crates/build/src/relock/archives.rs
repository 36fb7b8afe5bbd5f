//! Which archives a recipe means, and where they are: the environment's word, the recipe's, or this machine's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bareboat_io::apt;
use bareboat_io::archive::{Archive, MirrorChoice, debian_archives, read_keyring};
use bareboat_model::{Error, Progress, Result};

use crate::recipe::{Loaded, Word};

/// The most indexes of one architecture: each is fetched by a thread of its own, and kept in memory.
const MOST_INDEXES: usize = 64;

/// All archives of a recipe, each with one suite: Debian's, then third parties' in the recipe's order.
///
/// # Errors
/// When nobody says where Debian's mirror is, or a key cannot be read.
pub fn archives(loaded: &Loaded, progress: &dyn Progress) -> Result<Vec<Archive>> {
    let recipe = &loaded.recipe;
    let mut archives = Vec::new();
    if !recipe.packages.is_empty() {
        let of_recipe = MirrorChoice {
            mirror: recipe.archive.mirror.clone(),
            security_mirror: recipe.archive.security_mirror.clone(),
            keyring: recipe.archive.keyring.as_deref().map(read_keyring).transpose()?,
            components: recipe.archive.components().into_iter().map(str::to_owned).collect(),
        };
        // Whoever runs the build knows better than who wrote the recipe what this machine can reach.
        let choice = MirrorChoice::from_env()?.or(of_recipe);
        let machine = apt::sources(Path::new("/"));
        machine.warnings.iter().for_each(|warning| progress.story(warning));
        archives.extend(debian_archives(loaded.suite(), &choice, &machine.sources)?);
    }
    for third_party in &recipe.archives {
        let keyring = read_keyring(&third_party.key)?;
        for suite in &third_party.suites {
            archives.push(Archive {
                name: third_party.name.to_string(),
                mirror: third_party.mirror.clone(),
                suite: suite.to_string(),
                components: third_party.components.iter().map(Word::to_string).collect(),
                keyring: keyring.clone(),
                allow_sha1_bindings: third_party.allow_sha1_bindings,
            });
        }
    }
    for archive in &mut archives {
        archive.components.sort();
        archive.components.dedup();
    }
    let mut seen = BTreeSet::new();
    archives.retain(|archive| seen.insert((archive.name.clone(), archive.suite.clone())));
    let indexes: usize = archives.iter().map(|archive| archive.components.len()).sum();
    if indexes > MOST_INDEXES {
        return Err(Error::new(format!(
            "cannot use the archives of the recipe: {indexes} suites and components, expected at most {MOST_INDEXES}"
        )));
    }
    Ok(archives)
}

/// The mirror of each archive, by the name that locks use.
///
/// # Errors
/// As [`archives`].
pub fn mirrors(loaded: &Loaded, progress: &dyn Progress) -> Result<BTreeMap<String, String>> {
    Ok(archives(loaded, progress)?.into_iter().map(|archive| (archive.name, archive.mirror)).collect())
}
