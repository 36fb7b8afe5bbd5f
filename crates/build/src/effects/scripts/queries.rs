//! Commands that only answer something: from the tree, the accounts and the packages, or not at all.

use bareboat_model::{ImagePath, Version};

use super::builtins;
use super::flow::Truth;
use super::follow::{Follower, Value};
use crate::effects::php;
use crate::tree::Kind;

/// Commands without a lasting effect, whose answer is not known.
const SILENT: &[&str] = &[
    "awk",
    "cmp",
    "cut",
    "date",
    "debconf-escape",
    "diff",
    "df",
    "dpkg",
    "dpkg-query",
    "dpkg-realpath",
    "dpkg-architecture",
    "dpkg-vendor",
    "egrep",
    "expr",
    "fgrep",
    "file",
    "find",
    "grep",
    "head",
    "hostname",
    "hostnamectl",
    "id",
    "ischroot",
    "lsof",
    "ls",
    "lsmod",
    "md5sum",
    "mountpoint",
    "nproc",
    "od",
    "perl",
    "phpquery",
    "pgrep",
    "pidof",
    "ps",
    "python3",
    "readlink",
    "realpath",
    "runlevel",
    "sed",
    "seq",
    "sha1sum",
    "sha256sum",
    "sort",
    "ss",
    "stat",
    "strings",
    "tail",
    "tr",
    "tty",
    "ucfq",
    "uname",
    "uniq",
    "wc",
    "whoami",
    "xargs",
    "cat",
    "ucfr",
    "logger",
    "stty",
    "mawk",
    "gawk",
    "sha512sum",
    "dpkg-maintscript-helper",
    "getent",
    "which",
    "command",
    "type",
    "basename",
    "dirname",
    "mktemp",
    "tempfile",
    "dpkg-trigger",
    "debconf-show",
    "ip",
    "ifconfig",
    "apt-config",
    "zcat",
    "base64",
    "sync",
];

/// Programs that a script finds at any installation, whatever the image has: those of the packages that are `Essential: yes`
/// (with awk, which base-files pre-depends on), as far as scripts ask for them.
const ESSENTIAL: &[&str] = &[
    "awk",
    "base64",
    "basename",
    "bash",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cmp",
    "cp",
    "cut",
    "date",
    "df",
    "diff",
    "dirname",
    "dpkg",
    "dpkg-divert",
    "dpkg-maintscript-helper",
    "dpkg-query",
    "dpkg-realpath",
    "dpkg-statoverride",
    "dpkg-trigger",
    "egrep",
    "env",
    "expr",
    "fgrep",
    "find",
    "getent",
    "grep",
    "gzip",
    "head",
    "hostname",
    "id",
    "install",
    "ischroot",
    "ln",
    "logger",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mountpoint",
    "mv",
    "nproc",
    "od",
    "perl",
    "pidof",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "run-parts",
    "runuser",
    "sed",
    "seq",
    "sh",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tar",
    "tee",
    "touch",
    "tr",
    "tty",
    "uname",
    "uniq",
    "update-alternatives",
    "wc",
    "which",
    "whoami",
    "xargs",
    "zcat",
];

/// Programs of adduser and passwd: the accounts of an image are made without them.
const OF_ACCOUNTS: &[&str] = &["addgroup", "adduser", "gpasswd", "groupadd", "useradd", "usermod"];

fn is_query(name: &str) -> bool {
    SILENT.contains(&name)
}

