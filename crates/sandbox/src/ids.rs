//! Who is who inside: the user namespace's maps (user_namespaces(7)).

use std::fs;

use bareboat_model::{Context, Error, Result};
use rustix::process::{Pid, getegid, geteuid};

use crate::User;
use crate::report::FORBIDDEN;

/// Which numbers mean what inside, and whom the program runs as.
pub(crate) struct Ids {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<rustix::process::Gid>,
    /// Root knows all users, who are inside what they are outside. Anybody else knows himself only, and is inside
    /// whoever the program is to run as; so does root in a container that does not know the program's user.
    pub(crate) knows_all: bool,
    /// Whether further groups can be set, which the namespace around this one may forbid.
    pub(crate) sets_groups: bool,
    maps: [String; 2],
}

impl Ids {
    pub(crate) fn of(user: &User) -> Result<Self> {
        let User { uid, gid, .. } = *user;
        let itself = |inside: u32, outside: u32| format!("{inside} {outside} 1\n");
        let mut maps = [itself(uid, geteuid().as_raw()), itself(gid, getegid().as_raw())];
        let mut knows_all = false;
        if geteuid().is_root() {
            let around = [read("/proc/self/uid_map")?, read("/proc/self/gid_map")?].map(|text| ranges(&text));
            knows_all = around.iter().zip([uid, gid]).all(|(ranges, id)| contains(ranges, id));
            if knows_all {
                maps = around.map(|ranges| identity(&ranges));
            }
        }
        let sets_groups = knows_all && read("/proc/self/setgroups")?.trim() == "allow";
        let groups = if sets_groups { &user.groups[..] } else { &[] };
        let groups = groups.iter().map(|&group| rustix::process::Gid::from_raw(group)).collect();
        Ok(Self { uid, gid, groups, knows_all, sets_groups, maps })
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
        let [uids, gids] = &self.maps;
        if !self.knows_all {
            write("setgroups", "deny")?;
        }
        write("uid_map", uids)?;
        write("gid_map", gids)
    }
}

fn hinted(error: Error) -> Error {
    error.with_hint(FORBIDDEN)
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(file).context(|| format!("cannot read `{file}`"))
}

/// The first number and the count of each line, `INSIDE OUTSIDE COUNT`, of a map.
fn ranges(map: &str) -> Vec<(u32, u32)> {
    let lines = map.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().map(str::parse);
        Some((fields.next()?.ok()?, fields.nth(1)?.ok()?))
    });
    lines.collect()
}

fn contains(ranges: &[(u32, u32)], id: u32) -> bool {
    ranges.iter().any(|&(start, count)| id.checked_sub(start).is_some_and(|offset| offset < count))
}

/// A map in which every number that is known here stands for itself.
fn identity(ranges: &[(u32, u32)]) -> String {
    ranges.iter().map(|(start, count)| format!("{start} {start} {count}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_here_stands_for_itself() {
        for (map, expected, known, unknown) in [
            ("         0          0 4294967295\n", "0 0 4294967295\n", 65532, u32::MAX),
            ("0 1000 1\n1 100000 65536\n", "0 0 1\n1 1 65536\n", 65536, 65537),
            ("5 5 1\n", "5 5 1\n", 5, 4),
        ] {
            let ranges = ranges(map);
            assert_eq!(identity(&ranges), expected);
            assert!(contains(&ranges, known) && !contains(&ranges, unknown), "{map}");
        }
        assert_eq!(ranges("nonsense\n"), []);
    }
}
