//! `/etc/passwd` and `/etc/group`: read, checked and written (passwd(5), group(5)).

use bareboat_model::{Error, Result, escape};

/// One line of `/etc/passwd`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The login name.
    pub name: String,
    /// `x` when the hash is in `/etc/shadow`, `*` when there is no login by password.
    pub password: String,
    /// The numeric user ID.
    pub uid: u32,
    /// The numeric ID of the primary group.
    pub gid: u32,
    /// The full name, or any comment.
    pub gecos: String,
    /// The home directory.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

/// One line of `/etc/group`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The group's name.
    pub name: String,
    /// `x` or `*`, as for users.
    pub password: String,
    /// The numeric group ID.
    pub gid: u32,
    /// The names of the users for whom this is a further group, in the file's order.
    pub members: Vec<String>,
}

/// A bound against hostile files; a large site's passwd is some megabytes.
const LARGEST_FILE: usize = 16 << 20;
/// The longest name that Linux's utmp and shadow take (`useradd` in shadow-utils: 32; BSDs 256).
const LONGEST_NAME: usize = 256;

/// Reads `/etc/passwd`. Blank lines are passed over.
///
/// ```
/// let users = bareboat_formats::passwd::parse_passwd("root:x:0:0:root:/root:/bin/sh\n").unwrap();
/// assert_eq!((users[0].name.as_str(), users[0].uid), ("root", 0));
/// ```
///
/// # Errors
/// When a line does not have seven fields, an ID is not a number, or a name is not one; with the line's number.
pub fn parse_passwd(text: &str) -> Result<Vec<User>> {
    parse_lines(text, |line| {
        let [name, password, uid, gid, gecos, home, shell] = fields(line)?;
        let user = User {
            name: name.to_owned(),
            password: password.to_owned(),
            uid: id(uid, "uid")?,
            gid: id(gid, "gid")?,
            gecos: gecos.to_owned(),
            home: home.to_owned(),
            shell: shell.to_owned(),
        };
        user.check()?;
        Ok(user)
    })
}

/// Reads `/etc/group`. Blank lines are passed over.
///
/// # Errors
/// When a line does not have four fields, the ID is not a number, or a name is not one; with the line's number.
pub fn parse_group(text: &str) -> Result<Vec<Group>> {
    parse_lines(text, |line| {
        let [name, password, gid, members] = fields(line)?;
        let group = Group {
            name: name.to_owned(),
            password: password.to_owned(),
            gid: id(gid, "gid")?,
            members: members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        };
        group.check()?;
        Ok(group)
    })
}

/// Writes `/etc/passwd`, in the order given.
///
/// # Errors
/// When a field holds a colon or a control character, or a name is not one: the file would say something else.
pub fn render_passwd(users: &[User]) -> Result<String> {
    let mut out = String::new();
    for user in users {
        user.check()?;
        let User { name, password, uid, gid, gecos, home, shell } = user;
        out.push_str(&format!("{name}:{password}:{uid}:{gid}:{gecos}:{home}:{shell}\n"));
    }
    Ok(out)
}

/// Writes `/etc/group`, in the order given.
///
/// # Errors
/// As [`render_passwd`].
pub fn render_group(groups: &[Group]) -> Result<String> {
    let mut out = String::new();
    for group in groups {
        group.check()?;
        let Group { name, password, gid, members } = group;
        out.push_str(&format!("{name}:{password}:{gid}:{}\n", members.join(",")));
    }
    Ok(out)
}

impl User {
    /// Whether every field can stand in a line of `/etc/passwd`.
    ///
    /// # Errors
    /// When the name is not one, or a field holds a colon or a control character; the message names both.
    pub fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        for (what, value) in [
            ("password", &self.password),
            ("gecos", &self.gecos),
            ("home", &self.home),
            ("shell", &self.shell),
        ] {
            check_field(what, value)?;
        }
        Ok(())
    }
}

impl Group {
    /// Whether every field can stand in a line of `/etc/group`.
    ///
    /// # Errors
    /// When a name is not one, or a field holds a colon or a control character; the message names both.
    pub fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        check_field("password", &self.password)?;
        self.members.iter().try_for_each(|member| check_name(member))
    }
}

