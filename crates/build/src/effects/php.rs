//! phpenmod and phpquery: which of PHP's extensions each of its interfaces (cli, fpm, …) loads is said by links.

use bareboat_model::ImagePath;

use super::scripts::{Done, Follower, Outcome, script_of};
use crate::tree::{Content, Node};

const EFFECT: &str = "php";
/// What an extension without a priority has (php-helper's `get_priority`).
const PRIORITY: &str = "20";

/// The options of both programs: `-v VERSION -s INTERFACE -m…`, and operands.
#[derive(Default)]
struct Line<'a> {
    version: Option<&'a str>,
    interface: Option<&'a str>,
    flags: String,
    operands: Vec<&'a str>,
}

impl<'a> Line<'a> {
    /// `with_value` are the letters that take the next word besides `v` and `s`.
    fn read(words: &[&'a str], with_value: &str) -> Self {
        let mut line = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word.strip_prefix('-') {
                Some("v") => line.version = words.next(),
                Some("s") => line.interface = words.next(),
                Some(flag) if !flag.is_empty() && with_value.contains(flag) => {
                    line.operands.extend(words.next());
                }
                Some(flags) => line.flags.push_str(flags),
                None => line.operands.push(word),
            }
        }
        line
    }
}

/// The names in a folder.
fn names(follower: &Follower<'_, '_>, folder: &str) -> Vec<String> {
    let Ok(folder) = ImagePath::absolute(folder) else { return Vec::new() };
    let below =
        follower.system.tree.below(&folder).filter(|(path, _)| path.parent().as_ref() == Some(&folder));
    below.filter_map(|(path, _)| Some(String::from_utf8_lossy(path.file_name()?).into_owned())).collect()
}

/// What `phpquery` prints; none when it asks something else.
pub(super) fn query(follower: &Follower<'_, '_>, words: &[&str]) -> Option<Vec<String>> {
    let line = Line::read(words, "m");
    match (line.flags.as_str(), line.version) {
        ("V", _) => {
            let mut versions = names(follower, "/usr/lib/php");
            versions.retain(|name| name.starts_with(|c: char| c.is_ascii_digit()));
            versions.reverse();
            Some(versions)
        }
        ("S", Some(version)) => Some(names(follower, &format!("/usr/lib/php/{version}/sapi"))),
        ("M", Some(version)) => Some(names(follower, &registry(version))),
        // Whether an extension is in use: nothing is, at a first installation, until phpenmod says so.
        (_, Some(version)) => {
            let (interface, module) = (line.interface?, line.operands.first()?);
            let link = link(follower, version, interface, module)?;
            let used = follower.system.entry(&link).is_some();
            Some(if used { vec![(*module).to_owned()] } else { Vec::new() })
        }
        _ => None,
    }
}

fn registry(version: &str) -> String {
    format!("/var/lib/php/modules/{version}/registry")
}

/// The link that says that an interface loads an extension. None when there is no such extension.
fn link(follower: &Follower<'_, '_>, version: &str, interface: &str, module: &str) -> Option<ImagePath> {
    let text = follower.system.text(&format!("/etc/php/{version}/mods-available/{module}.ini"), 1 << 20)?;
    let priority = text.lines().find_map(|line| {
        let (name, value) = line.strip_prefix(';')?.split_once('=')?;
        (name.trim() == "priority").then(|| value.trim())
    });
    let priority = priority.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or(PRIORITY);
    ImagePath::absolute(&format!("/etc/php/{version}/{interface}/conf.d/{priority}-{module}.ini")).ok()
}

/// `phpenmod -v VERSION [-s INTERFACE] [-m] [-r] MODULE…`
pub(super) fn enable(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = Line::read(&words, "");
    let Some(version) = line.version.filter(|version| *version != "ALL") else {
        return Err(Outcome::unknown("it names no version of PHP"));
    };
    let interfaces = match line.interface {
        Some(interface) if interface != "ALL" => vec![interface.to_owned()],
        _ => names(follower, &format!("/usr/lib/php/{version}/sapi")),
    };
    let mut enabled = Vec::new();
    for module in &line.operands {
        let module = module.split('/').next().unwrap_or(module);
        for interface in &interfaces {
            let Some(link) = link(follower, version, interface, module) else { continue };
            let is_there = link.parent().is_some_and(|folder| follower.system.tree.lookup(&folder).is_some());
            if !is_there {
                continue;
            }
            if follower.system.entry(&link).is_none() {
                let target = format!("/etc/php/{version}/mods-available/{module}.ini");
                let node = Node::symlink(target, follower.system.mtime, script_of(follower.package.name));
                follower.system.put(&link, node).map_err(|error| Outcome::unknown(error.to_string()))?;
                enabled.push(format!("{module} for {interface}"));
            }
        }
        if line.flags.contains('r') {
            touch(follower, &format!("{}/{module}", registry(version)));
        }
    }
    Ok((!enabled.is_empty()).then(|| Outcome::done(EFFECT, enabled.join(", "))))
}

fn touch(follower: &mut Follower<'_, '_>, path: &str) {
    let Ok(path) = ImagePath::absolute(path) else { return };
    if follower.system.entry(&path).is_some() {
        return;
    }
    let owner = || script_of(follower.package.name);
    let folders: Vec<ImagePath> = std::iter::successors(path.parent(), ImagePath::parent).collect();
    let node = Node::file(Content::from_bytes(Vec::new()), 0o644, follower.system.mtime, owner());
    let folders = folders.into_iter().rev().map(|folder| (folder, Node::directory(0o755, owner())));
    for (path, node) in folders.chain([(path, node)]).collect::<Vec<_>>() {
        if follower.system.tree.lookup(&path).is_none() {
            // A state file that cannot be made is missed by nobody.
            let _ = follower.system.put(&path, node);
        }
    }
}