/// What the command prints, and whether it succeeds; none when it is no question.
pub(super) fn run(
    follower: &mut Follower<'_, '_>,
    name: &str,
    arguments: &[Value],
) -> Option<(Value, Truth)> {
    let words: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
    let unknown = (None, Truth::Unknown);
    let asks = |options: &[&str]| words.iter().flatten().any(|word| options.contains(word));
    let only_asks = match name {
        "dpkg-statoverride" => asks(&["--list"]),
        "dpkg-divert" => asks(&["--list", "--listpackage", "--truename"]),
        "update-alternatives" => asks(&["--list", "--query", "--display", "--get-selections"]),
        _ => true,
    };
    if !only_asks || writes(name, &words) {
        return None;
    }
    let options = words.iter().take_while(|word| word.is_some_and(|word| word.starts_with('-'))).count();
    let operands = &words[options..];
    Some(match (name, &words[..]) {
        ("command", [Some("-v" | "-V"), Some(program)]) => location(follower, program),
        ("which" | "type", _) => match operands {
            [Some(program)] => location(follower, program),
            _ => unknown,
        },
        ("getent", [Some("passwd"), Some(name)]) => found(follower.system.accounts.has_user(name)),
        ("getent", [Some("group"), Some(name)]) => found(follower.system.accounts.has_group(name)),
        ("id", _) => id(follower, &words[..options], operands),
        ("basename", [Some(path)]) => {
            known(path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned())
        }
        ("dirname", [Some(path)]) => known(match path.trim_end_matches('/').rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((parent, _)) => parent.to_owned(),
            None => ".".to_owned(),
        }),
        ("dpkg", [Some("--compare-versions"), left, operator, right]) => {
            (Some(String::new()), compare(*left, *operator, *right))
        }
        ("dpkg", [Some("--print-architecture")]) => known(follower.package.arch.debian().to_owned()),
        ("dpkg", [Some("--validate-version" | "--assert-multi-arch"), ..]) => found(true),
        ("dpkg-architecture", [Some("-qDEB_HOST_MULTIARCH")]) => {
            known(follower.package.arch.triplet().to_owned())
        }
        ("dpkg-query", _) => packages(follower, &words),
        ("dpkg-vendor", [Some("--query"), Some("vendor")]) => known("Debian".to_owned()),
        ("dpkg-vendor", [Some("--derives-from"), Some(vendor)]) => {
            found(vendor.eq_ignore_ascii_case("debian"))
        }
        ("dpkg-statoverride", _) => found(
            operands.iter().all(|path| path.is_some_and(|path| follower.system.overrides.contains(path))),
        ),
        ("dpkg-divert", [Some("--truename"), Some(path)]) => known((*path).to_owned()),
        ("dpkg-divert", [Some("--listpackage"), Some(_)]) => (Some(String::new()), Truth::Yes),
        ("dpkg-divert" | "update-alternatives", _) => unknown,
        // A first installation has nothing to move or to take away (dpkg-maintscript-helper(1)).
        ("dpkg-maintscript-helper", _) => (Some(String::new()), Truth::Yes),
        ("dpkg-trigger" | "ucfr" | "logger" | "stty" | "sync", _) => (Some(String::new()), Truth::Yes),
        ("dpkg-realpath", _) => match operands {
            [Some(path)] => real_path(follower, path),
            _ => unknown,
        },
        ("readlink" | "realpath", _) => match operands {
            [Some(path)]
                if name == "realpath"
                    || words[..options].iter().flatten().any(|o| o.contains(['f', 'e', 'm'])) =>
            {
                real_path(follower, path)
            }
            [Some(path)] => link(follower, path),
            _ => unknown,
        },
        ("mktemp" | "tempfile", _) => mktemp(follower, &words),
        ("grep" | "egrep" | "fgrep", _) => grep_files(follower, arguments),
        ("cat", _) if !words.is_empty() && options == 0 => {
            let texts: Option<Vec<String>> =
                words.iter().map(|word| follower.system.text((*word)?, 1 << 20)).collect();
            (texts.map(|texts| texts.concat()), Truth::Yes)
        }
        ("cat", []) => unknown,
        ("phpquery", _) => match words.iter().copied().collect::<Option<Vec<&str>>>() {
            Some(known_words) => php::query(follower, &known_words).map_or(unknown, |lines| {
                let truth = Truth::of(!lines.is_empty());
                (Some(lines.iter().map(|line| format!("{line}\n")).collect()), truth)
            }),
            None => unknown,
        },
        ("ls", [Some("-ln"), Some(path)]) => long_list(follower, path),
        ("sed", _) => {
            let read = |files: &[&str]| {
                let texts = files.iter().map(|file| follower.system.text(file, 1 << 20));
                (!files.is_empty()).then(|| texts.collect::<Option<String>>()).flatten()
            };
            let mut work = 0;
            let output = super::sed::run(arguments, &mut work, read);
            follower.costs(work);
            let truth = if output.is_some() { Truth::Yes } else { Truth::Unknown };
            (output, truth)
        }
        ("ls", _) if options == 0 && !operands.is_empty() => list(follower, operands),
        ("stat", [Some("-c" | "--format"), Some(format), Some(path)]) => stat(follower, format, path),
        ("whoami", []) => known("root".to_owned()),
        ("ischroot", _) => (Some(String::new()), Truth::Unknown),
        _ if is_query(name) => unknown,
        _ => return None,
    })
}

