//! Who is who inside: the user namespace's maps (user_namespaces(7)).

use std::fs;

use bareboat_model::{Context, Error, Result};
use rustix::process::{Pid, getegid, geteuid};

use crate::User;
use crate::report::FORBIDDEN;

/// The map of the first user namespace, in which every number stands for itself.
const EVERYBODY: &str = "0 0 4294967295\n";

/// Which numbers mean what inside, and whom the program runs as.
pub(crate) struct Ids {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<rustix::process::Gid>,
    /// Root knows all users, who are inside what they are outside. Anybody else knows himself only, and is inside
    /// whoever the program is to run as.
    pub(crate) knows_all: bool,
}

impl Ids {
    pub(crate) fn of(user: &User) -> Self {
        let knows_all = geteuid().is_root();
        let groups = if knows_all { &user.groups[..] } else { &[] };
        let groups = groups.iter().map(|&group| rustix::process::Gid::from_raw(group)).collect();
        Self { uid: user.uid, gid: user.gid, groups, knows_all }
    }

    /// Writes the maps of the process's user namespace.
    pub(crate) fn map(&self, process: Pid) -> Result<()> {
        let write = |file: &str, text: &str| {
            let path = format!("/proc/{}/{file}", process.as_raw_nonzero());
            // In one write, as the kernel wants it.
            fs::write(&path, text)
                .context(|| format!("cannot write `{file}` of its user namespace"))
                .map_err(hinted)
        };
        if self.knows_all {
            // Most often that is all numbers; inside another user namespace, those that it knows.
            write("uid_map", EVERYBODY).or_else(|_| write("uid_map", &as_outside("/proc/self/uid_map")?))?;
            return write("gid_map", EVERYBODY)
                .or_else(|_| write("gid_map", &as_outside("/proc/self/gid_map")?));
        }
        write("setgroups", "deny")?;
        write("uid_map", &format!("{} {} 1\n", self.uid, geteuid().as_raw()))?;
        write("gid_map", &format!("{} {} 1\n", self.gid, getegid().as_raw()))
    }
}

fn hinted(error: Error) -> Error {
    error.with_hint(FORBIDDEN)
}

/// A map in which every number that is known here stands for itself.
fn as_outside(file: &str) -> Result<String> {
    let text = fs::read_to_string(file).context(|| format!("cannot read `{file}`"))?;
    Ok(identity(&text))
}

/// `INSIDE OUTSIDE COUNT` lines, with the outside as the inside.
fn identity(map: &str) -> String {
    let lines = map.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (start, count) = (fields.next()?, fields.nth(1)?);
        Some(format!("{start} {start} {count}\n"))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_here_stands_for_itself() {
        for (map, expected) in [
            ("         0          0 4294967295\n", "0 0 4294967295\n"),
            ("0 1000 1\n1 100000 65536\n", "0 0 1\n1 1 65536\n"),
            ("", ""),
        ] {
            assert_eq!(identity(map), expected);
        }
    }
}
