//! Errors that point into a TOML file: the place, the words, and the line with a caret below it.
//!
//! By hand: it is one line of text and one caret, and what serde says has to be put into a person's words anyway.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bareboat_model::{Error, escape};

use super::nearest::nearest;

/// A place in a file that a person wrote. Displayed as `FILE:LINE:COLUMN`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The file, as the person named it; a catalog entry is `catalog/SUITE/NAME.toml`.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte of `text`. An offset beyond the end is the end.
    pub(crate) fn of(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The folder of the file: what paths in it are relative to.
    pub fn folder(&self) -> &Path {
        match self.file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", escape(&self.file.display().to_string()), self.line, self.column)
    }
}

/// An error at `span` of `text`: ``cannot read `FILE:LINE:COLUMN`: MESSAGE``, then the line and a caret.
fn error_at(file: &Path, text: &str, span: Range<usize>, message: &str) -> Error {
    let place = Place::of(file, text, span.start);
    let snippet = snippet(text, &span, place.line);
    Error::new(format!("cannot read `{place}`: {message}{snippet}"))
}

/// An error at whatever begins at `offset`: up to the end of the key or value, or of the line.
pub(crate) fn error_from(file: &Path, text: &str, offset: usize, message: &str) -> Error {
    let rest = text.get(offset..).unwrap_or_default();
    let end = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].find([quote, '\n']).map_or(rest.len(), |at| at + 2),
        Some('[') => rest.find('\n').unwrap_or(rest.len()),
        _ => rest.find(['\n', ',', '=', ']', '#']).unwrap_or(rest.len()),
    };
    let length = rest.get(..end).unwrap_or_default().trim_end().len();
    error_at(file, text, offset..offset + length, message)
}

/// What `toml` found wrong, in a person's words and with its place.
pub(crate) fn toml_error(file: &Path, text: &str, error: &toml::de::Error) -> Error {
    let message = match error.span().and_then(|span| text.get(span)) {
        Some(key) if error.message() == "duplicate key" => format!("key `{}` is there twice", escape(key)),
        Some("") if error.message().starts_with("string values must be quoted") => {
            "a value is missing".to_owned()
        }
        _ => plain_words(error.message()),
    };
    match error.span() {
        // A missing key has the whole table for its place, which for the top table is the whole file.
        Some(span) if span.start < text.len() => error_at(file, text, span, &message),
        _ => error_at(file, text, text.trim_end().len()..text.len(), &message),
    }
}

/// serde's and toml's messages, reworded: no Rust type names, the field's terms, and a guess at what was meant.
fn plain_words(message: &str) -> String {
    if let Some((given, known)) = after(message, "unknown field `", "`, ") {
        return unknown("key", given, known);
    }
    if let Some((given, known)) = after(message, "unknown variant `", "`, ") {
        return unknown("value", given, known);
    }
    if let Some((key, _)) = after(message, "missing field `", "`") {
        return format!("key `{key}` is missing");
    }
    let mismatch = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = mismatch.and_then(|rest| rest.split_once(", expected ")) {
        return format!("expected {}, found {}", in_toml_terms(expected), escape(&in_toml_terms(found)));
    }
    if message.starts_with("unexpected leading zero") {
        return "a number cannot begin with 0; a mode is a string, such as \"0644\"".to_owned();
    }
    escape(message.strip_suffix(", expected nothing").unwrap_or(message))
}

fn after<'a>(message: &'a str, prefix: &str, end: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(prefix)?.split_once(end)
}

fn unknown(what: &str, given: &str, known: &str) -> String {
    let names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let shown = escape(given);
    match nearest(given, names.iter().copied()) {
        Some(near) => format!("unknown {what} `{shown}`, did you mean `{near}`?"),
        None => format!("unknown {what} `{shown}`, expected one of {}", names.join(", ")),
    }
}

fn in_toml_terms(words: &str) -> String {
    match words {
        "sequence" => "an array".to_owned(),
        "a sequence" => "an array".to_owned(),
        "map" => "a table".to_owned(),
        "a map" => "a table".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "i64" | "u8" | "u16" | "u32" | "u64" => "a whole number".to_owned(),
        other => other.replace("floating point", "number"),
    }
}

/// A line longer than this is shown only around its caret.
const WIDEST: usize = 100;

fn snippet(text: &str, span: &Range<usize>, line_number: usize) -> String {
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let Some(line) = text.get(start..).and_then(|rest| rest.lines().next()) else {
        return String::new();
    };
    let caret_from = span.start.saturating_sub(start).min(line.len());
    let caret_to = span.end.saturating_sub(start).clamp(caret_from, line.len());
    let (Some(before), Some(marked), Some(rest)) =
        (line.get(..caret_from), line.get(caret_from..caret_to), line.get(caret_to..))
    else {
        return String::new();
    };
    let before = shown(before);
    let marked: String = shown(marked).chars().take(WIDEST).collect();
    let hidden = (before.chars().count() + marked.chars().count()).saturating_sub(WIDEST);
    let before: String = before.chars().skip(hidden).collect();
    let room = WIDEST.saturating_sub(before.chars().count() + marked.chars().count());
    let rest: String = shown(rest).chars().take(room).collect();
    let gutter = line_number.to_string();
    let indent = " ".repeat(gutter.len());
    let pad = " ".repeat(before.chars().count());
    let carets = "^".repeat(marked.chars().count().max(1));
    format!("\n{indent} |\n{gutter} | {before}{marked}{rest}\n{indent} | {pad}{carets}")
}

/// One column a character: a tab becomes a blank, what could steer a terminal is escaped.
fn shown(text: &str) -> String {
    escape(&text.replace('\t', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a = 1\nbé = 2\n";
        for (offset, line, column) in [(0, 1, 1), (6, 2, 1), (9, 2, 3), (99, 3, 1)] {
            let place = Place::of(Path::new("f.toml"), text, offset);
            assert_eq!((place.line, place.column), (line, column), "{offset}");
        }
    }

    #[test]
    fn the_folder_of_a_bare_file_name_is_here() {
        for (file, folder) in [("bareboat.toml", "."), ("a/b.toml", "a"), ("/b.toml", "/")] {
            assert_eq!(Place { file: file.into(), line: 1, column: 1 }.folder(), Path::new(folder));
        }
    }

    #[test]
    fn a_long_line_is_shown_around_its_caret() {
        let text = format!("{}x{}", "a".repeat(500), "b".repeat(500));
        let message = error_at(Path::new("f"), &text, 500..501, "wrong").to_string();
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines[2], format!("1 | {}x", "a".repeat(99)));
        assert_eq!(lines[3].find('^'), lines[2].find('x'));
    }

    #[test]
    fn nothing_in_the_line_steers_the_terminal() {
        let message = error_at(Path::new("f"), "a\t\u{1b}[2J = 1", 1..2, "wrong").to_string();
        assert!(!message.contains(['\u{1b}', '\t']), "{message:?}");
    }
}
