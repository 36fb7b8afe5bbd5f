//! /etc/passwd and /etc/group: root, nobody, nonroot (65532), and the users of the recipe.

use std::collections::BTreeMap;

use bareboat_formats::passwd::{Group, User, parse_group, parse_passwd, render_group, render_passwd};
use bareboat_model::{Context, Error, Result};

use super::{Applied, Setting, generate, generated_file, read};
use crate::recipe::{self, Identity};
use crate::tree::Tree;

const EFFECT: &str = "users";
const NO_LOGIN: &str = "/sbin/nologin";
const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// The largest passwd or group file that is read: 10,000 users have 1 MB.
const LARGEST: u64 = 16 << 20;

/// The accounts of distroless images, whose users rely on these numbers. `nonroot` is above what
/// Debian gives out, and 65534 is nobody in NFS and in user namespaces.
const USERS: [(&str, u32, &str); 3] =
    [("root", 0, "/root"), ("nobody", 65534, "/nonexistent"), ("nonroot", 65532, "/home/nonroot")];
const GROUPS: [(&str, u32); 5] =
    [("root", 0), ("nobody", 65534), ("tty", 5), ("staff", 50), ("nonroot", 65532)];

/// All users and groups of an image.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<Group>,
}

impl Accounts {
    /// The accounts of the base image, which `tree` holds; those that every image has; and those of the recipe.
    ///
    /// # Errors
    /// When the base image's cannot be read, a user of the recipe is to be in a group that is not there, or a name has
    /// two numbers.
    pub fn of(
        tree: &Tree,
        users: &BTreeMap<String, recipe::User>,
        groups: &BTreeMap<String, u32>,
    ) -> Result<Self> {
        let mut accounts = Self {
            users: parse_passwd(&text(tree, PASSWD)?).context(|| cannot_read(PASSWD))?,
            groups: parse_group(&text(tree, GROUP)?).context(|| cannot_read(GROUP))?,
        };
        for (name, id, home) in USERS {
            if accounts.users.iter().all(|known| known.name != name) {
                accounts.users.push(user(name, id, id, home, NO_LOGIN));
            }
        }
        for (name, gid) in GROUPS {
            if accounts.groups.iter().all(|known| known.name != name) {
                accounts.groups.push(group(name, gid));
            }
        }
        for (name, gid) in groups {
            accounts.add_group(name, *gid)?;
        }
        for (name, yours) in users {
            if accounts.users.iter().any(|known| known.name == *name) {
                return Err(Error::new(format!(
                    "user `{name}` is in the image already, and cannot be another"
                )));
            }
            accounts.check_numbers(name, yours, groups)?;
            accounts.users.push(user(
                name,
                yours.uid,
                yours.gid,
                &yours.home.to_string(),
                &yours.shell.to_string(),
            ));
            if !accounts.groups.iter().any(|known| known.gid == yours.gid) {
                accounts.add_group(name, yours.gid)?;
            }
        }
        for (name, yours) in users {
            accounts.join(name, &yours.groups)?;
        }
        Ok(accounts)
    }

    /// Two names of one number would be one account with two faces.
    fn check_numbers(&self, name: &str, yours: &recipe::User, groups: &BTreeMap<String, u32>) -> Result<()> {
        if let Some(other) = self.users.iter().find(|other| other.uid == yours.uid) {
            return Err(Error::new(format!(
                "user `{name}` cannot have the number {}: it is that of `{}`",
                yours.uid, other.name
            )));
        }
        // The user's own group has the user's number, unless the recipe names another.
        let taken = |group: &&Group| {
            group.gid == yours.gid && group.name != name && !groups.contains_key(&group.name)
        };
        match self.groups.iter().find(taken).filter(|_| yours.gid == yours.uid) {
            Some(other) => Err(Error::new(format!(
                "user `{name}` cannot have a group of its own with the number {}: it is that of `{}`",
                yours.gid, other.name
            ))
            .with_hint("give the user another `gid`")),
            None => Ok(()),
        }
    }

    fn add_group(&mut self, name: &str, gid: u32) -> Result<()> {
        match self.groups.iter().find(|known| known.name == name) {
            Some(known) if known.gid != gid => Err(Error::new(format!(
                "group `{name}` has the number {} already, and cannot have {gid}",
                known.gid
            ))),
            Some(_) => Ok(()),
            None => {
                self.groups.push(group(name, gid));
                Ok(())
            }
        }
    }

