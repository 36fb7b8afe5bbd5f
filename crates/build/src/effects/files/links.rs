//! ln.

use bareboat_model::ImagePath;

use super::{done, place, put, target_of, unknown};
use crate::effects::modes::{has_flag, options_and_operands};
use crate::effects::scripts::{Done, Follower, script_of};
use crate::tree::{Kind, Node};

/// `ln -s[fnT] TARGET… LINK`
pub(in crate::effects) fn ln(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (options, operands) = options_and_operands(words);
    if !has_flag(&options, 's', "symbolic") {
        return Err(unknown("it makes a hard link"));
    }
    let [target, link] = operands[..] else { return Err(unknown("it makes several links at once")) };
    let is_file = has_flag(&options, 'n', "no-dereference") || has_flag(&options, 'T', "no-target-directory");
    let path = target_of(follower, target, link, is_file);
    let place = place(follower, &path)?;
    if let Some((_, node)) = follower.system.entry(&place) {
        let same = matches!(&node.kind, Kind::Symlink(held) if held == target.as_bytes());
        if same || !has_flag(&options, 'f', "force") {
            return Ok(None);
        }
    }
    let relative =
        has_flag(&options, 'r', "relative").then(|| relative_to(follower, target, &place)).flatten();
    let target = relative.as_deref().unwrap_or(target);
    let node = Node::symlink(target, follower.system.mtime, script_of(follower.package.name));
    put(follower, &place, node)?;
    if follower.system.is_temporary(&place) { Ok(None) } else { done(format!("{path} → {target}")) }
}

/// The way from a link to what it shall name, as `ln -r` finds it: both with all links followed.
pub(super) fn relative_to(follower: &Follower<'_, '_>, target: &str, link: &ImagePath) -> Option<String> {
    let target = follower.system.tree.real_path(&follower.place(target).ok()?).ok()?;
    let from = follower.system.tree.real_path(&link.parent()?).ok()?;
    let common = target.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(&b".."[..], from.components().count() - common);
    let steps: Vec<&[u8]> = up.chain(target.components().skip(common)).collect();
    String::from_utf8(steps.join(&b'/')).ok()
}