/// Options that make a question a deed.
fn writes(name: &str, words: &[Option<&str>]) -> bool {
    let any = |texts: &[&str]| words.iter().flatten().any(|word| texts.contains(word));
    match name {
        "sed" => words.iter().flatten().any(|word| {
            word.starts_with("--in-place")
                || (word.starts_with("-i")
                    || word.starts_with("-ri")
                    || word.starts_with("-Ei")
                    || word.starts_with("-ni"))
        }),
        "find" => words.iter().flatten().any(|word| {
            ["-delete", "-exec", "-ok", "-fprint", "-fls"].iter().any(|deed| word.starts_with(deed))
        }),
        "xargs" => match command_of_xargs(words) {
            // Without a command, it prints what it reads.
            [] | [Some("echo" | "printf" | "test" | "["), ..] => false,
            [Some(command), rest @ ..] => !is_query(command) || writes(command, rest),
            [None, ..] => true,
        },
        "dpkg" => any(&["-i", "--install", "--unpack", "--configure", "-r", "-P"]),
        "hostname" => words.iter().flatten().any(|word| !word.starts_with('-')),
        // A program of its own.
        "perl" | "python3" => !any(&["-V", "--version"]),
        "command" => !any(&["-v", "-V"]),
        _ => false,
    }
}

/// What follows xargs's own options (xargs(1)): the command, and what it is given.
fn command_of_xargs<'w, 'a>(mut words: &'w [Option<&'a str>]) -> &'w [Option<&'a str>] {
    while let [Some(option), rest @ ..] = words
        && option.starts_with('-')
    {
        let takes_next = match option.strip_prefix("--") {
            Some("") => return rest,
            Some(long) => {
                matches!(
                    long,
                    "arg-file" | "delimiter" | "max-args" | "max-chars" | "max-procs" | "process-slot-var"
                )
            }
            // Letters may stand together, the last with its value: -0n1, -0n 1.
            None => {
                option.find(['a', 'd', 'E', 'I', 'L', 'n', 'P', 's']).is_some_and(|at| at + 1 == option.len())
            }
        };
        words = rest.get(usize::from(takes_next)..).unwrap_or_default();
    }
    words
}

fn known(mut text: String) -> (Value, Truth) {
    text.push('\n');
    (Some(text), Truth::Yes)
}

/// An answer that nobody reads: whether there is one is what counts.
fn found(is: bool) -> (Value, Truth) {
    (if is { None } else { Some(String::new()) }, Truth::of(is))
}

/// Where a program is in the image.
pub(super) fn program(follower: &Follower<'_, '_>, name: &str) -> Option<String> {
    let is_there = |path: &String| ImagePath::absolute(path).is_ok_and(|path| follower.system.exists(&path));
    if name.contains('/') {
        return Some(name.to_owned()).filter(is_there);
    }
    ["/usr/sbin", "/usr/bin"].iter().map(|directory| format!("{directory}/{name}")).find(is_there)
}

fn location(follower: &Follower<'_, '_>, program: &str) -> (Value, Truth) {
    if let Some(path) = self::program(follower, program) {
        return known(path);
    }
    if builtins::is_builtin(program) {
        return known(program.to_owned());
    }
    match ESSENTIAL.contains(&program) || OF_ACCOUNTS.contains(&program) {
        true => known(format!("/usr/bin/{program}")),
        false => (Some(String::new()), Truth::No),
    }
}

