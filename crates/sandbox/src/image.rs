//! What an image's config says about running it (OCI image specification, config.md), as a sandbox has it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use bareboat_formats::oci::ImageConfig;
use bareboat_formats::passwd::{self, Group, User as PasswdUser};
use bareboat_io::root::Root;
use bareboat_model::{Context, Error, ImagePath, Result, escape};

use crate::{Sandbox, User};

/// As many groups as the kernel takes (`NGROUPS_MAX` in linux/limits.h).
const MOST_GROUPS: usize = 65536;

/// The largest user database that is read.
const LARGEST: u64 = 16 << 20;

/// A sandbox for the image with this root and config: its user, environment and working directory.
///
/// # Errors
/// When the config names a user that the image does not have, or is wrong otherwise.
pub fn for_image(root: &Root, config: &ImageConfig) -> Result<Sandbox> {
    let execution = &config.config;
    let mut sandbox = Sandbox::new(root.dir());
    set_environment(&mut sandbox, &execution.env);
    if !execution.working_dir.is_empty() {
        // Some write it without the slash in front; engines take it from the root then.
        sandbox.workdir =
            ImagePath::parse(execution.working_dir.as_bytes()).context(|| "the image's working directory")?;
    }
    sandbox.user = user(root, &execution.user).context(|| "the image's user")?;
    Ok(sandbox)
}

/// Sets variables as [`Sandbox::set_env`] does, however many there are.
fn set_environment(sandbox: &mut Sandbox, lines: &[String]) {
    let names = sandbox.env.iter().enumerate().map(|(place, (name, _))| (name.clone(), place));
    let mut places: BTreeMap<OsString, usize> = names.collect();
    for line in lines {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        match places.get(OsStr::new(name)).and_then(|&place| sandbox.env.get_mut(place)) {
            Some((_, old)) => *old = value.into(),
            None => {
                places.insert(name.into(), sandbox.env.len());
                sandbox.env.push((name.into(), value.into()));
            }
        }
    }
}

/// What to run: the entrypoint, which `entrypoint` replaces, and the arguments, which `args` replace; an own entrypoint
/// drops the image's arguments, as with Docker.
///
/// # Errors
/// When nothing is left to run.
pub fn command_line(
    config: &ImageConfig,
    entrypoint: Option<&[OsString]>,
    args: &[OsString],
) -> Result<Vec<OsString>> {
    let of_image = |words: &[String]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let mut line = entrypoint.map_or_else(|| of_image(&config.config.entrypoint), <[OsString]>::to_vec);
    if !args.is_empty() {
        line.extend_from_slice(args);
    } else if entrypoint.is_none() {
        line.extend(of_image(&config.config.cmd));
    }
    if line.is_empty() {
        return Err(Error::new("the image names no program, and neither does the command line")
            .with_hint("name one after `--`"));
    }
    Ok(line)
}

/// The user that `text` names: `name`, `name:group`, `uid` or `uid:gid`, by the image's own `/etc/passwd` and
/// `/etc/group`; root when it is empty. An unknown number is taken as it is, in group 0, as engines do.
///
/// # Errors
/// When a name is not in the image, or its databases cannot be read.
pub fn user(root: &Root, text: &str) -> Result<User> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let users = read(root, "/etc/passwd", passwd::parse_passwd)?;
    let groups = read(root, "/etc/group", passwd::parse_group)?;
    find(&users, &groups, if user.is_empty() { "0" } else { user }, group.filter(|group| !group.is_empty()))
}

fn find(users: &[PasswdUser], groups: &[Group], user: &str, group: Option<&str>) -> Result<User> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|&id| id != u32::MAX);
    // A name that is all digits cannot be told from a number, and engines look for the name first.
    let known = users.iter().find(|known| known.name == user);
    let known = known.or_else(|| users.iter().find(|known| number(user) == Some(known.uid)));
    let uid = known.map(|known| known.uid).or_else(|| number(user)).ok_or_else(|| {
        Error::new(format!("there is no user `{}` in its /etc/passwd", escape(user)))
            .with_hint("use a number")
    })?;
    let gid = match group {
        None => known.map_or(0, |known| known.gid),
        Some(group) => {
            let known = groups.iter().find(|known| known.name == group).map(|known| known.gid);
            known.or_else(|| number(group)).ok_or_else(|| {
                Error::new(format!("there is no group `{}` in its /etc/group", escape(group)))
                    .with_hint("use a number")
            })?
        }
    };
    // A group that is named is meant to be the only one, as engines have it.
    let member = known.filter(|_| group.is_none()).map(|known| known.name.as_str());
    let further =
        groups.iter().filter(|group| member.is_some_and(|name| group.members.iter().any(|it| it == name)));
    let groups: Vec<u32> = further.map(|group| group.gid).collect();
    if groups.len() > MOST_GROUPS {
        let error = format!("it is in {} groups, expected at most {MOST_GROUPS}", groups.len());
        return Err(Error::new(error).with_hint("name one group: `USER:GROUP`"));
    }
    Ok(User { uid, gid, groups, home: known.map(|known| known.home.clone()) })
}

