//! Accounts that packages make: which numbers they get, and Debian's standard ones.
//!
//! Debian gives out 100 to 999 in the order of installation, so the same name has another number on each machine. An image
//! must not depend on that. Here the number follows from the name: 100 plus the first four bytes of its SHA-256, as
//! a big-endian number, modulo 900. Where that is taken, the next free one is, upwards and around; names are served in the
//! order in which packages are configured, those of the lowest recipe first. So an account keeps its number when
//! packages come and go, unless the one that it gave way to goes. Numbers that calls, sysusers.d or recipes fix are as they say.

use bareboat_formats::passwd::check_name;
use bareboat_model::{Digest, Error, Result};

use super::users::{Accounts, group, user};

/// What Debian gives out to packages (Policy 9.2.2).
const FIRST: u32 = 100;
const COUNT: u32 = 900;

pub(super) const NO_LOGIN: &str = "/usr/sbin/nologin";
const NOBODY: u32 = 65534;

/// Debian's standard accounts (base-passwd's masters, the same since 1999 but for `irc` and `_apt`), which packages take for
/// granted: name, number, group, home.
const USERS: [(&str, u32, u32, &str); 16] = [
    ("daemon", 1, 1, "/usr/sbin"),
    ("bin", 2, 2, "/bin"),
    ("sys", 3, 3, "/dev"),
    ("sync", 4, NOBODY, "/bin"),
    ("games", 5, 60, "/usr/games"),
    ("man", 6, 12, "/var/cache/man"),
    ("lp", 7, 7, "/var/spool/lpd"),
    ("mail", 8, 8, "/var/mail"),
    ("news", 9, 9, "/var/spool/news"),
    ("uucp", 10, 10, "/var/spool/uucp"),
    ("proxy", 13, 13, "/bin"),
    ("www-data", 33, 33, "/var/www"),
    ("backup", 34, 34, "/var/backups"),
    ("list", 38, 38, "/var/list"),
    ("irc", 39, 39, "/run/ircd"),
    ("_apt", 42, NOBODY, "/nonexistent"),
];
const GROUPS: [(&str, u32); 38] = [
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("man", 12),
    ("proxy", 13),
    ("kmem", 15),
    ("dialout", 20),
    ("fax", 21),
    ("voice", 22),
    ("cdrom", 24),
    ("floppy", 25),
    ("tape", 26),
    ("sudo", 27),
    ("audio", 29),
    ("dip", 30),
    ("www-data", 33),
    ("backup", 34),
    ("operator", 37),
    ("list", 38),
    ("irc", 39),
    ("src", 40),
    ("shadow", 42),
    ("utmp", 43),
    ("video", 44),
    ("sasl", 45),
    ("plugdev", 46),
    ("staff", 50),
    ("games", 60),
    ("users", 100),
    ("nogroup", NOBODY),
    ("root", 0),
];

/// An account that a package asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// The number, when it is fixed.
    pub(super) uid: Option<u32>,
    pub(super) group: PrimaryGroup,
    pub(super) gecos: String,
    pub(super) home: String,
    pub(super) shell: String,
}

/// The primary group of an account.
#[derive(Clone, Debug, Default)]
pub(super) enum PrimaryGroup {
    /// Debian's `nogroup`.
    #[default]
    Nogroup,
    /// One of the same name.
    Own,
    Named(String),
    Number(u32),
}

impl Accounts {
    /// Whether there is such a user; Debian's standard ones always are.
    pub(super) fn has_user(&self, name: &str) -> bool {
        self.user(name).is_some() || USERS.iter().any(|standard| standard.0 == name)
    }

    /// Whether there is such a group; Debian's standard ones always are.
    pub(super) fn has_group(&self, name: &str) -> bool {
        self.group(name).is_some() || GROUPS.iter().any(|standard| standard.0 == name)
    }

    /// The name of a user by its number.
    pub(super) fn user_name(&self, uid: u32) -> Option<&str> {
        self.users.iter().find(|user| user.uid == uid).map(|user| user.name.as_str())
    }

    /// The name of a group by its number.
    pub(super) fn group_name(&self, gid: u32) -> Option<&str> {
        self.groups.iter().find(|group| group.gid == gid).map(|group| group.name.as_str())
    }

