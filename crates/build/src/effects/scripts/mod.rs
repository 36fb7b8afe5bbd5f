//! Maintainer scripts, read instead of run.
//!
//! A script is followed the way a first installation goes through it (`follow`, `flow`): its words are expanded as far as they are
//! literal (`expand`), its questions are put to the image (`conditions`, `queries`, `debconf`), and commands that have a
//! lasting effect are done natively (`dispatch` has the table). What cannot be known is noted, and so is what is left out on
//! purpose. No command is ever run.

mod builtins;
mod calls;
mod conditions;
mod debconf;
mod dispatch;
mod expand;
mod filters;
mod finding;
mod flow;
mod follow;
mod order;
mod output;
mod package;
mod queries;
mod sed;
mod sources;
mod system;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bareboat_model::{Arch, Result};

use super::alternatives::Alternatives;
use super::{Accounts, Applied, known, sysusers, tmpfiles};
use crate::tree::Tree;
use crate::unpack::Unpacked;

pub(in crate::effects) use finding::Done;
pub use finding::{Finding, Outcome};
pub(in crate::effects) use follow::Follower;
use package::Package;
pub(in crate::effects) use system::{System, script_of};

/// What came of all scripts.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// What became of each command that matters, by package.
    pub findings: BTreeMap<Arc<str>, Vec<Finding>>,
    /// What was done, in words for the summary.
    pub applied: Vec<Applied>,
    /// The alternatives that were offered; see [`super::record`].
    pub alternatives: Alternatives,
}

/// The scripts that a first installation runs, in their order, with their arguments (Debian Policy 6.5).
const SCRIPTS: [(&str, &[&str]); 3] =
    [("config", &["configure", ""]), ("preinst", &["install"]), ("postinst", &["configure", ""])];

/// Follows the scripts of all packages, and does what they declare elsewhere: users in sysusers.d, directories in
/// tmpfiles.d. To be done when all packages are placed, and nothing of the recipe's.
///
/// # Errors
/// When a declaration cannot be done.
pub fn follow(
    tree: &mut Tree,
    accounts: &mut Accounts,
    packages: &[(Arc<str>, Unpacked)],
    arch: Arch,
    mtime: i64,
) -> Result<Followed> {
    let mut system = System::new(tree, accounts, mtime);
    let mut findings: BTreeMap<Arc<str>, Vec<Finding>> = BTreeMap::new();
    for (name, unpacked) in packages {
        system.add_package(name, unpacked);
    }
    let order = order::by_dependency(packages);
    for &(name, unpacked) in &order {
        let package = Package { name, arch, unpacked };
        let found = findings.entry(name.clone()).or_default();
        let known = known::of(name, &mut system);
        let scripts = if known.is_some() { &[][..] } else { &SCRIPTS };
        found.extend(known.into_iter().flatten());
        for &(script, arguments) in scripts {
            if let Some(text) = unpacked.scripts.get(script) {
                found.extend(Follower::follow(&mut system, &package, script, text, arguments));
            }
        }
        // Where no script asked for it.
        sysusers::apply(&mut system, unpacked, found);
    }
    for &(name, unpacked) in &order {
        tmpfiles::apply(&mut system, name, unpacked, findings.entry(name.clone()).or_default());
    }
    system.clean();
    findings.retain(|_, findings| !findings.is_empty());
    let applied = applied(&findings);
    Ok(Followed { findings, applied, alternatives: std::mem::take(&mut system.alternatives) })
}

/// How much of an effect the summary tells.
const TOLD: usize = 6;

/// For each effect, what it did for which packages.
fn applied(findings: &BTreeMap<Arc<str>, Vec<Finding>>) -> Vec<Applied> {
    let mut by_effect: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for finding in findings.values().flatten() {
        if let Outcome::Reproduced { effect, what } = &finding.outcome
            && !known::is_elsewhere(effect)
        {
            let did = by_effect.entry(effect).or_default();
            if !what.is_empty() && !did.contains(what) {
                did.push(what.clone());
            }
        }
    }
    by_effect.into_iter().map(|(effect, what)| Applied { effect, what: in_short(&what) }).collect()
}

/// The first few; `bareboat effects` tells all.
fn in_short(what: &[String]) -> String {
    match what.len().checked_sub(TOLD) {
        Some(more @ 2..) => format!("{} and {more} more", what[..TOLD].join(", ")),
        _ => what.join(", "),
    }
}