/// Whether `name` can be a user's or a group's: the characters that shadow-utils and systemd both take in their
/// lenient modes. No `:`, `,`, `/`, space or control character, no leading `-`, and not only digits, since those
/// would be read as an ID.
///
/// # Errors
/// When it cannot; the message says why.
pub fn check_name(name: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::new(format!("name `{}` {why}", escape(name))));
    if name.is_empty() {
        return wrong("is empty");
    }
    if name.len() > LONGEST_NAME {
        return wrong("is longer than 256 bytes");
    }
    if let Some(bad) = name.chars().find(|&c| c.is_control() || c.is_whitespace() || ":,/".contains(c)) {
        return wrong(&format!("holds the character {bad:?}"));
    }
    if name.starts_with('-') {
        return wrong("starts with `-`");
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("is a number");
    }
    Ok(())
}

fn check_field(what: &str, value: &str) -> Result<()> {
    match value.chars().find(|&c| c.is_control() || c == ':') {
        Some(bad) => Err(Error::new(format!("{what} `{}` holds the character {bad:?}", escape(value)))),
        None => Ok(()),
    }
}

fn parse_lines<T>(text: &str, parse: impl Fn(&str) -> Result<T>) -> Result<Vec<T>> {
    if text.len() > LARGEST_FILE {
        return Err(Error::new(format!("file is {} bytes long, more than {LARGEST_FILE}", text.len())));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| parse(line).map_err(|error| error.context(format!("line {}", index + 1))))
        .collect()
}

fn fields<const N: usize>(line: &str) -> Result<[&str; N]> {
    let fields: Vec<&str> = line.split(':').collect();
    let found = fields.len();
    fields.try_into().map_err(|_| Error::new(format!("{found} fields between colons, expected {N}")))
}

fn id(text: &str, what: &str) -> Result<u32> {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if only_digits { text.parse().ok() } else { None };
    number.ok_or_else(|| Error::new(format!("{what} `{}` is not a number up to {}", escape(text), u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nnobody:*:65534:65534:,,,:/nonexistent:/usr/sbin/nologin\n";
    const GROUP: &str = "root:x:0:\nadm:x:4:syslog,app\n";

    #[test]
    fn what_is_read_is_written_the_same() {
        assert_eq!(render_passwd(&parse_passwd(PASSWD).unwrap()).unwrap(), PASSWD);
        assert_eq!(render_group(&parse_group(GROUP).unwrap()).unwrap(), GROUP);
        assert_eq!(parse_group(GROUP).unwrap()[1].members, ["syslog", "app"]);
    }

    #[test]
    fn bad_lines_are_named_by_number_and_cause() {
        for (text, message) in [
            ("root:x:0:0:root:/root", "line 1: 6 fields between colons, expected 7"),
            ("\nroot:x:-1:0::/:/", "line 2: uid `-1` is not a number up to 4294967295"),
            ("root:x:0:4294967296::/:/", "line 1: gid `4294967296` is not a number up to 4294967295"),
            ("root:x:0:+1::/:/", "line 1: gid `+1` is not a number up to 4294967295"),
            (":x:0:0::/:/", "line 1: name `` is empty"),
            ("12:x:0:0::/:/", "line 1: name `12` is a number"),
            ("-a:x:0:0::/:/", "line 1: name `-a` starts with `-`"),
            ("a b:x:0:0::/:/", "line 1: name `a b` holds the character ' '"),
            ("a:x:0:0::/\u{7}:/", "line 1: home `/\\u{7}` holds the character '\\u{7}'"),
        ] {
            assert_eq!(parse_passwd(text).unwrap_err().to_string(), message);
        }
        assert_eq!(
            parse_group("a:x:0:b:c").unwrap_err().to_string(),
            "line 1: 5 fields between colons, expected 4"
        );
        assert!(parse_group("a:x:0:b c").is_err());
    }

    #[test]
    fn a_field_cannot_make_a_second_line() {
        let mut user = parse_passwd(PASSWD).unwrap().remove(0);
        user.gecos = "x\nevil:x:0:0::/:/bin/sh".to_owned();
        assert!(render_passwd(&[user]).is_err());
        let group = Group { name: "a:b".to_owned(), password: "x".to_owned(), gid: 1, members: Vec::new() };
        assert!(render_group(&[group]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_rendered_is_parsed_back(
            name in "\\PC{0,12}", gecos in "\\PC{0,20}", home in any::<String>(), uid: u32, gid: u32,
        ) {
            let user = User {
                name, gecos, home, uid, gid, password: "x".to_owned(), shell: "/bin/sh".to_owned(),
            };
            if let Ok(text) = render_passwd(std::slice::from_ref(&user)) {
                prop_assert_eq!(parse_passwd(&text).unwrap(), [user]);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = parse_passwd(&text);
            let _ = parse_group(&text);
        }
    }
}
