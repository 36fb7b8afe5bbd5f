//! adduser, addgroup, useradd, groupadd, usermod, gpasswd: the calls that packages make for their system accounts.

use bareboat_model::{ImagePath, Result};

use super::scripts::{Done, Follower, Outcome, script_of};
use super::system_accounts::{NO_LOGIN, PrimaryGroup, Wanted};
use crate::tree::Node;

const EFFECT: &str = "system-users";

/// Options and operands of a command line.
struct Line<'a> {
    options: Vec<(&'a str, Option<&'a str>)>,
    operands: Vec<&'a str>,
}

impl<'a> Line<'a> {
    /// `with_value` are the options that take the next word, unless they have theirs behind `=`.
    fn read(words: &'a [String], with_value: &[&str]) -> Self {
        let mut line = Self { options: Vec::new(), operands: Vec::new() };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word.split_once('=') {
                _ if word == "--" => line.operands.extend(words.by_ref()),
                _ if !word.starts_with('-') || word == "-" => line.operands.push(word),
                Some((name, value)) if name.starts_with("--") => line.options.push((name, Some(value))),
                _ if with_value.contains(&word) => line.options.push((word, words.next())),
                _ => line.options.push((word, None)),
            }
        }
        line
    }

    fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(name))
    }

    fn value(&self, names: &[&str]) -> Option<&'a str> {
        self.options.iter().find(|(name, _)| names.contains(name)).and_then(|(_, value)| *value)
    }

    fn number(&self, names: &[&str]) -> Option<u32> {
        self.value(names)?.parse().ok()
    }
}

const ADDUSER_VALUES: &[&str] = &[
    "--home",
    "--shell",
    "--gecos",
    "--comment",
    "--uid",
    "--gid",
    "--ingroup",
    "--firstuid",
    "--lastuid",
    "--firstgid",
    "--lastgid",
    "--conf",
    "--add_extra_groups",
];

/// `adduser --system …`, and `adduser USER GROUP` (adduser(8)).
pub(super) fn adduser(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let line = Line::read(words, ADDUSER_VALUES);
    match line.operands[..] {
        [user, group] => member(follower, user, group),
        [name] if line.has(&["--group"]) && !line.has(&["--system"]) => group(follower, name, None),
        [name] if line.has(&["--system"]) => {
            let home = line.value(&["--home"]).unwrap_or("/nonexistent");
            let wanted = Wanted {
                name: name.to_owned(),
                uid: line.number(&["--uid"]),
                group: match (line.value(&["--ingroup"]), line.number(&["--gid"])) {
                    (Some(group), _) => PrimaryGroup::Named(group.to_owned()),
                    (None, Some(gid)) => PrimaryGroup::Number(gid),
                    (None, None) if line.has(&["--group"]) => PrimaryGroup::Own,
                    (None, None) => PrimaryGroup::Nogroup,
                },
                gecos: line.value(&["--gecos", "--comment"]).unwrap_or_default().to_owned(),
                home: home.to_owned(),
                shell: line.value(&["--shell"]).unwrap_or(NO_LOGIN).to_owned(),
            };
            let with_home = !line.has(&["--no-create-home"]) && home != "/nonexistent";
            user(follower, &wanted, with_home)
        }
        _ => Err(Outcome::unknown("it makes an account for a person")),
    }
}

/// `addgroup --system …`, and `addgroup USER GROUP`.
pub(super) fn addgroup(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let line = Line::read(words, ADDUSER_VALUES);
    match line.operands[..] {
        [user, group] => member(follower, user, group),
        [name] => group(follower, name, line.number(&["--gid"])),
        _ => Err(Outcome::unknown("it names no group")),
    }
}

/// `useradd -r …` (useradd(8)).
pub(super) fn useradd(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    const VALUES: &[&str] = &[
        "-b",
        "-c",
        "--comment",
        "-d",
        "--home-dir",
        "--home",
        "-e",
        "-f",
        "-g",
        "--gid",
        "-G",
        "--groups",
        "-k",
        "-K",
        "-p",
        "-R",
        "-s",
        "--shell",
        "-u",
        "--uid",
        "-Z",
    ];
    let line = Line::read(words, VALUES);
    let [name] = line.operands[..] else { return Err(Outcome::unknown("it names no account")) };
    if !line.has(&["-r", "--system"]) && line.number(&["-u", "--uid"]).is_none() {
        return Err(Outcome::unknown("it makes an account for a person"));
    }
    let home =
        line.value(&["-d", "--home-dir", "--home"]).map_or_else(|| format!("/home/{name}"), str::to_owned);
    let wanted = Wanted {
        name: name.to_owned(),
        uid: line.number(&["-u", "--uid"]),
        group: match line.value(&["-g", "--gid"]) {
            Some(group) => PrimaryGroup::Named(group.to_owned()),
            None if line.has(&["-N", "--no-user-group"]) => PrimaryGroup::Number(100),
            None => PrimaryGroup::Own,
        },
        gecos: line.value(&["-c", "--comment"]).unwrap_or_default().to_owned(),
        home,
        shell: line.value(&["-s", "--shell"]).unwrap_or("/bin/sh").to_owned(),
    };
    let made = user(follower, &wanted, line.has(&["-m", "--create-home"]))?;
    let joined = members(follower, name, line.value(&["-G", "--groups"]))?;
    Ok(made.or(joined))
}

