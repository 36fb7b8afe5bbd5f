//! Errors that point into a file that a person wrote: the place, the words, and the line with a caret below it.
//!
//! By hand: it is one line of text and one caret.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::{Error, escape};

/// A place in a file that a person wrote. Displayed as `FILE:LINE:COLUMN`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The file, as the person named it; a catalog entry of recipes is `catalog/SUITE/NAME.toml`.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte of `text`. An offset beyond the end is the end.
    pub fn of(file: &Path, text: &str, offset: usize) -> Self {
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

/// A piece of a text that a person wrote: what it says, and the bytes that it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// What it says: quotes and escapes may be taken off, lines joined.
    pub text: String,
    /// From its first byte to behind its last one, quotes included.
    pub span: Range<usize>,
}

/// An error at `span` of `text`: ``cannot read `FILE:LINE:COLUMN`: MESSAGE``, then the line and a caret.
pub fn error_at(file: &Path, text: &str, span: Range<usize>, message: &str) -> Error {
    let place = Place::of(file, text, span.start);
    let snippet = snippet(text, &span, place.line);
    Error::new(format!("cannot read `{place}`: {message}{snippet}"))
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
