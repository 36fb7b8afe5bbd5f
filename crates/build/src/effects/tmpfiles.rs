//! Directories, files and links that packages declare in /usr/lib/tmpfiles.d (tmpfiles.d(5)), as far as an image at rest has
//! them: what is made. What is removed, aged or written into the kernel is for a running machine.

use bareboat_formats::tmpfiles_d::{self, Line};
use bareboat_model::ImagePath;

use super::left_out;
use super::modes::owner;
use super::scripts::{Finding, Outcome, System, script_of};
use crate::tree::{Content, Node};
use crate::unpack::Unpacked;

const EFFECT: &str = "directories";
const DIRECTORY: &str = "/usr/lib/tmpfiles.d/";

pub(super) fn apply(
    system: &mut System<'_>,
    package: &str,
    unpacked: &Unpacked,
    findings: &mut Vec<Finding>,
) {
    for (path, text) in unpacked.declarations.iter().filter(|(path, _)| path.starts_with(DIRECTORY)) {
        let finding = |text: &str, outcome| Finding {
            script: path.clone(),
            line: 0,
            text: text.into(),
            command: String::new(),
            outcome,
        };
        // systemd's own are for a machine that boots.
        if let Some(rule) =
            left_out::named("systemd itself").filter(|_| matches!(package, "systemd" | "udev"))
        {
            findings.push(finding("", Outcome::LeftOut(rule)));
            continue;
        }
        match tmpfiles_d::parse(text) {
            Ok(lines) => {
                for line in lines {
                    let outcome = declare(system, package, &line);
                    findings.extend(outcome.map(|outcome| finding(&line.path, outcome)));
                }
            }
            Err(error) => findings.push(finding("", Outcome::unknown(error.to_string()))),
        }
    }
}

fn declare(system: &mut System<'_>, package: &str, line: &Line) -> Option<Outcome> {
    // What only happens at boot.
    if line.modifiers.contains('!') {
        return None;
    }
    let expanded = expand(&line.path)?;
    let Ok(path) = ImagePath::absolute(&expanded) else {
        return Some(Outcome::unknown(format!("`{expanded}` is no path")));
    };
    let named = match (&line.user, &line.group) {
        (user, Some(group)) => format!("{}:{group}", user.as_deref().unwrap_or("root")),
        (Some(user), None) => user.clone(),
        (None, None) => String::new(),
    };
    let (uid, gid) = match owner(system, &named) {
        Ok(numbers) => numbers,
        Err(why) => return Some(Outcome::unknown(why)),
    };
    let there = system.tree.lookup(&path).map(|(_, node)| node.is_directory());
    let node = |node: Node, mode: u32| Node {
        mode: line.mode.unwrap_or(mode),
        uid: uid.unwrap_or(0),
        gid: gid.unwrap_or(0),
        ..node
    };
    let set = |node: &mut Node| {
        node.mode = line.mode.unwrap_or(node.mode);
        node.uid = uid.unwrap_or(node.uid);
        node.gid = gid.unwrap_or(node.gid);
    };
    let made = match (line.kind, there) {
        ('d' | 'D' | 'v' | 'q' | 'Q' | 'e' | 'z', Some(_)) => {
            system.change(&path, false, &set);
            return None;
        }
        ('Z', Some(_)) => {
            system.change(&path, true, &set);
            return None;
        }
        ('d' | 'D' | 'v' | 'q' | 'Q', None) => node(Node::directory(0o755, script_of(package)), 0o755),
        ('f' | 'F', None) => {
            let content = Content::from_bytes(line.argument.clone().unwrap_or_default().into_bytes());
            node(Node::file(content, 0o644, system.mtime, script_of(package)), 0o644)
        }
        ('L', None) if system.entry(&path).is_none() => {
            let target = line.argument.as_deref().and_then(expand);
            let target = target.unwrap_or_else(|| format!("/usr/share/factory{expanded}"));
            Node::symlink(target, system.mtime, script_of(package))
        }
        // Pipes and devices are the runtime's; the rest is removal and cleaning.
        _ => return None,
    };
    let parents: Vec<ImagePath> = std::iter::successors(path.parent(), ImagePath::parent)
        .take_while(|parent| !parent.is_root() && system.tree.lookup(parent).is_none())
        .collect();
    for parent in parents.into_iter().rev() {
        if let Err(error) = system.put(&parent, Node::directory(0o755, script_of(package))) {
            return Some(Outcome::unknown(error.to_string()));
        }
    }
    Some(match system.put(&path, made) {
        Ok(()) => Outcome::done(EFFECT, expanded),
        Err(error) => Outcome::unknown(error.to_string()),
    })
}

/// The specifiers that say a place (systemd's file hierarchy for the system). None for those of a running machine.
fn expand(path: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => text.push_str(match chars.next()? {
                't' => "/run",
                'S' => "/var/lib",
                'C' => "/var/cache",
                'L' => "/var/log",
                'T' => "/tmp",
                'V' => "/var/tmp",
                '%' => "%",
                _ => return None,
            }),
            c => text.push(c),
        }
    }
    Some(text)
}
