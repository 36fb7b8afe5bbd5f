//! chown, chgrp, chmod and dpkg-statoverride: modes and owners that are not those in the package.

use super::scripts::{Done, Follower, Outcome, System};
use crate::tree::Node;

const EFFECT: &str = "modes";

/// Options (single letters and long ones) and operands, up to which both may be mixed.
pub(super) fn options_and_operands(words: &[String]) -> (Vec<&str>, Vec<&str>) {
    let mut only_operands = false;
    let (mut options, mut operands) = (Vec::new(), Vec::new());
    for word in words {
        match word.as_str() {
            "--" if !only_operands => only_operands = true,
            word if word.starts_with('-') && word.len() > 1 && !only_operands => options.push(word),
            word => operands.push(word),
        }
    }
    (options, operands)
}

pub(super) fn has_flag(options: &[&str], letter: char, long: &str) -> bool {
    options.iter().any(|option| match option.strip_prefix("--") {
        Some(name) => name == long,
        None => option.contains(letter),
    })
}

/// The numbers of `USER[:GROUP]`, as chown takes them; standard accounts are made when they are named.
pub(super) fn owner(system: &mut System<'_>, text: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let (user, group) = text.split_once([':', '.']).map_or((text, None), |(user, group)| (user, Some(group)));
    let accounts = &mut system.accounts;
    let uid = match user {
        "" => None,
        name => Some(accounts.uid_of(name).ok_or_else(|| format!("there is no user `{name}`"))?),
    };
    let gid = match group {
        None => None,
        Some("") => accounts.user(user).map(|user| user.gid),
        Some(name) => Some(accounts.gid_of(name).ok_or_else(|| format!("there is no group `{name}`"))?),
    };
    Ok((uid, gid))
}

pub(super) fn chown(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (options, operands) = options_and_operands(words);
    let Some((first, paths)) = operands.split_first() else {
        return Err(Outcome::unknown("it takes the owner from another file"));
    };
    if options.iter().any(|option| option.starts_with("--reference") || option.starts_with("--from")) {
        return Err(Outcome::unknown("the owner depends on another file"));
    }
    change_owner(follower, first, paths, has_flag(&options, 'R', "recursive"))
}

pub(super) fn chgrp(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (options, operands) = options_and_operands(words);
    let Some((first, paths)) = operands.split_first() else {
        return Err(Outcome::unknown("it takes the group from another file"));
    };
    change_owner(follower, &format!(":{first}"), paths, has_flag(&options, 'R', "recursive"))
}

fn change_owner(follower: &mut Follower<'_, '_>, name: &str, paths: &[&str], deep: bool) -> Done {
    let (uid, gid) = owner(follower.system, name).map_err(Outcome::unknown)?;
    change(follower, name, paths, deep, &|node| {
        if (uid.is_some_and(|uid| uid != node.uid) || gid.is_some_and(|gid| gid != node.gid))
            && !node.is_directory()
        {
            // The kernel takes set-id bits from what changes hands (chown(2)).
            node.mode &= !0o6000;
        }
        node.uid = uid.unwrap_or(node.uid);
        node.gid = gid.unwrap_or(node.gid);
    })
}

pub(super) fn chmod(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    // `chmod -x FILE`: a mode may look like an option.
    let mode_of = |word: &str| Mode::parse(word).filter(|_| !matches!(word, "-R" | "-f" | "-v" | "-c"));
    let found = words.iter().enumerate().find_map(|(at, word)| Some((at, mode_of(word)?)));
    let Some((at, mode)) = found else {
        return Err(Outcome::unknown("its mode is not one that is understood"));
    };
    let deep = words[..at]
        .iter()
        .any(|word| word == "--recursive" || (!word.starts_with("--") && word.contains('R')));
    let (_, paths) = options_and_operands(&words[at + 1..]);
    change(follower, &words[at], &paths, deep, &|node| node.mode = mode.apply(node.mode, node.is_directory()))
}

fn change(
    follower: &mut Follower<'_, '_>,
    to: &str,
    paths: &[&str],
    deep: bool,
    change: &dyn Fn(&mut Node),
) -> Done {
    let mut changed = Vec::new();
    let mut missing = None;
    for path in paths {
        let Ok(place) = follower.place(path) else {
            missing = Some(format!("`{path}` is no path from the root"));
            continue;
        };
        if deep {
            follower.costs(100 * follower.system.tree.below(&place).count());
        }
        if follower.system.change(&place, deep, change) {
            if !follower.system.is_temporary(&place) {
                changed.push(*path);
            }
        } else if !["/proc/", "/dev/", "/sys/"].iter().any(|kernel| path.starts_with(kernel)) {
            missing = Some(format!("`{path}` is not in the image"));
        }
    }
    match missing {
        Some(why) => Err(Outcome::unknown(why)),
        None if changed.is_empty() => Ok(None),
        None => Ok(Some(Outcome::done(EFFECT, format!("{to} {}", changed.join(" "))))),
    }
}