    /// The further groups of a user.
    pub(super) fn groups_of(&self, user: &str) -> impl Iterator<Item = &str> {
        let is_in =
            move |group: &&bareboat_formats::passwd::Group| group.members.iter().any(|member| member == user);
        self.groups.iter().filter(is_in).map(|group| group.name.as_str())
    }

    /// All of Debian's standard accounts, for an image that has base-passwd.
    pub(super) fn add_standard(&mut self) {
        for (name, ..) in USERS {
            self.uid_of(name);
        }
        for (name, _) in GROUPS {
            self.gid_of(name);
        }
    }

    /// The number of a user, by name or number; a standard one is made when it is not there.
    pub(super) fn uid_of(&mut self, name: &str) -> Option<u32> {
        if let Ok(number) = name.parse() {
            return Some(number);
        }
        if let Some(user) = self.user(name) {
            return Some(user.uid);
        }
        let (name, uid, gid, home) = USERS.into_iter().find(|standard| standard.0 == name)?;
        let group = GROUPS.iter().find(|group| group.1 == gid)?;
        self.gid_of(group.0);
        let shell = if name == "sync" { "/bin/sync" } else { NO_LOGIN };
        self.users.push(user_of(name, uid, gid, home, shell));
        Some(uid)
    }

    /// The number of a group, by name or number; a standard one is made when it is not there.
    pub(super) fn gid_of(&mut self, name: &str) -> Option<u32> {
        if let Ok(number) = name.parse() {
            return Some(number);
        }
        if let Some(group) = self.group(name) {
            return Some(group.gid);
        }
        let (name, gid) = GROUPS.into_iter().find(|standard| standard.0 == name)?;
        self.groups.push(group(name, gid));
        Some(gid)
    }

    /// Makes a user, unless there is one of that name. Whether it did.
    pub(super) fn want_user(&mut self, wanted: &Wanted) -> Result<bool> {
        let name = &wanted.name;
        check_name(name)?;
        if self.has_user(name) {
            self.uid_of(name);
            return Ok(false);
        }
        let fixed = wanted.uid.or_else(|| match &wanted.group {
            // One number for both, as useradd and systemd-sysusers do.
            PrimaryGroup::Own => {
                self.group(name).map(|group| group.gid).filter(|gid| self.is_free_user(*gid))
            }
            _ => None,
        });
        let uid = match fixed {
            Some(uid) if !self.is_free_user(uid) => {
                return Err(Error::new(format!("user `{name}` cannot have the number {uid}: it is taken")));
            }
            Some(uid) => uid,
            None => self.free_number(name)?,
        };
        let gid = match &wanted.group {
            PrimaryGroup::Nogroup => self.gid_of("nogroup").unwrap_or(NOBODY),
            PrimaryGroup::Number(gid) => *gid,
            PrimaryGroup::Named(group) => self.gid_of(group).ok_or_else(|| {
                Error::new(format!("user `{name}` cannot be in group `{group}`: there is none"))
            })?,
            PrimaryGroup::Own => match self.group(name) {
                Some(group) => group.gid,
                None => {
                    let free = self.groups.iter().all(|group| group.gid != uid);
                    self.want_group(name, free.then_some(uid))?;
                    self.gid_of(name).unwrap_or(uid)
                }
            },
        };
        let mut user = user_of(name, uid, gid, &wanted.home, &wanted.shell);
        user.gecos.clone_from(&wanted.gecos);
        user.check()?;
        self.users.push(user);
        Ok(true)
    }

    /// Makes a group, unless there is one of that name. Whether it did.
    pub(super) fn want_group(&mut self, name: &str, gid: Option<u32>) -> Result<bool> {
        check_name(name)?;
        if self.has_group(name) {
            self.gid_of(name);
            return Ok(false);
        }
        let gid = match gid {
            Some(gid) if self.groups.iter().any(|group| group.gid == gid) => {
                return Err(Error::new(format!("group `{name}` cannot have the number {gid}: it is taken")));
            }
            Some(gid) => gid,
            None => self.free_number(name)?,
        };
        self.groups.push(group(name, gid));
        Ok(true)
    }

    /// Puts a user in a further group. Whether it was not in it.
    pub(super) fn want_member(&mut self, user: &str, group: &str) -> Result<bool> {
        let missing = |what: &str, name: &str| Error::new(format!("there is no {what} `{name}`"));
        self.uid_of(user).ok_or_else(|| missing("user", user))?;
        self.gid_of(group).ok_or_else(|| missing("group", group))?;
        let group = self.groups.iter_mut().find(|known| known.name == group);
        let Some(group) = group.filter(|group| !group.members.iter().any(|member| member == user)) else {
            return Ok(false);
        };
        group.members.push(user.to_owned());
        Ok(true)
    }