    fn join(&mut self, user: &str, groups: &[String]) -> Result<()> {
        for wanted in groups {
            let group = self.groups.iter_mut().find(|group| group.name == *wanted).ok_or_else(|| {
                Error::new(format!(
                    "user `{user}` is to be in group `{wanted}`, which the image does not have"
                ))
                .with_hint(format!("add it to the recipe: [groups.{wanted}] gid = …"))
            })?;
            group.members.push(user.to_owned());
        }
        Ok(())
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The numbers of an owner that a recipe names. A user without a group has the user's own.
    ///
    /// # Errors
    /// When a name is not in the image.
    pub fn resolve(&self, owner: &recipe::Owner) -> Result<(u32, u32)> {
        let unknown = |what: &str, name: &str, table: &str| {
            Error::new(format!("{what} `{name}` is not in the image"))
                .with_hint(format!("use a number, or add it to the recipe: [{table}.{name}]"))
        };
        let named = |name: &str| self.users.iter().find(|user| user.name == name);
        let (uid, own_gid) = match &owner.user {
            Identity::Id(uid) => {
                (*uid, self.users.iter().find(|user| user.uid == *uid).map_or(*uid, |user| user.gid))
            }
            Identity::Name(name) => {
                named(name).map(|user| (user.uid, user.gid)).ok_or_else(|| unknown("user", name, "users"))?
            }
        };
        let gid = match &owner.group {
            None => own_gid,
            Some(Identity::Id(gid)) => *gid,
            Some(Identity::Name(name)) => {
                let group = self.groups.iter().find(|group| group.name == *name);
                group.map(|group| group.gid).ok_or_else(|| unknown("group", name, "groups"))?
            }
        };
        Ok((uid, gid))
    }
}

fn text(tree: &Tree, path: &str) -> Result<String> {
    let bytes = read(tree, path, LARGEST).context(|| cannot_read(path))?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|_| Error::new("it is not UTF-8").context(cannot_read(path)))
}

fn cannot_read(path: &str) -> String {
    format!("cannot read the base image's `{path}`")
}

pub(super) fn user(name: &str, uid: u32, gid: u32, home: &str, shell: &str) -> User {
    let text = str::to_owned;
    User {
        name: text(name),
        password: text("x"),
        uid,
        gid,
        gecos: text(name),
        home: text(home),
        shell: text(shell),
    }
}

pub(super) fn group(name: &str, gid: u32) -> Group {
    Group { name: name.to_owned(), password: "x".to_owned(), gid, members: Vec::new() }
}

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let Accounts { users, groups } = setting.accounts;
    let passwd = generated_file(render_passwd(users)?.into_bytes(), EFFECT, setting);
    let group = generated_file(render_group(groups)?.into_bytes(), EFFECT, setting);
    let made = generate(tree, PASSWD, passwd)?;
    generate(tree, GROUP, group)?;
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    Ok(made.then(|| Applied { effect: EFFECT, what: names.join(", ") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let app = recipe::User {
            uid: 1000,
            gid: 2000,
            home: bareboat_model::ImagePath::absolute("/app").unwrap(),
            shell: bareboat_model::ImagePath::absolute(NO_LOGIN).unwrap(),
            groups: vec!["data".to_owned()],
        };
        Accounts::of(&Tree::empty(), &[("app".to_owned(), app)].into(), &[("data".to_owned(), 3000)].into())
            .unwrap()
    }

    #[test]
    fn the_files_read_as_they_should() {
        let Accounts { users, groups } = accounts();
        assert_eq!(
            render_passwd(&users).unwrap(),
            "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
             nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\napp:x:1000:2000:app:/app:/sbin/nologin\n"
        );
        assert_eq!(
            render_group(&groups).unwrap(),
            "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\ndata:x:3000:app\napp:x:2000:\n"
        );
    }

    #[test]
    fn owners_resolve_to_numbers() {
        for (owner, numbers) in [
            ("root", (0, 0)),
            ("app", (1000, 2000)),
            ("1000", (1000, 2000)),
            ("4711", (4711, 4711)),
            ("nonroot:data", (65532, 3000)),
            ("0:99", (0, 99)),
        ] {
            assert_eq!(accounts().resolve(&owner.parse().unwrap()).unwrap(), numbers, "{owner}");
        }
    }

    #[test]
    fn unknown_names_are_errors_with_a_way_out() {
        for owner in ["www-data", "root:adm"] {
            let error = accounts().resolve(&owner.parse().unwrap()).unwrap_err();
            assert!(error.hint().unwrap().contains("add it to the recipe"), "{error}");
        }
    }
}
