//! Whether a lock still serves what a recipe asks for. Decided from the two alone, so also offline.

use std::collections::BTreeMap;

use bareboat_model::Platform;

use super::{BaseImage, Lock, Request, RequestedArchive};

/// Whether a lock serves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Satisfaction {
    /// It does.
    Yes,
    /// It does not, for these reasons, each in words such as ``the recipe asks for `libpq5`, the lock does not``.
    No(Vec<String>),
}

impl Lock {
    /// Whether this lock serves `request` on `base` for `platforms`. A lock for further platforms does.
    pub fn satisfies(
        &self,
        request: &Request,
        base: Option<&BaseImage>,
        platforms: &[Platform],
    ) -> Satisfaction {
        let mut reasons = Vec::new();
        if self.request.suite != request.suite {
            reasons.push(differ("suite", &request.suite, &self.request.suite));
        }
        if self.request.components != request.components {
            let lists = (request.components.join(", "), self.request.components.join(", "));
            reasons.push(differ("the components", &lists.0, &lists.1));
        }
        reasons.extend(base_reason(base, self.base.as_ref()));
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

/// Why the base image of a lock is not that of a recipe, if it is not.
pub fn base_reason(recipe: Option<&BaseImage>, lock: Option<&BaseImage>) -> Option<String> {
    match (recipe, lock) {
        (Some(recipe), Some(lock)) if recipe.reference == lock.reference => {
            let (now, then) = (recipe.digest, lock.digest);
            (now != then)
                .then(|| format!("the base image `{}` is {now}, the lock is for {then}", recipe.reference))
        }
        (None, None) => None,
        (recipe, lock) => {
            let name = |base: Option<&BaseImage>| {
                base.map_or("no image".to_owned(), |it| format!("`{}`", it.reference))
            };
            Some(format!("the recipe builds on {}, the lock on {}", name(recipe), name(lock)))
        }
    }
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
