//! Files, directories and links that scripts make and take away; here what the commands share, and touch and rm.

mod copies;
mod directories;
mod diversions;
mod install;
mod links;
mod output;

use bareboat_model::ImagePath;

use super::modes::{Mode, options_and_operands};
use super::scripts::{Done, Follower, Outcome, script_of};
use crate::tree::{Content, Node};

pub(super) use copies::{cp, mv, ucf};
pub(super) use directories::{mkdir, rmdir};
pub(super) use diversions::divert;
pub(super) use install::install;
pub(super) use links::ln;
pub(super) use output::write;

const EFFECT: &str = "files";

fn done(what: impl Into<String>) -> Done {
    Ok(Some(Outcome::done(EFFECT, what)))
}

/// Of several things that may have been made already.
fn made(what: &[impl AsRef<str>]) -> Done {
    let what: Vec<&str> = what.iter().map(AsRef::as_ref).collect();
    if what.is_empty() { Ok(None) } else { done(what.join(" ")) }
}

fn unknown(why: impl Into<String>) -> Outcome {
    Outcome::unknown(why)
}

/// A file as a script makes it.
fn new_file(follower: &Follower<'_, '_>, content: Content) -> Node {
    let mode = 0o666 & !follower.umask;
    Node::file(content, mode, follower.system.mtime, script_of(follower.package.name))
}

fn place(follower: &Follower<'_, '_>, path: &str) -> Result<ImagePath, Outcome> {
    follower.place(path).map_err(|error| unknown(error.to_string()))
}

fn put(follower: &mut Follower<'_, '_>, path: &ImagePath, node: Node) -> Result<(), Outcome> {
    follower.system.put(path, node).map_err(|error| unknown(error.to_string()))
}

/// The place for `source` in `target`, which may be a directory.
fn target_of(follower: &Follower<'_, '_>, source: &str, target: &str, is_file: bool) -> String {
    let is_directory = follower
        .place(target)
        .is_ok_and(|place| follower.system.tree.lookup(&place).is_some_and(|(_, node)| node.is_directory()));
    if is_directory && !is_file {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
        format!("{}/{name}", target.trim_end_matches('/'))
    } else {
        target.to_owned()
    }
}

/// The value behind an option.
fn value<'w>(option: &str, words: &mut std::slice::Iter<'w, String>) -> Result<&'w str, Outcome> {
    words.next().map(String::as_str).ok_or_else(|| unknown(format!("`{option}` has no value")))
}

fn mode(text: &str) -> Result<Mode, Outcome> {
    Mode::parse(text).ok_or_else(|| unknown(format!("`{text}` is no mode that is understood")))
}

/// Takes away what scripts made. What a package brought stays, and that is told.
pub(super) fn rm(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (_, paths) = options_and_operands(words);
    let mut kept = None;
    for path in paths {
        if !follower.place(path).is_ok_and(|place| follower.system.take_away(&place)) {
            kept = Some(path);
        }
    }
    kept.map_or(Ok(None), |path| Err(unknown(format!("`{path}` is a package's, and stays"))))
}

pub(super) fn touch(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (_, paths) = options_and_operands(words);
    let mut made = Vec::new();
    for path in paths {
        let place = place(follower, path)?;
        if follower.system.tree.lookup(&place).is_none() {
            let content = Content::from_bytes(Vec::new());
            let node = new_file(follower, content);
            put(follower, &place, node)?;
            made.push(path);
        }
    }
    self::made(&made)
}
