//! Says why a package is in: the chain from the recipe down to it, and all that need it.

use std::fmt;

use bareboat_model::{Error, Result, escape};

use super::satisfy::Relations;
use super::universe::in_backticks;
use super::{Resolution, Selected, Why};

/// Why a package is in. Displays as a sentence, with a line for each other package that needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The package.
    pub package: String,
    /// From the package up to one that a recipe asks for; empty when a recipe asks for the package itself.
    pub chain: Vec<Link>,
    /// Who asks, in words.
    pub asked_by: String,
    /// All chosen packages that need it directly, sorted by name.
    pub needed_by: Vec<Link>,
}

/// That one package needs another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Link {
    /// The package that needs.
    pub by: String,
    /// What it asks for, as in its control file.
    pub relation: String,
}

/// Explains why the package `name` was chosen. `asker` says which recipe asks for a package, in words.
///
/// # Errors
/// When it was not.
pub fn explain(
    resolution: &Resolution<'_>,
    name: &str,
    asker: impl FnOnce(&str) -> String,
) -> Result<Explanation> {
    if !resolution.packages.iter().any(|selected| selected.package.name() == name) {
        return Err(not_in(resolution, name));
    }
    let chain = chain(resolution, name);
    let top = chain.last().map_or(name, |link| &link.by);
    let is_in_place =
        |selected: &Selected<'_>| selected.package.name() == top && selected.why == Why::InPlaceOfImages;
    let asked_by = match resolution.packages.iter().any(is_in_place) {
        true => "what does not go with the version in the base image".to_owned(),
        false => asker(top),
    };
    Ok(Explanation { package: name.to_owned(), chain, asked_by, needed_by: needed_by(resolution, name)? })
}

fn not_in(resolution: &Resolution<'_>, name: &str) -> Error {
    let error = Error::new(format!("cannot explain `{}`: it is not among the packages", escape(name)));
    let left_out: Vec<&str> = resolution
        .left_out
        .iter()
        .filter(|left_out| left_out.relation.split([' ', ':']).any(|word| word == name))
        .map(|left_out| &*left_out.by)
        .collect();
    if !left_out.is_empty() {
        return error.with_hint(format!(
            "the recipe does `without` it; it is a dependency of {}",
            in_backticks(&left_out)
        ));
    }
    let near = resolution.universe.nearest_names(name);
    match near
        .iter()
        .find(|near| resolution.packages.iter().any(|selected| selected.package.name() == **near))
    {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// Every package was chosen for one that was chosen before it, so this ends.
fn chain(resolution: &Resolution<'_>, name: &str) -> Vec<Link> {
    let mut chain = Vec::new();
    let mut below = name;
    for selected in resolution.packages.iter().rev().skip_while(|selected| selected.package.name() != name) {
        if let Why::DependencyOf { by, relation } = &selected.why
            && selected.package.name() == below
        {
            chain.push(Link { by: by.clone(), relation: relation.clone() });
            below = by;
        }
    }
    chain
}

fn needed_by(resolution: &Resolution<'_>, name: &str) -> Result<Vec<Link>> {
    let universe = resolution.universe;
    let ids = || resolution.packages.iter().map(|selected| (selected.id, selected.package));
    let Some((id, _)) = ids().find(|(_, package)| package.name() == name) else {
        return Ok(Vec::new());
    };
    let mut links = Vec::new();
    for (_, package) in ids() {
        for group in Relations::read(package, universe.arch())?.needs {
            if group.0.iter().any(|relation| universe.meets(id, relation)) {
                links.push(Link { by: package.name().to_owned(), relation: group.to_string() });
            }
        }
    }
    links.sort_unstable();
    links.dedup();
    Ok(links)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is in because ", escape(&self.package))?;
        let asker = escape(&self.asked_by);
        match &self.chain[..] {
            [] => write!(f, "{asker} asks for it")?,
            chain => {
                let links: Vec<String> = chain.iter().map(ToString::to_string).collect();
                write!(f, "{}, which {asker} asks for", links.join(", which is in because "))?;
            }
        }
        let others: Vec<&Link> =
            self.needed_by.iter().filter(|link| self.chain.first() != Some(link)).collect();
        others.iter().try_for_each(|link| write!(f, "\nalso {link}"))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs `{}`", escape(&self.by), escape(&self.relation))
    }
}
