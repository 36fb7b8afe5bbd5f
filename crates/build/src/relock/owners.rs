//! Which packages of the archives have a library that an image lacks.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_io::archive::{fetch_release, library_owners};
use bareboat_model::{Platform, Result};

use super::indexes::now;
use super::{Sources, archives};
use crate::recipe::Loaded;

/// The packages that have a library or a loader of each of these file names, of the first archive that has any.
///
/// # Errors
/// When the archives cannot be asked or trusted.
pub fn owners(
    loaded: &Loaded,
    platform: Platform,
    sources: &Sources<'_>,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<String>>> {
    let mut found = BTreeMap::new();
    for archive in archives(loaded, sources.progress)? {
        let Some(suite) = fetch_release(sources.http, sources.store, &archive, now(), sources.progress)?
        else {
            continue;
        };
        for component in &archive.components {
            let left: BTreeSet<String> =
                names.iter().filter(|name| !found.contains_key(*name)).cloned().collect();
            if left.is_empty() {
                return Ok(found);
            }
            let Sources { http, store, progress } = sources;
            found.extend(library_owners(http, store, &suite, component, platform.arch, &left, *progress)?);
        }
    }
    Ok(found)
}
