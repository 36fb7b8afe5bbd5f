//! mkdir and rmdir.

use bareboat_model::ImagePath;

use super::{made, mode, place, put, unknown, value};
use crate::effects::modes::options_and_operands;
use crate::effects::scripts::{Done, Follower, Outcome, script_of};
use crate::tree::{Kind, Node};

/// `mkdir [-p] [-m MODE] DIR…`
pub(in crate::effects) fn mkdir(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (mut given, mut paths) = (None, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-m" | "--mode" | "-pm" => given = Some(mode(value(word, &mut words)?)?),
            word if word.starts_with("-m") => given = Some(mode(&word[2..])?),
            word if word.starts_with("-pm") => given = Some(mode(&word[3..])?),
            word if word.starts_with("--mode=") => given = Some(mode(&word[7..])?),
            word if word.starts_with('-') => {}
            path => paths.push(path),
        }
    }
    let mode = given.map_or(0o777 & !follower.umask, |mode| mode.apply(0o777, true));
    directories(follower, &paths, |node| node.mode = mode, false)
}

/// Makes directories; those that are there stay as they are, unless `always`.
pub(super) fn directories(
    follower: &mut Follower<'_, '_>,
    paths: &[&str],
    set: impl Fn(&mut Node),
    always: bool,
) -> Done {
    let mut made = Vec::new();
    for path in paths {
        let place = place(follower, path)?;
        let there = follower.system.tree.lookup(&place).map(|(real, node)| (real, node.is_directory()));
        match there {
            Some((real, true)) => {
                if always {
                    follower.system.change(&real, false, &set);
                    made.push(*path);
                }
                // Made for its own sake from now on.
                follower.system.tree.change(&real, &|node| {
                    if let Kind::Directory { implied } = &mut node.kind {
                        *implied = false;
                    }
                });
            }
            Some((_, false)) => return Err(unknown(format!("`{path}` is there, and no directory"))),
            None => {
                let mut node = Node::directory(0o755, script_of(follower.package.name));
                set(&mut node);
                make_parents(follower, &place)?;
                put(follower, &place, node)?;
                made.push(*path);
            }
        }
    }
    self::made(&made)
}

/// Directories above, for their own sake: a script that makes them wants them.
pub(super) fn make_parents(follower: &mut Follower<'_, '_>, path: &ImagePath) -> Result<(), Outcome> {
    let missing: Vec<ImagePath> = std::iter::successors(path.parent(), ImagePath::parent)
        .take_while(|parent| !parent.is_root() && follower.system.tree.lookup(parent).is_none())
        .collect();
    for parent in missing.into_iter().rev() {
        put(follower, &parent, Node::directory(0o755, script_of(follower.package.name)))?;
    }
    Ok(())
}

pub(in crate::effects) fn rmdir(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (_, paths) = options_and_operands(words);
    let mut kept = None;
    for path in paths {
        let Ok(place) = follower.place(path) else { continue };
        if follower.system.tree.is_empty_directory(&place) && !follower.system.take_away(&place) {
            kept = Some(path);
        }
    }
    kept.map_or(Ok(None), |path| Err(unknown(format!("`{path}` is a package's"))))
}