    fn is_free_user(&self, uid: u32) -> bool {
        self.users.iter().all(|user| user.uid != uid)
    }

    /// The number that a name has, by the rule above.
    fn free_number(&self, name: &str) -> Result<u32> {
        let digest = Digest::of(name.as_bytes()).hex();
        let start = u32::from_str_radix(digest.get(..8).unwrap_or_default(), 16).unwrap_or_default() % COUNT;
        let is_free = |id: &u32| {
            // 100 is `users`, whether it is in the image or not.
            *id != FIRST && self.is_free_user(*id) && self.groups.iter().all(|group| group.gid != *id)
        };
        (0..COUNT)
            .map(|step| FIRST + (start + step) % COUNT)
            .find(is_free)
            .ok_or_else(|| Error::new(format!("there is no number left for `{name}`")))
    }
}

fn user_of(name: &str, uid: u32, gid: u32, home: &str, shell: &str) -> bareboat_formats::passwd::User {
    let mut user = user(name, uid, gid, home, shell);
    // As the masters have them, where that is not the name.
    match name {
        "_apt" => user.gecos.clear(),
        "list" => user.gecos = "Mailing List Manager".to_owned(),
        "irc" => user.gecos = "ircd".to_owned(),
        _ => {}
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    fn accounts() -> Accounts {
        Accounts::of(&Tree::empty(), &Default::default(), &Default::default()).unwrap()
    }

    fn wanted(name: &str, group: PrimaryGroup) -> Wanted {
        Wanted {
            name: name.into(),
            group,
            home: "/nonexistent".into(),
            shell: NO_LOGIN.into(),
            ..Wanted::default()
        }
    }

    #[test]
    fn numbers_follow_from_names() {
        let number = |names: &[&str], asked: &str| {
            let mut accounts = accounts();
            for name in names {
                accounts.want_user(&wanted(name, PrimaryGroup::Own)).unwrap();
            }
            (accounts.uid_of(asked).unwrap(), accounts.gid_of(asked).unwrap())
        };
        let alone = number(&["redis"], "redis");
        assert_eq!(alone.0, alone.1);
        assert!((101..1000).contains(&alone.0));
        assert_eq!(number(&["memcache", "postgres", "redis", "haproxy"], "redis"), alone);
    }

    #[test]
    fn a_taken_number_gives_the_next() {
        let mut accounts = accounts();
        let first = accounts.free_number("redis").unwrap();
        accounts.users.push(user("other", first, first, "/", NO_LOGIN));
        assert_eq!(accounts.free_number("redis").unwrap(), first + 1);
        accounts.users.extend((101..1000).map(|id| user(&format!("u{id}"), id, id, "/", NO_LOGIN)));
        let error = accounts.free_number("redis").unwrap_err();
        assert_eq!(error.to_string(), "there is no number left for `redis`");
    }

    #[test]
    fn standard_accounts_come_when_they_are_named() {
        let mut accounts = accounts();
        assert!(accounts.has_user("www-data") && accounts.user("www-data").is_none());
        assert_eq!((accounts.uid_of("www-data"), accounts.gid_of("adm")), (Some(33), Some(4)));
        assert_eq!(accounts.user("www-data").unwrap().home, "/var/www");
        assert_eq!(accounts.group("www-data").unwrap().gid, 33);
        assert_eq!(accounts.uid_of("nope"), None);
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let mut accounts = accounts();
        let fixed = Wanted { uid: Some(150), ..wanted("a", PrimaryGroup::Nogroup) };
        assert!(accounts.want_user(&fixed).unwrap());
        assert!(!accounts.want_user(&wanted("a", PrimaryGroup::Own)).unwrap());
        assert_eq!(accounts.user("a").unwrap().gid, NOBODY);
        let error = accounts.want_user(&Wanted { name: "b".into(), ..fixed }).unwrap_err();
        assert_eq!(error.to_string(), "user `b` cannot have the number 150: it is taken");
        assert!(accounts.want_member("a", "adm").unwrap() && !accounts.want_member("a", "adm").unwrap());
        assert_eq!(accounts.groups_of("a").collect::<Vec<_>>(), ["adm"]);
    }
}
