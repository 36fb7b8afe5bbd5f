//! sysusers.d(5): system users and groups that a package declares.

use bareboat_model::{Error, Result};

use crate::declarations;

/// One line of a sysusers.d file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// What it declares.
    pub kind: Kind,
    /// The user's or group's name.
    pub name: String,
    /// The number, group or path of the second column; none for `-`.
    pub id: Option<String>,
    /// The user's full name; none for `-`.
    pub gecos: Option<String>,
    /// The home directory.
    pub home: Option<String>,
    /// The login shell.
    pub shell: Option<String>,
}

/// What a line declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `u`: a user, and a group of the same name.
    User,
    /// `g`: a group.
    Group,
    /// `m`: a user in a group, which is the second column.
    Member,
    /// `r`: a range of numbers to choose from.
    Range,
}

/// Reads a sysusers.d file.
///
/// ```
/// use bareboat_formats::sysusers_d::{Kind, parse};
/// let lines = parse("# comment\nu redis - \"Redis server\" /var/lib/redis\n").unwrap();
/// assert_eq!((lines[0].kind, lines[0].home.as_deref()), (Kind::User, Some("/var/lib/redis")));
/// ```
///
/// # Errors
/// When a line is none; with its number.
pub fn parse(text: &str) -> Result<Vec<Line>> {
    declarations::parse(text, line)
}

fn line(columns: &[String]) -> Result<Line> {
    let column = |at: usize| columns.get(at).filter(|text| *text != "-" && !text.is_empty()).cloned();
    // `u!` locks the account, which system users without a password are anyway.
    let kind = match columns[0].trim_end_matches('!') {
        "u" => Kind::User,
        "g" => Kind::Group,
        "m" => Kind::Member,
        "r" => Kind::Range,
        other => return Err(Error::new(format!("`{}` is no kind of line", bareboat_model::escape(other)))),
    };
    let name = columns.get(1).cloned().ok_or_else(|| Error::new("the name is missing"))?;
    Ok(Line { kind, name, id: column(2), gecos: column(3), home: column(4), shell: column(5) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_up_to_six_columns() {
        let text = "u\t_chrony 990:991 'Chrony daemon' /var/lib/chrony /bin/false\ng input - -\nm _chrony audio\nr - 500-900\nu! x -";
        let lines = parse(text).unwrap();
        let shown: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.kind,
                    line.name.as_str(),
                    line.id.as_deref(),
                    line.gecos.as_deref(),
                    line.shell.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                (Kind::User, "_chrony", Some("990:991"), Some("Chrony daemon"), Some("/bin/false")),
                (Kind::Group, "input", None, None, None),
                (Kind::Member, "_chrony", Some("audio"), None, None),
                (Kind::Range, "-", Some("500-900"), None, None),
                (Kind::User, "x", None, None, None),
            ]
        );
    }

    #[test]
    fn what_is_no_line_is_refused_with_its_number() {
        for (text, message) in [
            ("g a\nx b", "line 2: `x` is no kind of line"),
            ("u", "line 1: the name is missing"),
            ("u \"a", "line 1: a quote is never closed"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
    }
}
