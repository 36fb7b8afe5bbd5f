//! dpkg-divert.

use super::unknown;
use crate::effects::modes::options_and_operands;
use crate::effects::scripts::{Done, Follower, script_of};
use crate::tree::{Node, Owner};

/// `dpkg-divert --add FILE`: of consequence only where another package has the file.
pub(in crate::effects) fn divert(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (options, operands) = options_and_operands(words);
    if options.iter().any(|option| matches!(*option, "--remove" | "--list" | "--listpackage" | "--truename"))
    {
        return Ok(None);
    }
    let diverted = operands.last().copied().unwrap_or_default();
    let Ok(place) = follower.place(diverted) else {
        return Err(unknown("it is no complete call of dpkg-divert"));
    };
    let own = script_of(follower.package.name);
    match follower.system.entry(&place) {
        // The links of merged /usr are where they belong.
        Some((place, _)) if place.components().count() == 1 => Ok(None),
        Some((_, node)) if !is_of(node, &own, follower.package.name) => {
            Err(unknown(format!("`{diverted}` is another package's, and stays in its place")))
        }
        _ => Ok(None),
    }
}

pub(super) fn is_of(node: &Node, own: &Owner, package: &str) -> bool {
    node.owner == *own || matches!(&node.owner, Owner::Package(name) if **name == *package)
}
