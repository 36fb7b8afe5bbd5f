//! Whether a lock still serves what a recipe asks for. Decided from the two alone, so also offline.

use std::collections::BTreeMap;

use bareboat_model::Platform;

use super::{Lock, Request, RequestedArchive};

/// Whether a lock serves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Satisfaction {
    /// It does.
    Yes,
    /// It does not, for these reasons, each in words such as ``the recipe asks for `libpq5`, the lock does not``.
    No(Vec<String>),
}

impl Lock {
    /// Whether this lock serves `request` on `platforms`. A lock for further platforms does.
    pub fn satisfies(&self, request: &Request, platforms: &[Platform]) -> Satisfaction {
        let mut reasons = Vec::new();
        if self.request.suite != request.suite {
            reasons.push(differ("suite", &request.suite, &self.request.suite));
        }
        if self.request.components != request.components {
            let lists = (request.components.join(", "), self.request.components.join(", "));
            reasons.push(differ("the components", &lists.0, &lists.1));
        }
        reasons.extend(package_reasons(&request.packages, &self.request.packages));
        reasons.extend(without_reasons(&request.without, &self.request.without));
        reasons.extend(archive_reasons(&request.archives, &self.request.archives));
        let missing = platforms.iter().filter(|platform| !self.packages.contains_key(platform));
        reasons.extend(missing.map(|platform| format!("the lock has nothing for {platform}")));
        if reasons.is_empty() { Satisfaction::Yes } else { Satisfaction::No(reasons) }
    }
}

fn differ(what: &str, recipe: &str, lock: &str) -> String {
    format!("the recipe asks for {what} `{recipe}`, the lock is for `{lock}`")
}

fn package_reasons(recipe: &[String], lock: &[String]) -> Vec<String> {
    let (asked, locked) = (by_name(recipe), by_name(lock));
    let mut reasons = Vec::new();
    for (name, spec) in &asked {
        match locked.get(name) {
            None => reasons.push(format!("the recipe asks for `{spec}`, the lock does not")),
            Some(other) if other != spec => {
                reasons.push(format!("the recipe asks for `{spec}`, the lock for `{other}`"));
            }
            Some(_) => {}
        }
    }
    let gone = locked.iter().filter(|(name, _)| !asked.contains_key(*name));
    reasons.extend(
        gone.map(|(_, spec)| format!("the lock is for `{spec}` too, the recipe no longer asks for it")),
    );
    reasons
}

/// NAME=VERSION by NAME.
fn by_name(specs: &[String]) -> BTreeMap<&str, &str> {
    specs
        .iter()
        .map(|spec| (spec.split_once('=').map_or(spec.as_str(), |(name, _)| name), spec.as_str()))
        .collect()
}

fn without_reasons(recipe: &[String], lock: &[String]) -> Vec<String> {
    let absent = |list: &[String], name: &String| !list.contains(name);
    let more = recipe.iter().filter(|name| absent(lock, name));
    let fewer = lock.iter().filter(|name| absent(recipe, name));
    let more = more.map(|name| format!("the recipe leaves out `{name}`, the lock does not"));
    let fewer = fewer.map(|name| format!("the lock leaves out `{name}`, the recipe no longer does"));
    more.chain(fewer).collect()
}

fn archive_reasons(recipe: &[RequestedArchive], lock: &[RequestedArchive]) -> Vec<String> {
    let named = |list: &[RequestedArchive], name: &str| list.iter().find(|other| other.name == name).cloned();
    let mut reasons = Vec::new();
    for archive in recipe {
        let name = &archive.name;
        match named(lock, name) {
            None => reasons.push(format!("the recipe asks for archive `{name}`, the lock does not")),
            Some(other) if other != *archive => {
                reasons.push(format!("the recipe asks for other suites or components of archive `{name}`"));
            }
            Some(_) => {}
        }
    }
    let gone = lock.iter().filter(|archive| named(recipe, &archive.name).is_none());
    reasons.extend(
        gone.map(|archive| format!("the lock uses archive `{}`, the recipe no longer does", archive.name)),
    );
    reasons
}
