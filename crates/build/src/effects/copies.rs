//! Files, directories and links that scripts make: mkdir, touch, ln, cp, mv, rm, install, ucf, and output into files.

use bareboat_model::ImagePath;

use super::modes::{Mode, has_flag, options_and_operands, owner};
use super::scripts::{Follower, Outcome, script_of};
use crate::tree::{Content, Kind, Node};

const EFFECT: &str = "files";
/// The longest file that is copied by reading it, for output that is appended.
const LARGEST_APPENDED: u64 = 1 << 20;

fn done(what: impl Into<String>) -> Option<Outcome> {
    Some(Outcome::done(EFFECT, what))
}

fn unknown(why: impl Into<String>) -> Option<Outcome> {
    Some(Outcome::unknown(why))
}

/// A file as a script makes it.
fn new_file(follower: &Follower<'_, '_>, content: Content) -> Node {
    let mode = 0o666 & !follower.umask;
    Node::file(content, mode, follower.system.mtime, script_of(follower.package.name))
}

fn place(follower: &Follower<'_, '_>, path: &str) -> Result<ImagePath, Option<Outcome>> {
    follower.place(path).map_err(|error| unknown(error.to_string()))
}

/// Makes `?` work where an outcome is what comes back.
fn settle(result: Result<Option<Outcome>, Option<Outcome>>) -> Option<Outcome> {
    result.unwrap_or_else(|outcome| outcome)
}

fn put(follower: &mut Follower<'_, '_>, path: &ImagePath, node: Node) -> Result<(), Option<Outcome>> {
    follower.system.put(path, node).map_err(|error| unknown(error.to_string()))
}

/// Output into a file; `text` is none when only running the command would tell.
pub(super) fn write(
    follower: &mut Follower<'_, '_>,
    path: Option<&str>,
    text: Option<&str>,
    append: bool,
) -> Option<Outcome> {
    let Some(path) = path else { return unknown("which file it writes is only known when it runs") };
    if follower.is_doubtful() {
        return unknown(format!(
            "whether the script comes here, and writes `{path}`, is only known when it runs"
        ));
    }
    let place = match place(follower, path) {
        Ok(place) => place,
        Err(outcome) => return outcome,
    };
    settle((|| {
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
        Ok(if temporary { None } else { Some(Outcome::done(EFFECT, path)) })
    })())
}

/// `mkdir [-p] [-m MODE] DIR…`
pub(super) fn mkdir(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (mut mode, mut paths) = (None, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-m" | "--mode" => mode = words.next().and_then(|mode| Mode::parse(mode)),
            word if word.starts_with("-m") => mode = Mode::parse(&word[2..]),
            word if word.starts_with("--mode=") => mode = Mode::parse(&word[7..]),
            "-pm" => mode = words.next().and_then(|mode| Mode::parse(mode)),
            word if word.starts_with('-') => {}
            path => paths.push(path),
        }
    }
    let mode = mode.map_or(0o777 & !follower.umask, |mode| mode.apply(0o777, true));
    settle(directories(follower, &paths, |node| node.mode = mode, false))
}

/// Makes directories; those that are there stay as they are, unless `always`.
fn directories(
    follower: &mut Follower<'_, '_>,
    paths: &[&str],
    set: impl Fn(&mut Node),
    always: bool,
) -> Result<Option<Outcome>, Option<Outcome>> {
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
    Ok((!made.is_empty()).then(|| Outcome::done(EFFECT, made.join(" "))))
}

/// Directories above, for their own sake: a script that makes them wants them.
fn make_parents(follower: &mut Follower<'_, '_>, path: &ImagePath) -> Result<(), Option<Outcome>> {
    let missing: Vec<ImagePath> = std::iter::successors(path.parent(), ImagePath::parent)
        .take_while(|parent| !parent.is_root() && follower.system.tree.lookup(parent).is_none())
        .collect();
    for parent in missing.into_iter().rev() {
        put(follower, &parent, Node::directory(0o755, script_of(follower.package.name)))?;
    }
    Ok(())
}

pub(super) fn rmdir(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (_, paths) = options_and_operands(words);
    let mut kept = None;
    for path in paths {
        let Ok(place) = follower.place(path) else { continue };
        if follower.system.tree.is_empty_directory(&place) && !follower.system.take_away(&place) {
            kept = Some(path);
        }
    }
    kept.and_then(|path| unknown(format!("`{path}` is a package's")))
}

/// Takes away what scripts made. What a package brought stays, and that is told.
pub(super) fn rm(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (_, paths) = options_and_operands(words);
    let mut kept = None;
    for path in paths {
        if !follower.place(path).is_ok_and(|place| follower.system.take_away(&place)) {
            kept = Some(path);
        }
    }
    kept.and_then(|path| unknown(format!("`{path}` is a package's, and stays")))
}