/// `dpkg-statoverride [--update] --add USER GROUP MODE PATH`; `--list` says whether there is one.
pub(super) fn statoverride(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (options, operands) = options_and_operands(words);
    if options.contains(&"--remove") {
        return Ok(None);
    }
    let [user, group, mode, path] = operands[..] else {
        return Err(Outcome::unknown("it is no complete call of dpkg-statoverride"));
    };
    if !options.contains(&"--add") {
        return Err(Outcome::unknown("it is no complete call of dpkg-statoverride"));
    }
    follower.system.overrides.insert(path.to_owned());
    if !options.contains(&"--update") {
        return Ok(None); // for files that come later
    }
    let (Ok((Some(uid), _)), Ok((_, Some(gid)))) = (
        owner(follower.system, user.trim_start_matches('#')),
        owner(follower.system, &format!(":{}", group.trim_start_matches('#'))),
    ) else {
        return Err(Outcome::unknown(format!("there is no user `{user}` or no group `{group}`")));
    };
    let Ok(mode) = u32::from_str_radix(mode, 8) else {
        return Err(Outcome::unknown(format!("`{mode}` is no mode")));
    };
    let to = format!("{user}:{group} {mode:04o}");
    change(follower, &to, &[path], false, &|node| (node.uid, node.gid, node.mode) = (uid, gid, mode & 0o7777))
}

/// What chmod makes of a mode (chmod(1)).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Octal { mode: u32, digits: usize },
    Symbolic(Vec<(u32, char, String)>),
}

impl Mode {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
            let mode = u32::from_str_radix(text, 8).ok()?;
            return Some(Self::Octal { mode: mode & 0o7777, digits: text.len() });
        }
        let mut clauses = Vec::new();
        for clause in text.split(',') {
            let at = clause.find(['+', '-', '='])?;
            let (who, rest) = clause.split_at(at);
            let mut mask = 0;
            for c in who.chars() {
                mask |= match c {
                    'u' => 0o4700,
                    'g' => 0o2070,
                    'o' => 0o1007,
                    'a' => 0o7777,
                    _ => return None,
                };
            }
            let operator = rest.chars().next()?;
            let bits = &rest[1..];
            if !bits.chars().all(|c| "rwxXst".contains(c)) {
                return None;
            }
            clauses.push((if who.is_empty() { 0o7777 } else { mask }, operator, bits.to_owned()));
        }
        Some(Self::Symbolic(clauses))
    }

    pub(super) fn apply(&self, mode: u32, directory: bool) -> u32 {
        match self {
            // With fewer than five digits, a directory keeps its set-id bits.
            Self::Octal { mode: new, digits } if directory && *digits < 5 => {
                new | if new & 0o6000 == 0 { mode & 0o6000 } else { 0 }
            }
            Self::Octal { mode, .. } => *mode,
            Self::Symbolic(clauses) => clauses.iter().fold(mode, |mode, (mask, operator, bits)| {
                let bits = bits.chars().fold(0, |sum, c| {
                    sum | match c {
                        'r' => 0o444,
                        'w' => 0o222,
                        'x' => 0o111,
                        'X' if directory || mode & 0o111 != 0 => 0o111,
                        's' => 0o6000,
                        't' => 0o1000,
                        _ => 0,
                    }
                }) & mask;
                match operator {
                    '+' => mode | bits,
                    '-' => mode & !bits,
                    _ => (mode & !(mask & if directory { 0o777 } else { 0o7777 })) | bits,
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_change_as_chmod_changes_them() {
        for (text, before, directory, after) in [
            ("644", 0o600, false, 0o644),
            ("0755", 0o2770, true, 0o2755),
            ("2750", 0o755, true, 0o2750),
            ("u=rwx,g=rx,o=", 0o644, false, 0o750),
            ("g+w", 0o644, false, 0o664),
            ("o-rwx", 0o755, false, 0o750),
            ("+x", 0o644, false, 0o755),
            ("a+rX", 0o600, true, 0o755),
            ("a+rX", 0o600, false, 0o644),
            ("u+s", 0o755, false, 0o4755),
            ("g+s", 0o755, true, 0o2755),
            ("+t", 0o777, true, 0o1777),
        ] {
            assert_eq!(Mode::parse(text).unwrap().apply(before, directory), after, "{text} on {before:o}");
        }
        for text in ["", "8", "u=q", "x", "/etc/x"] {
            assert_eq!(Mode::parse(text), None, "{text}");
        }
    }
}
