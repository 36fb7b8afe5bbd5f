//! Users and groups that packages declare in /usr/lib/sysusers.d (sysusers.d(5)).

use bareboat_formats::sysusers_d::{self, Kind, Line};
use bareboat_model::{Error, Result};

use super::scripts::{Finding, Outcome, System};
use super::system_accounts::{NO_LOGIN, PrimaryGroup, Wanted};
use crate::unpack::Unpacked;

const EFFECT: &str = "system-users";
const DIRECTORY: &str = "/usr/lib/sysusers.d/";

/// Makes what the package's files declare, the groups first, and members last.
pub(super) fn apply(system: &mut System<'_>, unpacked: &Unpacked, findings: &mut Vec<Finding>) {
    for (path, text) in unpacked.declarations.iter().filter(|(path, _)| path.starts_with(DIRECTORY)) {
        let mut lines = match sysusers_d::parse(text) {
            Ok(lines) => lines,
            Err(error) => {
                findings.push(finding(path, String::new(), Outcome::unknown(error.to_string())));
                continue;
            }
        };
        lines.sort_by_key(|line| match line.kind {
            Kind::Range => 0,
            Kind::Group => 1,
            Kind::User => 2,
            Kind::Member => 3,
        });
        for line in lines {
            let name = line.name.clone();
            match declare(system, &line) {
                Ok(true) => {
                    findings.push(finding(path, name.clone(), Outcome::done(EFFECT, name)));
                }
                Ok(false) => {}
                Err(error) => findings.push(finding(path, name, Outcome::unknown(error.to_string()))),
            }
        }
    }
}

fn finding(path: &str, text: String, outcome: Outcome) -> Finding {
    Finding { script: path.to_owned(), line: 0, text, command: String::new(), outcome }
}

fn declare(system: &mut System<'_>, line: &Line) -> Result<bool> {
    let accounts = &mut system.accounts;
    let id = line.id.as_deref();
    if id.is_some_and(|id| id.starts_with('/')) {
        return Err(Error::new("its number is that of a file's owner"));
    }
    let number = |text: &str| text.parse::<u32>().ok();
    match line.kind {
        Kind::Range => Ok(false),
        Kind::Group => accounts.want_group(&line.name, id.and_then(number)),
        Kind::Member => {
            let group = id.ok_or_else(|| Error::new("the group is missing"))?;
            accounts.want_group(group, None)?;
            let wanted = wanted(line, None, PrimaryGroup::Own);
            accounts.want_user(&wanted)?;
            accounts.want_member(&line.name, group)
        }
        Kind::User => {
            let (uid, group) = match id.map(|id| id.split_once(':').unwrap_or((id, ""))) {
                None => (None, PrimaryGroup::Own),
                Some((uid, "")) => (number(uid), PrimaryGroup::Own),
                Some((uid, group)) => {
                    let named = || PrimaryGroup::Named(group.to_owned());
                    (number(uid), number(group).map_or_else(named, PrimaryGroup::Number))
                }
            };
            accounts.want_user(&wanted(line, uid, group))
        }
    }
}

/// `/` is the default home, and nologin the default shell.
fn wanted(line: &Line, uid: Option<u32>, group: PrimaryGroup) -> Wanted {
    let text = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    Wanted {
        name: line.name.clone(),
        uid,
        group,
        gecos: text(&line.gecos, ""),
        home: text(&line.home, "/"),
        shell: text(&line.shell, NO_LOGIN),
    }
}
