//! Output into files.

use super::{done, new_file, place, put, unknown};
use crate::effects::scripts::{Done, Follower, script_of};
use crate::tree::{Content, Kind};

/// The longest file that is copied by reading it, for output that is appended.
const LARGEST_APPENDED: u64 = 1 << 20;

/// Output into a file; `text` is none when only running the command would tell.
pub(in crate::effects) fn write(
    follower: &mut Follower<'_, '_>,
    path: Option<&str>,
    text: Option<&str>,
    append: bool,
) -> Done {
    let Some(path) = path else { return Err(unknown("which file it writes is only known when it runs")) };
    if follower.is_doubtful() {
        return Err(unknown(format!(
            "whether the script comes here, and writes `{path}`, is only known when it runs"
        )));
    }
    let place = place(follower, path)?;
    let temporary = follower.system.is_temporary(&place);
    let mut bytes = Vec::new();
    let mut known = text.is_some();
    let exists = follower.system.tree.lookup(&place).is_some();
    if append && exists {
        match follower.system.content(&place).map(|content| content.read(LARGEST_APPENDED)) {
            Some(Ok(before)) => bytes = before,
            _ => known = false,
        }
    }
    if !known && !temporary {
        return Err(unknown(format!("what it writes to `{path}` is only known when it runs")));
    }
    follower.costs(100 * (bytes.len() + text.unwrap_or_default().len()));
    bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
    let content = Content::from_bytes(bytes);
    let place = follower.system.tree.real_path(&place).unwrap_or(place);
    if exists {
        // Mode and owner stay, as when a shell writes to what is there.
        let same = follower.system.tree.get(&place).is_some_and(|node| node.content() == Some(&content));
        if known && same {
            return Ok(None);
        }
        let (mtime, owner) = (follower.system.mtime, script_of(follower.package.name));
        follower.system.tree.change(&place, &|node| {
            if let Kind::File { content: held, .. } = &mut node.kind {
                *held = content.clone();
                (node.mtime, node.owner) = (mtime, owner.clone());
            }
        });
    } else {
        let node = new_file(follower, content);
        put(follower, &place, node)?;
    }
    if !known {
        follower.system.forget_content(&place);
    }
    if temporary { Ok(None) } else { done(path) }
}