/// The lines that can be read; engines pass over the others too.
fn read<T>(root: &Root, path: &str, parse: impl Fn(&str) -> Result<Vec<T>>) -> Result<Vec<T>> {
    let bytes = root.read(&ImagePath::absolute(path)?, LARGEST)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(|line| parse(line).ok()).flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/var/www:/bin/sh\n1000:x:7:7::/:/\n";
    const GROUP: &str = "root:x:0:\nwww:x:33:\nadm:x:4:www,root\nssl:x:5:www\n";

    #[test]
    fn users_are_found_by_name_and_number() {
        let users: Vec<_> =
            PASSWD.lines().filter_map(|line| passwd::parse_passwd(line).ok()).flatten().collect();
        let groups = passwd::parse_group(GROUP).unwrap();
        let told = |text: &str| {
            let (user, group) =
                text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
            match find(&users, &groups, user, group) {
                Ok(User { uid, gid, groups, home }) => {
                    format!("{uid}:{gid} {groups:?} {}", home.unwrap_or_default())
                }
                Err(error) => error.to_string(),
            }
        };
        for (text, expected) in [
            ("0", "0:0 [4] /root"),
            ("www", "33:33 [4, 5] /var/www"),
            ("33", "33:33 [4, 5] /var/www"),
            ("www:adm", "33:4 [] /var/www"),
            ("33:0", "33:0 [] /var/www"),
            ("65532", "65532:0 [] "),
            ("65532:65532", "65532:65532 [] "),
            ("nobody", "there is no user `nobody` in its /etc/passwd"),
            ("www:staff", "there is no group `staff` in its /etc/group"),
            ("-1", "there is no user `-1` in its /etc/passwd"),
            ("4294967295", "there is no user `4294967295` in its /etc/passwd"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn groups_have_an_end() {
        let users = passwd::parse_passwd("www:x:33:33::/:/x").unwrap().into_iter().collect::<Vec<_>>();
        let text: String = (0..=MOST_GROUPS).map(|gid| format!("g{gid}:x:{gid}:www\n")).collect();
        let groups = passwd::parse_group(&text).unwrap();
        let error = find(&users, &groups, "www", None).unwrap_err().to_string();
        assert_eq!(error, "it is in 65537 groups, expected at most 65536");
        assert!(find(&users, &groups, "www", Some("g1")).is_ok());
    }

    #[test]
    fn variables_keep_the_place_where_they_were_set_first() {
        let mut sandbox = Sandbox::new("/");
        let lines = ["A=1", "PATH=/x", "B", "A=2=3"].map(str::to_owned);
        set_environment(&mut sandbox, &lines);
        let shown: Vec<String> = sandbox
            .env
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(shown.join(" "), "PATH=/x A=2=3 B=");
    }

    #[test]
    fn arguments_replace_the_image_s_and_an_entrypoint_drops_them() {
        let mut config = ImageConfig::default();
        config.config.entrypoint = vec!["/app".to_owned()];
        config.config.cmd = vec!["serve".to_owned()];
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        for (entrypoint, args, expected) in [
            (None, &[][..], &["/app", "serve"][..]),
            (None, &["x", "y"], &["/app", "x", "y"]),
            (Some(&["/sh"][..]), &[], &["/sh"]),
            (Some(&["/sh"]), &["-c"], &["/sh", "-c"]),
        ] {
            let entrypoint = entrypoint.map(words);
            let line = command_line(&config, entrypoint.as_deref(), &words(args)).unwrap();
            assert_eq!(line, words(expected));
        }
        assert!(command_line(&ImageConfig::default(), None, &[]).is_err());
    }
}
