//! tmpfiles.d(5): directories, files and links that a package declares.

use bareboat_model::{Error, Result};

use crate::declarations;

/// One line of a tmpfiles.d file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The letter: `d` makes a directory, `L` a link, `z` sets mode and owner, …
    pub kind: char,
    /// Signs behind the letter, such as `+` and `!`.
    pub modifiers: String,
    /// The path, as written: specifiers such as `%t` not expanded.
    pub path: String,
    /// The mode in octal digits; a `~` or `:` before it is taken off.
    pub mode: Option<u32>,
    /// The owner; none for `-`.
    pub user: Option<String>,
    /// The group.
    pub group: Option<String>,
    /// A link's target, a file's content.
    pub argument: Option<String>,
}

/// Reads a tmpfiles.d file.
///
/// ```
/// use bareboat_formats::tmpfiles_d::parse;
/// let lines = parse("d /run/redis 2755 redis redis - -\n").unwrap();
/// assert_eq!((lines[0].kind, lines[0].mode), ('d', Some(0o2755)));
/// ```
///
/// # Errors
/// When a line is none; with its number.
pub fn parse(text: &str) -> Result<Vec<Line>> {
    declarations::parse(text, line)
}

fn line(columns: &[String]) -> Result<Line> {
    let column = |at: usize| columns.get(at).filter(|text| *text != "-" && !text.is_empty()).cloned();
    let mut letters = columns[0].chars();
    let kind = letters
        .next()
        .filter(char::is_ascii_alphabetic)
        .ok_or_else(|| Error::new("the letter is missing"))?;
    let path = columns.get(1).filter(|path| path.starts_with(['/', '%'])).cloned();
    let path = path.ok_or_else(|| Error::new("the path is missing, or does not start with `/`"))?;
    let mode = match column(2) {
        None => None,
        Some(text) => {
            let digits = text.trim_start_matches(['~', ':']);
            let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777);
            Some(mode.ok_or_else(|| Error::new(format!("`{}` is no mode", bareboat_model::escape(&text))))?)
        }
    };
    // The argument is the rest of the line.
    let argument = columns.get(6..).map(|rest| rest.join(" ")).filter(|text| !text.is_empty() && text != "-");
    let owner = |at| column(at).map(|name| name.trim_start_matches(':').to_owned());
    Ok(Line { kind, modifiers: letters.collect(), path, mode, user: owner(3), group: owner(4), argument })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_up_to_seven_columns() {
        let lines = parse("d /run/a\nL+ /var/x - - - - ../y z\nz /etc/k 0640 root adm\nD! %t/b ~0755 :u -\n")
            .unwrap();
        let shown: Vec<_> = lines
            .iter()
            .map(|line| {
                (line.kind, line.modifiers.as_str(), line.path.as_str(), line.mode, line.group.as_deref())
            })
            .collect();
        assert_eq!(
            shown,
            [
                ('d', "", "/run/a", None, None),
                ('L', "+", "/var/x", None, None),
                ('z', "", "/etc/k", Some(0o640), Some("adm")),
                ('D', "!", "%t/b", Some(0o755), None),
            ]
        );
        assert_eq!(lines[1].argument.as_deref(), Some("../y z"));
        assert_eq!(lines[3].user.as_deref(), Some("u"));
    }

    #[test]
    fn what_is_no_line_is_refused_with_its_number() {
        for (text, message) in [
            ("d", "line 1: the path is missing, or does not start with `/`"),
            ("\nd x", "line 2: the path is missing, or does not start with `/`"),
            ("d /x 9", "line 1: `9` is no mode"),
            ("/x y", "line 1: the letter is missing"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
    }
}
