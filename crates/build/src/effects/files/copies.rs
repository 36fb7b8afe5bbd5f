//! cp, mv and ucf.

use bareboat_model::ImagePath;

use super::directories::directories;
use super::{done, made, place, put, target_of, unknown};
use crate::effects::modes::{has_flag, options_and_operands};
use crate::effects::scripts::{Done, Follower, Outcome, script_of};
use crate::tree::{Kind, Node};

/// `cp [-adprT] SOURCE TARGET`
pub(in crate::effects) fn cp(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (options, operands) = options_and_operands(words);
    let Some((target, sources)) = operands.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(unknown("it names no target"));
    };
    let keeps = has_flag(&options, 'p', "preserve") || has_flag(&options, 'a', "archive");
    let keeps = keeps || options.iter().any(|option| option.starts_with("--preserve"));
    let deep = has_flag(&options, 'r', "recursive")
        || has_flag(&options, 'R', "recursive")
        || has_flag(&options, 'a', "archive");
    let stays = has_flag(&options, 'n', "no-clobber");
    let links = has_flag(&options, 'd', "no-dereference")
        || has_flag(&options, 'P', "no-dereference")
        || has_flag(&options, 'a', "archive");
    let mut made = Vec::new();
    for source in sources {
        let path = target_of(follower, source, target, has_flag(&options, 'T', "no-target-directory"));
        if stays && follower.system.tree.lookup(&place(follower, &path)?).is_some() {
            continue;
        }
        copy(follower, source, &path, keeps, deep, links)?;
        made.push(path);
    }
    made.retain(|path| !follower.place(path).is_ok_and(|place| follower.system.is_temporary(&place)));
    self::made(&made)
}

pub(super) fn copy(
    follower: &mut Follower<'_, '_>,
    source: &str,
    target: &str,
    keeps: bool,
    deep: bool,
    links: bool,
) -> Result<(), Outcome> {
    let from = place(follower, source)?;
    let found = match links {
        true => follower.system.entry(&from).map(|(real, node)| (real, node.clone())),
        false => follower.system.tree.lookup(&from).map(|(real, node)| (real, node.clone())),
    };
    let Some((real, node)) = found else { return Err(unknown(format!("`{source}` is not in the image"))) };
    let to = place(follower, target)?;
    if node.is_directory() {
        if !deep {
            return Err(unknown(format!("`{source}` is a directory")));
        }
        // Each file that is made takes the time of some steps, and stays.
        follower.costs(5000 * follower.system.tree.below(&real).count());
        if follower.is_giving_up() {
            return Err(unknown("it copies too many files"));
        }
        let below: Vec<_> = follower.system.tree.below(&real).map(|(path, _)| path.clone()).collect();
        directories(follower, &[target], |made| made.mode = node.mode & 0o7777, false)?;
        for path in below {
            let rest = &path.as_bytes()[real.as_bytes().len()..];
            let rest = String::from_utf8_lossy(rest).into_owned();
            copy_one(follower, &path, &place(follower, &format!("{target}{rest}"))?, keeps)?;
        }
        return Ok(());
    }
    copy_one(follower, &real, &to, keeps)
}

pub(super) fn copy_one(
    follower: &mut Follower<'_, '_>,
    from: &ImagePath,
    to: &ImagePath,
    keeps: bool,
) -> Result<(), Outcome> {
    let Some(node) = follower.system.tree.get(from).cloned() else { return Ok(()) };
    let known = node.content().is_none() || follower.system.content(from).is_some();
    let temporary = follower.system.is_temporary(to);
    if !known && !temporary {
        return Err(unknown(format!("what `{from}` holds by then, and `{to}`, is only known when it runs")));
    }
    let there = follower.system.tree.lookup(to).map(|(place, held)| (place, held.clone()));
    let mut copy = Node { owner: script_of(follower.package.name), ..node };
    if let Kind::File { link_group, .. } = &mut copy.kind {
        *link_group = None;
    }
    if !keeps {
        copy.mtime = follower.system.mtime;
        (copy.uid, copy.gid) = (0, 0);
        copy.mode &= 0o777 & !follower.umask;
        copy.xattrs.clear();
        if let (Some((_, held)), Kind::File { .. }) = (&there, &copy.kind) {
            (copy.mode, copy.uid, copy.gid) = (held.mode, held.uid, held.gid);
        }
    }
    let to = there.map_or_else(|| to.clone(), |(place, _)| place);
    put(follower, &to, copy)?;
    if !known {
        follower.system.forget_content(&to);
    }
    Ok(())
}

/// `mv SOURCE TARGET`, of what scripts made.
pub(in crate::effects) fn mv(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (options, operands) = options_and_operands(words);
    let [source, target] = operands[..] else { return Err(unknown("it moves several files")) };
    let path = target_of(follower, source, target, has_flag(&options, 'T', "no-target-directory"));
    let (from, to) = (place(follower, source)?, place(follower, &path)?);
    let Some((real, node)) = follower.system.entry(&from).map(|(real, node)| (real, node.clone())) else {
        return Err(unknown(format!("`{source}` is not in the image")));
    };
    if node.is_directory() {
        return Err(unknown(format!("`{source}` is a directory")));
    }
    if node.content().is_some() && follower.system.content(&from).is_none() {
        return Err(unknown(format!(
            "what `{source}` holds by then, and `{path}`, is only known when it runs"
        )));
    }
    if !follower.system.take_away(&real) {
        return Err(unknown(format!("`{source}` is a package's, and stays")));
    }
    put(follower, &to, node)?;
    done(path)
}

/// `ucf NEW CONFIG`: with nothing there yet, it copies (ucf(1)).
pub(in crate::effects) fn ucf(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let mut operands = Vec::new();
    let mut purge = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-p" | "--purge" => purge = true,
            "-d" | "-s" | "-S" | "--src-dir" | "--sum-file" | "--state-dir" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => operands.push(word),
        }
    }
    if purge {
        return Ok(None);
    }
    let [source, target] = operands[..] else { return Err(unknown("it is no complete call of ucf")) };
    let place = place(follower, target)?;
    if follower.system.tree.lookup(&place).is_some() {
        return Ok(None);
    }
    copy(follower, source, target, true, false, false)?;
    done(target)
}
