//! What meets a relation: a package by its name, or by what it provides.
//!
//! One architecture at a time, so a qualifier asks little: `:any` wants `Multi-Arch: allowed`, as apt has it.

use std::rc::Rc;

use bareboat_formats::packages::MultiArch;
use bareboat_model::{Alternatives, Arch, Context, Relation, Result, escape, parse_relations};

use super::universe::{Candidate, PackageId, Provider, Universe};

/// A package's relation fields, read, and cut down to those for the universe's architecture.
#[derive(Debug)]
pub(super) struct Relations {
    /// `Pre-Depends`, then `Depends`; in the order of the fields.
    pub(super) needs: Vec<Rc<Alternatives>>,
    /// `Conflicts`, then `Breaks`: for a set of packages to be installed together, the two mean the same.
    pub(super) refuses: Vec<Relation>,
    /// `Provides`.
    pub(super) provides: Vec<Relation>,
}

impl Relations {
    /// Reads the relations of `candidate`.
    pub(super) fn read(candidate: &Candidate<'_>, arch: Arch) -> Result<Self> {
        let control = &candidate.control;
        let read = |field: &str, text: &str| {
            parse_relations(text)
                .context(|| format!("cannot read `{field}` of package `{}`", escape(candidate.name())))
        };
        let mut needs = read("Pre-Depends", control.pre_depends)?;
        needs.extend(read("Depends", control.depends)?);
        let mut refuses = read("Conflicts", control.conflicts)?;
        refuses.extend(read("Breaks", control.breaks)?);
        let mut provides = read("Provides", control.provides)?;
        for group in needs.iter_mut().chain(&mut refuses).chain(&mut provides) {
            group.0.retain(|relation| relation.applies_to(arch));
        }
        needs.retain(|group| !group.0.is_empty());
        Ok(Self {
            needs: needs.into_iter().map(Rc::new).collect(),
            refuses: refuses.into_iter().flat_map(|group| group.0).collect(),
            provides: provides.into_iter().flat_map(|group| group.0).collect(),
        })
    }
}

impl Universe<'_> {
    /// Whether the package meets the relation under its own name.
    pub(super) fn meets_by_name(&self, id: PackageId, relation: &Relation) -> bool {
        let candidate = self.get(id);
        let qualifier = match relation.qualifier.as_deref() {
            None | Some("native") => true,
            Some("any") => candidate.control.multi_arch == MultiArch::Allowed,
            Some(arch) => arch == self.arch().debian(),
        };
        qualifier && candidate.name() == relation.name && relation.satisfied_by(&candidate.version)
    }

    /// Whether the package meets the relation, under its own name or one that it provides.
    pub(super) fn meets(&self, id: PackageId, relation: &Relation) -> bool {
        self.meets_by_name(id, relation) || self.providing(relation).any(|provider| provider.package == id)
    }

    /// The packages, of any version, that provide what the relation asks for.
    pub(super) fn providing(&self, relation: &Relation) -> impl Iterator<Item = &Provider> {
        self.providers(&relation.name).iter().filter(|provider| provides_enough(&provider.provides, relation))
    }
}

/// Debian policy 7.5: a versioned relation is met only by a `Provides` with a version.
fn provides_enough(provides: &Relation, wanted: &Relation) -> bool {
    let any = |relation: &Relation| relation.qualifier.as_deref() == Some("any");
    let version = match (&wanted.version, &provides.version) {
        (None, _) => true,
        (Some(_), Some((_, version))) => wanted.satisfied_by(version),
        (Some(_), None) => false,
    };
    version && any(provides) == any(wanted)
}