/// `stat -c FORMAT FILE`, for owner and mode.
fn stat(follower: &Follower<'_, '_>, format: &str, path: &str) -> (Value, Truth) {
    let Some((_, node)) = ImagePath::absolute(path).ok().and_then(|path| follower.system.entry(&path)) else {
        return (Some(String::new()), Truth::No);
    };
    let accounts = &follower.system.accounts;
    match format {
        "%U" => accounts.user_name(node.uid).map_or((None, Truth::Yes), |name| known(name.to_owned())),
        "%G" => accounts.group_name(node.gid).map_or((None, Truth::Yes), |name| known(name.to_owned())),
        "%u" => known(node.uid.to_string()),
        "%g" => known(node.gid.to_string()),
        "%a" => known(format!("{:o}", node.mode)),
        _ => (None, Truth::Yes),
    }
}

/// `ls -ln FILE`: kind and mode, links, owner and group. Not known for anything but a plain file.
fn long_list(follower: &Follower<'_, '_>, path: &str) -> (Value, Truth) {
    let Some((place, node)) = ImagePath::absolute(path).ok().and_then(|path| follower.system.entry(&path))
    else {
        return (Some(String::new()), Truth::No);
    };
    let Kind::File { link_group: None, .. } = &node.kind else { return (None, Truth::Yes) };
    let Some(content) = follower.system.content(&place) else { return (None, Truth::Yes) };
    let mode = letters(node.mode);
    // The date is that of the installation; no script asks for it.
    known(format!("-{mode} 1 {} {} {} Jan  1  1970 {path}", node.uid, node.gid, content.size()))
}

/// A mode as ls writes it: `rwxr-xr-x`, with set-id and sticky bits in the place of `x`.
fn letters(mode: u32) -> String {
    let mut text = String::new();
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// `ls FILE…`: what of it is there.
fn list(follower: &Follower<'_, '_>, operands: &[Option<&str>]) -> (Value, Truth) {
    let mut found = String::new();
    for path in operands {
        let Some(Ok(place)) = path.map(ImagePath::absolute) else { return (None, Truth::Unknown) };
        match follower.system.tree.lookup(&place) {
            Some((_, node)) if node.is_directory() => return (None, Truth::Yes),
            Some(_) => found.push_str(&format!("{}\n", path.unwrap_or_default())),
            None => {}
        }
    }
    let truth = Truth::of(found.lines().count() == operands.len());
    (Some(found), truth)
}

fn id(follower: &Follower<'_, '_>, options: &[Option<&str>], operands: &[Option<&str>]) -> (Value, Truth) {
    let accounts = &follower.system.accounts;
    let [Some(name)] = operands else { return (None, Truth::Unknown) };
    let Some(user) = accounts.user(name) else { return (Some(String::new()), Truth::No) };
    let options: String = options.iter().flatten().map(|option| option.trim_start_matches('-')).collect();
    let groups = || {
        let own = accounts.group_name(user.gid).unwrap_or_default();
        let mut names = vec![own.to_owned()];
        names.extend(accounts.groups_of(name).filter(|group| *group != own).map(str::to_owned));
        names.join(" ")
    };
    match options.as_str() {
        "u" => known(user.uid.to_string()),
        "g" => known(user.gid.to_string()),
        "un" | "nu" => known((*name).to_owned()),
        "gn" | "ng" => known(accounts.group_name(user.gid).unwrap_or_default().to_owned()),
        "Gn" | "nG" => known(groups()),
        _ => (None, Truth::Yes),
    }
}

/// dpkg --compare-versions: an empty version is earlier than any, or later with the `-nl` operators (dpkg(1)).
fn compare(left: Option<&str>, operator: Option<&str>, right: Option<&str>) -> Truth {
    let (Some(left), Some(operator), Some(right)) = (left, operator, right) else { return Truth::Unknown };
    let empty_is_late = operator.ends_with("-nl");
    let ordering = match (left.is_empty(), right.is_empty()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) if empty_is_late => std::cmp::Ordering::Greater,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) if empty_is_late => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => match (Version::parse(left), Version::parse(right)) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => return Truth::Unknown,
        },
    };
    Truth::of(match operator.trim_end_matches("-nl") {
        "lt" | "<<" => ordering.is_lt(),
        "le" | "<" | "<=" => ordering.is_le(),
        "eq" | "=" => ordering.is_eq(),
        "ne" => ordering.is_ne(),
        "ge" | ">" | ">=" => ordering.is_ge(),
        "gt" | ">>" => ordering.is_gt(),
        _ => return Truth::Unknown,
    })
}

