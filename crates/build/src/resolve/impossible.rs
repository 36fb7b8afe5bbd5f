//! Tells in words why no set of packages holds together: the chain from a request down to what cannot be met.

use bareboat_model::{Alternatives, Error, Relation, escape};

use super::search::{Level, Search, Want};
use super::universe::{PackageId, Universe};

/// The error that tells the stories of the dead ends.
pub(super) fn error(stories: &[String]) -> Error {
    let error = Error::new(stories.join("; and "));
    match stories {
        [] | [_] => error,
        _ => error.with_hint("each of these ways was tried and leads nowhere"),
    }
}

/// Why nothing could be chosen at `failed`, which is no longer among the levels of `search`.
pub(super) fn story(search: &Search<'_, '_>, failed: &Level) -> String {
    match &failed.want {
        Want::Need { by, group } => {
            let causes: Vec<String> =
                group.0.iter().flat_map(|relation| causes(search, failed, relation)).collect();
            format!("{}, but {}", chain(search, *by, group), causes.join(", and "))
        }
        _ => clashes(search, failed, |_| true).join(", and "),
    }
}

/// `` a (requested) needs `b`, b needs `c (>= 2)` ``: from the request down to `group`, which the level `by` needs.
fn chain(search: &Search<'_, '_>, by: usize, group: &Alternatives) -> String {
    let mut steps = vec![step(search, by, group)];
    let mut at = by;
    while let Some(Level { want: Want::Need { by, group }, .. }) = search.levels.get(at) {
        steps.push(step(search, *by, group));
        at = *by;
    }
    steps.reverse();
    steps.join(", ")
}

fn step(search: &Search<'_, '_>, by: usize, group: &Alternatives) -> String {
    let level = &search.levels[by];
    let name = level.package().map_or("", |id| search.universe.get(id).name());
    format!("{}{} needs `{group}`", escape(name), requested(level))
}

/// What follows the name of a package that the request asks for.
fn requested(level: &Level) -> &'static str {
    if matches!(level.want, Want::Requested(_)) { " (requested)" } else { "" }
}

/// Why no package could be chosen for this one of the alternatives.
fn causes(search: &Search<'_, '_>, failed: &Level, relation: &Relation) -> Vec<String> {
    if search.preference.meeting(relation).is_empty() {
        return vec![missing(search, relation)];
    }
    clashes(search, failed, |package| search.universe.meets(package, relation))
}

/// What there is in place of what is asked for.
fn missing(search: &Search<'_, '_>, relation: &Relation) -> String {
    let universe = search.universe;
    let label = |&id: &PackageId| label(universe, id);
    let named = search.preference.versions(&relation.name);
    let name = escape(&relation.name);
    if !named.is_empty() {
        let only = named.iter().map(label).collect::<Vec<_>>().join(" and ");
        let right_version = named.iter().any(|&id| relation.satisfied_by(&universe.get(id).version));
        return match relation.qualifier.as_ref().filter(|_| right_version) {
            Some(qualifier) => format!("the archive has only {only}, which does not serve `:{qualifier}`"),
            None => format!("the archive has only {only}"),
        };
    }
    let unversioned = universe.providers(&relation.name).first();
    match unversioned.filter(|_| relation.version.is_some()) {
        Some(provider) => {
            let how = &provider.provides;
            format!("the archive has only {}, which provides `{how}`", label(&provider.package))
        }
        None => format!("the archive has no package {name}"),
    }
}

/// Why those packages that were tried at `failed` and that are `about` it cannot be chosen.
fn clashes(search: &Search<'_, '_>, failed: &Level, about: impl Fn(PackageId) -> bool) -> Vec<String> {
    let requested = requested(failed);
    let clashes = failed.clashes.iter().filter(|clash| about(clash.package));
    clashes
        .filter_map(|clash| {
            let with = search.levels.get(clash.with)?;
            let other = with.package()?;
            let reason = match &with.want {
                Want::Need { by, group } => chain(search, *by, group),
                Want::Installed(_) => "the base image has it".to_owned(),
                _ => format!("{} is requested", escape(search.universe.get(other).name())),
            };
            let verb = match search.universe.get(clash.package).name() == search.universe.get(other).name() {
                true => "cannot be had beside",
                false => "conflicts with",
            };
            let (package, other) = (label(search.universe, clash.package), label(search.universe, other));
            Some(format!("{package}{requested} {verb} {other}, and {reason}"))
        })
        .collect()
}

/// `libc6 2.36-9`
fn label(universe: &Universe<'_>, id: PackageId) -> String {
    let candidate = universe.get(id);
    format!("{} {}", escape(candidate.name()), candidate.version)
}
