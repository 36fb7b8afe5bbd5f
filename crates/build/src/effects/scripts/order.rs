//! The order in which packages are configured: what a package depends on comes before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bareboat_formats::deb822;
use bareboat_model::parse_relations;

use crate::unpack::Unpacked;

/// In the order of `packages`, but dependencies first. Where they go in circles, the order stands.
pub(super) fn by_dependency(packages: &[(Arc<str>, Unpacked)]) -> Vec<(&Arc<str>, &Unpacked)> {
    let index: BTreeMap<&str, usize> =
        packages.iter().enumerate().map(|(at, (name, _))| (&**name, at)).collect();
    let needs: Vec<Vec<usize>> = packages.iter().map(|(_, unpacked)| needs(unpacked, &index)).collect();
    let mut order = Vec::with_capacity(packages.len());
    let mut seen = BTreeSet::new();
    // By hand and not by recursion: chains of dependencies are as long as packages say.
    for start in 0..packages.len() {
        let mut stack = vec![(start, 0)];
        if !seen.insert(start) {
            continue;
        }
        while let Some((at, next)) = stack.pop() {
            match needs[at].get(next) {
                Some(&need) => {
                    stack.push((at, next + 1));
                    if seen.insert(need) {
                        stack.push((need, 0));
                    }
                }
                None => order.push(at),
            }
        }
    }
    order.into_iter().map(|at| (&packages[at].0, &packages[at].1)).collect()
}

fn needs(unpacked: &Unpacked, index: &BTreeMap<&str, usize>) -> Vec<usize> {
    let Ok(stanza) = deb822::single(&unpacked.control) else { return Vec::new() };
    let mut needs = Vec::new();
    for field in ["Pre-Depends", "Depends"] {
        let relations = parse_relations(stanza.get(field).unwrap_or_default()).unwrap_or_default();
        let named = relations.into_iter().flat_map(|alternatives| alternatives.0);
        needs.extend(named.filter_map(|relation| index.get(relation.name.as_str()).copied()));
    }
    needs
}