pub(super) fn touch(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (_, paths) = options_and_operands(words);
    settle((|| {
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
        Ok((!made.is_empty()).then(|| Outcome::done(EFFECT, made.join(" "))))
    })())
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

/// `ln -s[fnT] TARGET… LINK`
pub(super) fn ln(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (options, operands) = options_and_operands(words);
    if !has_flag(&options, 's', "symbolic") {
        return unknown("it makes a hard link");
    }
    let [target, link] = operands[..] else { return unknown("it makes several links at once") };
    let is_file = has_flag(&options, 'n', "no-dereference") || has_flag(&options, 'T', "no-target-directory");
    let path = target_of(follower, target, link, is_file);
    settle((|| {
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
        Ok(if follower.system.is_temporary(&place) { None } else { done(format!("{path} → {target}")) })
    })())
}

/// The way from a link to what it shall name, as `ln -r` finds it: both with all links followed.
fn relative_to(follower: &Follower<'_, '_>, target: &str, link: &ImagePath) -> Option<String> {
    let target = follower.system.tree.real_path(&follower.place(target).ok()?).ok()?;
    let from = follower.system.tree.real_path(&link.parent()?).ok()?;
    let common = target.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(&b".."[..], from.components().count() - common);
    let steps: Vec<&[u8]> = up.chain(target.components().skip(common)).collect();
    String::from_utf8(steps.join(&b'/')).ok()
}

/// `cp [-adprT] SOURCE TARGET`
pub(super) fn cp(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (options, operands) = options_and_operands(words);
    let (target, sources) = operands.split_last()?;
    let keeps = has_flag(&options, 'p', "preserve") || has_flag(&options, 'a', "archive");
    let keeps = keeps || options.iter().any(|option| option.starts_with("--preserve"));
    let deep = ["-r", "-R", "-a"]
        .iter()
        .any(|flag| has_flag(&options, flag.chars().nth(1).unwrap_or('r'), "recursive"));
    let stays = has_flag(&options, 'n', "no-clobber");
    let links = has_flag(&options, 'd', "no-dereference")
        || has_flag(&options, 'P', "no-dereference")
        || has_flag(&options, 'a', "archive");
    settle((|| {
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
        Ok((!made.is_empty()).then(|| Outcome::done(EFFECT, made.join(" "))))
    })())
}

fn copy(
    follower: &mut Follower<'_, '_>,
    source: &str,
    target: &str,
    keeps: bool,
    deep: bool,
    links: bool,
) -> Result<(), Option<Outcome>> {
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

fn copy_one(
    follower: &mut Follower<'_, '_>,
    from: &ImagePath,
    to: &ImagePath,
    keeps: bool,
) -> Result<(), Option<Outcome>> {
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
pub(super) fn mv(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (options, operands) = options_and_operands(words);
    let [source, target] = operands[..] else { return unknown("it moves several files") };
    let path = target_of(follower, source, target, has_flag(&options, 'T', "no-target-directory"));
    settle((|| {
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
        Ok(done(path))
    })())
}

/// `install [-d] [-m MODE] [-o USER] [-g GROUP] …` (install(1)).
pub(super) fn install(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (mut mode, mut user, mut group, mut operands) = (None, None, None, Vec::new());
    let (mut directory, mut keeps, mut parents, mut into) = (false, false, false, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=') {
                Some(("mode", value)) => mode = Mode::parse(value),
                Some(("owner", value)) => user = Some(value.to_owned()),
                Some(("group", value)) => group = Some(value.to_owned()),
                None if long == "directory" => directory = true,
                None if matches!(long, "mode" | "owner" | "group") => {
                    let value = words.next()?;
                    match long {
                        "mode" => mode = Mode::parse(value),
                        "owner" => user = Some(value.clone()),
                        _ => group = Some(value.clone()),
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
                    let value = if rest.is_empty() { words.next()?.as_str() } else { rest };
                    match flag {
                        'm' => mode = Some(Mode::parse(value)?),
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
    let (uid, gid) = match owner(follower.system, &named) {
        Ok(numbers) => numbers,
        Err(why) => return unknown(why),
    };
    let set = |node: &mut Node| {
        node.mode = mode.as_ref().map_or(0o755, |mode| mode.apply(0, node.is_directory()));
        (node.uid, node.gid) = (uid.unwrap_or(0), gid.unwrap_or(0));
    };
    if directory {
        return settle(directories(follower, &operands, set, true));
    }
    settle((|| {
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
        Ok((!made.is_empty()).then(|| Outcome::done(EFFECT, made.join(" "))))
    })())
}

/// `ucf NEW CONFIG`: with nothing there yet, it copies (ucf(1)).
pub(super) fn ucf(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
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
    let [source, target] = operands[..] else { return None };
    if purge || follower.place(target).is_ok_and(|place| follower.system.tree.lookup(&place).is_some()) {
        return None;
    }
    settle(copy(follower, source, target, true, false, false).map(|()| Some(Outcome::done(EFFECT, target))))
}

/// `dpkg-divert --add FILE`: of consequence only where another package has the file.
pub(super) fn divert(follower: &mut Follower<'_, '_>, words: &[String]) -> Option<Outcome> {
    let (options, operands) = options_and_operands(words);
    if options.iter().any(|option| matches!(*option, "--remove" | "--list" | "--listpackage" | "--truename"))
    {
        return None;
    }
    let diverted = operands.last().copied().unwrap_or_default();
    let Ok(place) = follower.place(diverted) else {
        return unknown("it is no complete call of dpkg-divert");
    };
    let own = script_of(follower.package.name);
    match follower.system.entry(&place) {
        // The links of merged /usr are where they belong.
        Some((place, _)) if place.components().count() == 1 => None,
        Some((_, node)) if !is_of(node, &own, follower.package.name) => {
            unknown(format!("`{diverted}` is another package's, and stays in its place"))
        }
        _ => None,
    }
}

fn is_of(node: &Node, own: &crate::tree::Owner, package: &str) -> bool {
    node.owner == *own || matches!(&node.owner, crate::tree::Owner::Package(name) if **name == *package)
}
