//! The file that `envFile` names: `NAME=value` lines with comments, quotes, `export`, and names of lines before.

use std::collections::BTreeMap;

use bareboat_model::{Error, Result, escape};

/// Reads the lines, in the dialect of the library that the original has (godotenv 1.5.1). Variables without a value are
/// left out, as there.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let text = text.replace("\r\n", "\n");
    let mut values = BTreeMap::new();
    let mut rest = &*text;
    while let Some((statement, line)) = next_statement(rest, &text) {
        let wrong = |why: &str| Error::new(format!("line {line}: {why}"));
        let (name, after) = statement
            .split_once(['=', ':'])
            .filter(|(name, _)| !name.contains('\n'))
            .ok_or_else(|| wrong("it has no `=`"))?;
        let name = match name.strip_prefix("export") {
            Some(name) if name.starts_with([' ', '\t']) => name.trim(),
            _ => name.trim(),
        };
        if name.is_empty() || !name.chars().all(|c| c == '_' || c == '.' || c.is_alphanumeric()) {
            return Err(wrong(&format!("`{}` is no name of a variable", escape(name))));
        }
        let after = after.trim_start_matches([' ', '\t']);
        let (value, left) = value(after, &values).ok_or_else(|| wrong("a quoted value has no end"))?;
        if value.contains('\0') {
            return Err(wrong("a value holds a NUL byte"));
        }
        values.insert(name.to_owned(), value);
        rest = left;
    }
    values.retain(|_, value| !value.is_empty());
    Ok(values)
}

/// The text from the next line that says something, and that line's number.
fn next_statement<'a>(mut rest: &'a str, whole: &str) -> Option<(&'a str, usize)> {
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        if !rest.starts_with('#') {
            let before = whole.len() - rest.len();
            return Some((rest, whole[..before].matches('\n').count() + 1));
        }
        rest = rest.find('\n').map_or("", |end| &rest[end..]);
    }
}

/// The value at the start of the text, and what comes after it.
fn value<'a>(text: &'a str, before: &BTreeMap<String, String>) -> Option<(String, &'a str)> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text.find('\n').unwrap_or(text.len());
        return Some((named(without_comment(&text[..end]), before), &text[end..]));
    };
    let inside = &text[1..];
    let mut ends = inside.match_indices(quote).map(|(at, _)| at);
    let end = ends.find(|&at| !inside[..at].ends_with('\\'))?;
    let value = &inside[..end];
    let value = if quote == '"' { named(&unescaped(value), before) } else { value.to_owned() };
    Some((value, &inside[end + 1..]))
}

fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').map(|(at, _)| at).rfind(|&at| line[..at].ends_with([' ', '\t']));
    line[..comment.unwrap_or(line.len())].trim()
}

/// `\n` and `\r` are line ends; before anything but `$`, a backslash only takes away its meaning.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match (c, letters.clone().next()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some(next)) if next != '$' => out.push(next),
            _ => {
                out.push(c);
                continue;
            }
        }
        letters.next();
    }
    out
}

/// `$NAME` and `${NAME}`, in capital letters, as lines before set them; `\$` is a dollar.
fn named(text: &str, before: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        let literal = rest[..at].ends_with('\\');
        out.push_str(rest[..at].strip_suffix('\\').unwrap_or(&rest[..at]));
        let inside = after.strip_prefix('{').unwrap_or(after);
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let end = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
        if literal || end == 0 {
            out.push('$');
            rest = after;
            continue;
        }
        out.push_str(before.get(&inside[..end]).map_or("", String::as_str));
        let left = &inside[end..];
        rest = left.strip_prefix('}').unwrap_or(left);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_original_does() {
        let text = "# comment\nA=1\n export B = two words # why\nC: 'a $A # b'\nD=\"x\\ny $A ${B}!\"\r\nE=\nF=a#b\n\
                    G=\\$A $a\nH=\"two\nlines\"\n";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a $A # b"),
            ("D", "x\ny 1 two words!"),
            ("F", "a#b"),
            ("G", "$A $a"),
            ("H", "two\nlines"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text).unwrap(), BTreeMap::from(expected));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, expected) in [
            ("\nA", "line 2: it has no `=`"),
            ("A=1\nno way=2", "line 2: `no way` is no name of a variable"),
            ("A=\"x\n", "line 1: a quoted value has no end"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
    }
}
