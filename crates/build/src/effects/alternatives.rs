//! /etc/alternatives: names that several packages offer (update-alternatives(1)), such as `awk` and `java`.
//!
//! Scripts offer them (`update-alternatives --install`); when all that is pruned is gone, the offer of the highest priority
//! whose file is in the image is taken. Between two of the same priority, the first stays, as with update-alternatives.

use std::collections::BTreeMap;

use bareboat_model::{ImagePath, Result};

use super::scripts::{Done, Follower, Outcome, script_of};
use super::{Applied, Setting};
use crate::tree::{Node, Owner, Precedence, Tree};

const EFFECT: &str = "alternatives";

/// All alternatives that the packages of an image offer, by the name of the group.
#[derive(Clone, Debug, Default)]
pub struct Alternatives {
    groups: BTreeMap<String, Vec<Offer>>,
}

/// One way to fill a name.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Offer {
    package: String,
    priority: i64,
    /// The generic link, the name, and the file; the first is the master, the others follow it.
    links: Vec<[String; 3]>,
}

/// `update-alternatives --install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…`
pub(super) fn install(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    while let Some(at) =
        words.iter().position(|word| matches!(*word, "--quiet" | "--force" | "--verbose" | "--skip-auto"))
    {
        words.remove(at);
    }
    match words.split_first() {
        Some((&"--install", rest)) => {
            let Some(offer) = parse(rest, follower.package.name) else {
                return Err(Outcome::unknown("it is no complete call of update-alternatives"));
            };
            let name = offer.links[0][1].clone();
            let offers = follower.system.alternatives.groups.entry(name.clone()).or_default();
            // The same file again replaces what it said before.
            offers.retain(|held| held.links[0][2] != offer.links[0][2]);
            offers.push(offer);
            Ok(Some(Outcome::done(EFFECT, name)))
        }
        Some((&("--remove" | "--remove-all" | "--auto"), _)) => Ok(None),
        _ => Err(Outcome::unknown("it chooses an alternative by hand")),
    }
}

fn parse(words: &[&str], package: &str) -> Option<Offer> {
    let [link, name, path, priority, rest @ ..] = words else { return None };
    let entry = |words: [&str; 3]| {
        let sound = words[0].starts_with('/') && words[2].starts_with('/') && is_name(words[1]);
        sound.then(|| words.map(str::to_owned))
    };
    let mut links = vec![entry([link, name, path])?];
    for slave in rest.chunks(4) {
        match slave {
            ["--slave" | "--follower", link, name, path] => links.push(entry([link, name, path])?),
            _ => return None,
        }
    }
    Some(Offer { package: package.to_owned(), priority: priority.parse().ok()?, links })
}

/// A name is a file of /etc/alternatives.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains('/')
}

/// Makes the links, of what is in the image by now.
pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let made = choose(tree, setting.alternatives, setting.mtime)?;
    Ok((!made.is_empty()).then(|| Applied { effect: EFFECT, what: made.join(", ") }))
}

/// The names that were filled.
fn choose<'a>(tree: &mut Tree, alternatives: &'a Alternatives, mtime: i64) -> Result<Vec<&'a str>> {
    let mut made = Vec::new();
    for (name, offers) in &alternatives.groups {
        let is_there = |path: &str| ImagePath::absolute(path).is_ok_and(|path| tree.lookup(&path).is_some());
        let usable = offers.iter().rev().filter(|offer| is_there(&offer.links[0][2]));
        let Some(best) = usable.max_by_key(|offer| offer.priority) else { continue };
        let present: Vec<&[String; 3]> = best.links.iter().filter(|[_, _, path]| is_there(path)).collect();
        let mut linked = false;
        for [link, name, path] in present {
            let choice = format!("/etc/alternatives/{name}");
            let owner = script_of(&best.package);
            // What is there already is the recipe's, the base image's, or another package's own program.
            let free = |tree: &Tree, path: &ImagePath| {
                tree.real_parent(path).is_ok_and(|place| {
                    tree.get(&place)
                        .is_none_or(|node| matches!(node.owner, Owner::Script(_) | Owner::Effect(_)))
                })
            };
            let (link, chosen) = (ImagePath::absolute(link)?, ImagePath::absolute(&choice)?);
            if !free(tree, &link) || !free(tree, &chosen) {
                continue;
            }
            for (place, target) in [(&chosen, path.as_str()), (&link, choice.as_str())] {
                let node = Node::symlink(target, mtime, owner.clone());
                tree.place(place, node, &|_, _, _| Precedence::Holder)?;
            }
            linked = true;
        }
        if linked {
            made.push(name.as_str());
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Content;

    #[test]
    fn only_names_that_were_linked_are_told() {
        for (held, expected) in
            [(None, &["awk"][..]), (Some("/usr/bin/awk"), &[]), (Some("/etc/alternatives/awk"), &[])]
        {
            let mut tree = Tree::new();
            for path in ["/usr/bin/mawk"].into_iter().chain(held) {
                let node = Node::file(Content::from_bytes(Vec::new()), 0o755, 0, Owner::Package("p".into()));
                tree.place(&ImagePath::absolute(path).unwrap(), node, &|_, _, _| Precedence::Refuse).unwrap();
            }
            let words = ["/usr/bin/awk", "awk", "/usr/bin/mawk", "5"];
            let offers = vec![parse(&words, "mawk").unwrap()];
            let alternatives = Alternatives { groups: BTreeMap::from([("awk".to_owned(), offers)]) };
            assert_eq!(choose(&mut tree, &alternatives, 0).unwrap(), expected, "{held:?}");
        }
    }
}
