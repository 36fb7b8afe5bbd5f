//! install.

use super::copies::copy;
use super::directories::{directories, make_parents};
use super::{made, mode, new_file, place, put, target_of, unknown, value};
use crate::effects::modes::owner;
use crate::effects::scripts::{Done, Follower};
use crate::tree::{Content, Node};

/// `install [-d] [-m MODE] [-o USER] [-g GROUP] …` (install(1)).
pub(in crate::effects) fn install(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (mut given, mut user, mut group, mut operands) = (None, None, None, Vec::new());
    let (mut directory, mut keeps, mut parents, mut into) = (false, false, false, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=') {
                Some(("mode", value)) => given = Some(mode(value)?),
                Some(("owner", value)) => user = Some(value.to_owned()),
                Some(("group", value)) => group = Some(value.to_owned()),
                None if long == "directory" => directory = true,
                None if matches!(long, "mode" | "owner" | "group") => {
                    let value = value(word, &mut words)?;
                    match long {
                        "mode" => given = Some(mode(value)?),
                        "owner" => user = Some(value.to_owned()),
                        _ => group = Some(value.to_owned()),
                    }
                }
                _ => {}
            }
            continue;
        }
        let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            operands.push(word.as_str());
            continue;
        };
        // Letters may stand together, the last with its value: -dm0750, -dm 0750.
        for (at, flag) in flags.char_indices() {
            match flag {
                'd' => directory = true,
                'D' => parents = true,
                'p' => keeps = true,
                'm' | 'o' | 'g' | 't' => {
                    let rest = &flags[at + 1..];
                    let value = if rest.is_empty() { value(word, &mut words)? } else { rest };
                    match flag {
                        'm' => given = Some(mode(value)?),
                        'o' => user = Some(value.to_owned()),
                        'g' => group = Some(value.to_owned()),
                        _ => into = Some(value.to_owned()),
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    let named = format!("{}:{}", user.as_deref().unwrap_or_default(), group.as_deref().unwrap_or_default());
    let named = if group.is_none() { user.unwrap_or_default() } else { named };
    let (uid, gid) = owner(follower.system, &named).map_err(unknown)?;
    let set = |node: &mut Node| {
        node.mode = given.as_ref().map_or(0o755, |mode| mode.apply(0, node.is_directory()));
        (node.uid, node.gid) = (uid.unwrap_or(0), gid.unwrap_or(0));
    };
    if directory {
        return directories(follower, &operands, set, true);
    }
    let target = match (&into, operands.len()) {
        (Some(into), _) => into.clone(),
        (None, 2..) => operands.pop().unwrap_or_default().to_owned(),
        _ => return Err(unknown("it names no target")),
    };
    let mut made = Vec::new();
    for source in &operands {
        let path = target_of(follower, source, &target, false);
        let to = place(follower, &path)?;
        if parents {
            make_parents(follower, &to)?;
        }
        match *source {
            "/dev/null" => {
                let content = Content::from_bytes(Vec::new());
                let node = new_file(follower, content);
                put(follower, &to, node)?;
            }
            _ => copy(follower, source, &path, keeps, false, false)?,
        }
        follower.system.change(&to, false, &set);
        made.push(path);
    }
    self::made(&made)
}