fn packages(follower: &Follower<'_, '_>, words: &[Option<&str>]) -> (Value, Truth) {
    match words.split_last() {
        Some((Some(name), options)) if !name.starts_with('-') && !name.contains('*') => {
            let version = follower.system.packages.get(name.split(':').next().unwrap_or(name));
            let format = options.iter().flatten().find_map(|option| {
                option
                    .strip_prefix("-f=")
                    .or(option.strip_prefix("--showformat="))
                    .or(option.strip_prefix("-f"))
            });
            match (version, format) {
                (None, _) => (Some(String::new()), Truth::No),
                (Some(version), Some("${Version}")) => (Some(version.clone()), Truth::Yes),
                (Some(version), Some("${Version}\\n")) => known(version.clone()),
                _ => (None, Truth::Yes),
            }
        }
        _ => (None, Truth::Unknown),
    }
}

fn real_path(follower: &Follower<'_, '_>, path: &str) -> (Value, Truth) {
    let real = ImagePath::absolute(path).and_then(|path| follower.system.tree.real_path(&path));
    real.map_or((None, Truth::Unknown), |real| known(real.to_string()))
}

fn link(follower: &Follower<'_, '_>, path: &str) -> (Value, Truth) {
    let Ok(path) = ImagePath::absolute(path) else { return (None, Truth::Unknown) };
    match follower.system.entry(&path).map(|(_, node)| &node.kind) {
        Some(Kind::Symlink(target)) => known(String::from_utf8_lossy(target).into_owned()),
        _ => (Some(String::new()), Truth::No),
    }
}

fn mktemp(follower: &mut Follower<'_, '_>, words: &[Option<&str>]) -> (Value, Truth) {
    if follower.is_doubtful() {
        return (None, Truth::Yes);
    }
    let directory =
        words.iter().flatten().any(|word| *word == "-d" || word.contains("-d") && word.len() <= 3);
    let number = follower.system.temporaries();
    let template =
        words.last().copied().flatten().filter(|word| word.starts_with('/') && word.contains("XXX"));
    let path = match template {
        Some(template) => format!("{}.{number}", template.trim_end_matches('X').trim_end_matches('.')),
        None => format!("/tmp/.bareboat-{number}"),
    };
    let owner = super::system::script_of(follower.package.name);
    match follower.system.make_temporary(&path, directory, owner) {
        Some(()) => known(path),
        None => (None, Truth::Unknown),
    }
}

/// `grep [-q…] PATTERN FILE`, where the file is known.
fn grep_files(follower: &Follower<'_, '_>, arguments: &[Value]) -> (Value, Truth) {
    let Some(Some(path)) = arguments.last() else { return (None, Truth::Unknown) };
    let is_absent = ImagePath::absolute(path).is_ok_and(|path| !follower.system.exists(&path))
        && !path.starts_with("/proc/");
    if is_absent {
        return (Some(String::new()), Truth::No);
    }
    let answer = follower
        .system
        .text(path, 1 << 20)
        .and_then(|text| super::filters::grep(&arguments[..arguments.len() - 1], &text));
    answer.map_or((None, Truth::Unknown), |(output, truth)| (Some(output), truth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xargs_runs_says_whether_it_is_a_question() {
        for (line, expected) in [
            ("", false),
            ("-r grep -l x", false),
            ("-0 -n 1 basename", false),
            ("-n1 -I{} readlink {}", false),
            ("-0n 1 chown root", true),
            ("-r --max-args 1 systemctl stop", true),
            ("-I {} sh -c rm", true),
            ("sed -i s/a/b/", true),
            ("--no-run-if-empty -- unheard-of grep", true),
        ] {
            let words: Vec<Option<&str>> = line.split_whitespace().map(Some).collect();
            assert_eq!(writes("xargs", &words), expected, "xargs {line}");
        }
        assert!(writes("xargs", &[Some("-r"), None]));
    }

    #[test]
    fn modes_are_written_as_ls_writes_them() {
        for (mode, expected) in
            [(0o644, "rw-r--r--"), (0o4755, "rwsr-xr-x"), (0o2640, "rw-r-S---"), (0o1777, "rwxrwxrwt")]
        {
            assert_eq!(letters(mode), expected);
        }
    }
}
