//! Why a package or a path is in an image.

use bareboat_model::{Error, ImagePath, Result};
use serde::Serialize;

use super::{BuildRequest, Workshop, load, locking, one_platform, platforms};
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
    let loaded = load(&request.recipe)?;
    let platforms = platforms(&loaded, &request.platforms)?;
    let platform = *platforms.first().ok_or_else(|| Error::new("there is no platform"))?;
    let lock = locking::current(workshop, &loaded, &request.recipe, &platforms, request.locked)?;
    let knowledge = Knowledge::of(&lock, platform)?;
    let resolution = knowledge.resolution(&loaded)?;
    let package = |name: &str| -> Result<Vec<String>> {
        let explanation = resolve::explain(&resolution, name)?;
        Ok(explanation.to_string().lines().map(str::to_owned).collect())
    };
    let lines = if what.starts_with('/') {
        let path = ImagePath::absolute(what)?;
        let (image, _) = one_platform(workshop, &loaded, &lock, platform)?;
        let missing = || Error::new(format!("cannot explain `{path}`: it is not in the image"));
        let (real, node) = image.tree.lookup(&path).ok_or_else(missing)?;
        let mut lines = Vec::new();
        if real != path {
            lines.push(format!("{path} is {real}, through links"));
        }
        let kind = match &node.kind {
            Kind::File { .. } => "file",
            Kind::Directory { .. } => "directory",
            Kind::Symlink(_) => "link that leads nowhere",
        };
        lines.push(format!("{real} is a {kind} of {}", node.owner));
        if let Owner::Package(name) = &node.owner {
            lines.extend(package(name)?);
        }
        lines
    } else {
        package(what)?
    };
    Ok(Explanation { what: what.to_owned(), lines })
}
