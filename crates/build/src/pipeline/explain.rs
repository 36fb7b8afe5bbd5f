//! Why a package or a path is in an image.

use bareboat_model::{Error, ImagePath, Result};
use serde::Serialize;

use super::project::Project;
use super::{Assembled, BuildRequest, Workshop, locking, one_platform};
use crate::recipe::Loaded;
use crate::relock::Knowledge;
use crate::resolve;
use crate::tree::{Kind, Owner};

/// Why something is in.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What was asked about: a package or a path.
    pub what: String,
    /// Why, in words, a sentence a line.
    pub lines: Vec<String>,
}

/// Says why a package (by name), or the path of a file (from `/`), is in the recipe's image. For the first of its
/// platforms; writes neither lock nor image.
///
/// # Errors
/// When it is not in, or the recipe cannot be resolved or assembled.
pub fn explain(workshop: &Workshop<'_>, request: &BuildRequest, what: &str) -> Result<Explanation> {
    let project = Project::load(workshop, &request.recipe, &request.platforms)?;
    let Project { loaded, bases, platforms, .. } = &project;
    let platform = *platforms.first().ok_or_else(|| Error::new("there is no platform"))?;
    let lock = locking::current(workshop, &project, request.locked)?;
    let knowledge = Knowledge::of(&lock, bases, platform)?;
    let resolution = knowledge.resolution(loaded)?;
    let package = |name: &str| -> Result<Vec<String>> {
        let chosen = resolution.packages.iter().any(|selected| selected.package.name() == name);
        if !chosen && knowledge.is_in_image(name) {
            return Ok(vec![format!("{name} is in because the base image has it")]);
        }
        let explanation = resolve::explain(&resolution, name, |package| asker(loaded, package))?;
        Ok(explanation.to_string().lines().map(str::to_owned).collect())
    };
    let lines = if what.starts_with('/') {
        let path = ImagePath::absolute(what)?;
        let (image, _) = one_platform(workshop, &project, &lock, platform, request)?;
        let (mut lines, owner) = explain_path(&image, &path)?;
        if let Owner::Package(name) = &owner {
            lines.extend(package(name)?);
        }
        lines
    } else {
        package(what)?
    };
    Ok(Explanation { what: what.to_owned(), lines })
}

/// The lowest recipe of the chain that names the package.
fn asker(loaded: &Loaded, package: &str) -> String {
    let bases = loaded.tiers.split_last().map_or(&[][..], |(_, bases)| bases);
    let base = bases.iter().find(|tier| tier.packages.iter().any(|name| name == package));
    base.map_or_else(|| "the recipe".to_owned(), |tier| format!("the base `{}`", tier.name))
}

/// What is at the path, and whose it is.
fn explain_path(image: &Assembled, path: &ImagePath) -> Result<(Vec<String>, Owner)> {
    let Some((real, node)) = image.tree.lookup(path) else { return explain_absence(image, path) };
    let mut lines = Vec::new();
    if real != *path {
        lines.push(format!("{path} is {real}, through links"));
    }
    let kind = match &node.kind {
        Kind::File { .. } => "file",
        Kind::Directory { .. } => "directory",
        Kind::Symlink(_) => "link that leads nowhere",
    };
    lines.push(format!("{real} is a {kind} of {}", node.owner));
    Ok((lines, node.owner.clone()))
}

fn explain_absence(image: &Assembled, path: &ImagePath) -> Result<(Vec<String>, Owner)> {
    let (package, set) = image.pruned.paths.get(path).ok_or_else(|| {
        Error::new(format!("cannot explain `{path}`: it is not in the image, and nothing would bring it"))
    })?;
    let line = format!("{path} is not in the image: prune leaves it out ({set}), unless prune.keep names it");
    let owner = Owner::Package(package.clone());
    Ok((vec![line, format!("it is a file of {owner}")], owner))
}