/// `groupadd -r …`
pub(super) fn groupadd(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let line = Line::read(words, &["-g", "--gid", "-K", "-p", "-R"]);
    match line.operands[..] {
        [name] => group(follower, name, line.number(&["-g", "--gid"])),
        _ => Err(Outcome::unknown("it names no group")),
    }
}

/// `usermod -aG GROUP USER`, and what it sets of a user.
pub(super) fn usermod(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    const GROUPS: &[&str] = &["-G", "-aG", "--groups"];
    const SETS: &[&str] = &["-c", "--comment", "-d", "--home", "-s", "--shell"];
    // No account of an image has a password, locked or not.
    const FLAGS: &[&str] = &["-a", "--append", "-L", "--lock", "-U", "--unlock"];
    let line = Line::read(words, &[GROUPS, SETS].concat());
    if line.options.iter().any(|(option, _)| ![GROUPS, SETS, FLAGS].concat().contains(option)) {
        return Err(Outcome::unknown("it changes an account in more than its home, shell and groups"));
    }
    let [name] = line.operands[..] else { return Err(Outcome::unknown("it names no account")) };
    let groups = line.value(GROUPS);
    if groups.is_some() && !line.has(&["-aG", "-a", "--append"]) {
        let listed: Vec<&str> = groups.unwrap_or_default().split(',').collect();
        if let Some(other) = follower.system.accounts.groups_of(name).find(|group| !listed.contains(group)) {
            return Err(Outcome::unknown(format!("it takes `{name}` out of the group `{other}`")));
        }
    }
    let joined = members(follower, name, groups)?;
    follower.system.accounts.uid_of(name);
    let Some(user) = follower.system.accounts.users.iter_mut().find(|user| user.name == name) else {
        return Err(Outcome::unknown(format!("there is no user `{name}`")));
    };
    let mut is_set = false;
    for (field, options) in [
        (&mut user.gecos, ["-c", "--comment"]),
        (&mut user.home, ["-d", "--home"]),
        (&mut user.shell, ["-s", "--shell"]),
    ] {
        if let Some(value) = line.value(&options) {
            value.clone_into(field);
            is_set = true;
        }
    }
    Ok(if is_set { Some(Outcome::done(EFFECT, name)) } else { joined })
}

/// Makes a user a member of `a,b`: of all of them, or it is told of which not.
fn members(follower: &mut Follower<'_, '_>, user: &str, groups: Option<&str>) -> Done {
    let mut joined = Vec::new();
    for group in groups.unwrap_or_default().split(',').filter(|group| !group.is_empty()) {
        if member(follower, user, group)?.is_some() {
            joined.push(group);
        }
    }
    Ok((!joined.is_empty()).then(|| Outcome::done(EFFECT, format!("{user} in {}", joined.join(",")))))
}

/// `gpasswd -a USER GROUP`
pub(super) fn gpasswd(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let line = Line::read(words, &["-a", "--add"]);
    match (line.value(&["-a", "--add"]), &line.operands[..]) {
        (Some(user), [group]) => member(follower, user, group),
        _ => Err(Outcome::unknown("it does more than to add a member")),
    }
}

fn outcome(result: Result<bool>, what: impl Into<String>) -> Done {
    match result {
        Ok(true) => Ok(Some(Outcome::done(EFFECT, what))),
        Ok(false) => Ok(None),
        Err(error) => Err(Outcome::unknown(error.to_string())),
    }
}

fn member(follower: &mut Follower<'_, '_>, user: &str, group: &str) -> Done {
    outcome(follower.system.accounts.want_member(user, group), format!("{user} in {group}"))
}

fn group(follower: &mut Follower<'_, '_>, name: &str, gid: Option<u32>) -> Done {
    outcome(follower.system.accounts.want_group(name, gid), format!("group {name}"))
}

fn user(follower: &mut Follower<'_, '_>, wanted: &Wanted, with_home: bool) -> Done {
    let made = follower.system.accounts.want_user(wanted);
    if with_home
        && matches!(made, Ok(true))
        && let Err(error) = make_home(follower, wanted)
    {
        return Err(Outcome::unknown(error.to_string()));
    }
    outcome(made, wanted.name.as_str())
}

/// As adduser: 0755 for system users (`SYS_DIR_MODE`, adduser.conf(5)), and what is there already stays.
fn make_home(follower: &mut Follower<'_, '_>, wanted: &Wanted) -> Result<()> {
    let home = ImagePath::absolute(&wanted.home)?;
    if follower.system.tree.lookup(&home).is_some() {
        return Ok(());
    }
    let Some(account) = follower.system.accounts.user(&wanted.name) else { return Ok(()) };
    let (uid, gid) = (account.uid, account.gid);
    let node = Node { uid, gid, ..Node::directory(0o755, script_of(follower.package.name)) };
    follower.system.put(&home, node)
}
