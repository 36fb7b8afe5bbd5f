//! From the source to the lines that instructions are: directives, comments, continued lines, here-documents.

use std::ops::Range;

use bareboat_model::Word;

use super::{Document, Problem};

/// A piece of a logical line: continued lines joined, with the way back to the source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Text {
    /// The characters.
    pub text: String,
    /// Where pieces begin: in `text`, and in the source. Within a piece, bytes correspond.
    pieces: Vec<(usize, usize)>,
}

impl Text {
    fn push(&mut self, text: &str, source: usize) {
        self.pieces.push((self.text.len(), source));
        self.text.push_str(text);
    }

    /// The byte of the source at which a byte of the text stands.
    fn place(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(begin, _)| *begin <= at).saturating_sub(1);
        self.pieces.get(piece).map_or(0, |(begin, source)| source + (at - begin))
    }

    /// The bytes of the source that a range of the text stands for.
    pub fn span(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start);
        if range.is_empty() { start..start } else { start..self.place(range.end - 1) + 1 }
    }

    /// A part of it, as a word.
    pub(super) fn word(&self, range: Range<usize>) -> Word {
        Word { text: self.text[range.clone()].to_owned(), span: self.span(range) }
    }

    /// All from `at` on, without white space around it.
    pub(super) fn behind(&self, at: usize) -> Self {
        let rest = &self.text[at..];
        let start = at + (rest.len() - rest.trim_start().len());
        let end = start + self.text[start..].trim_end().len();
        let first = (0, self.place(start));
        let later = self.pieces.iter().filter(|(begin, _)| (start + 1..end).contains(begin));
        let pieces =
            std::iter::once(first).chain(later.map(|(begin, source)| (begin - start, *source))).collect();
        Self { text: self.text[start..end].to_owned(), pieces }
    }

    /// It as one word.
    pub fn whole(&self) -> Word {
        self.word(0..self.text.len())
    }
}

/// The source, line by line.
pub(super) struct Lines<'a> {
    source: &'a str,
    at: usize,
    pub(super) escape: char,
    pub(super) syntax: Option<Word>,
    pub(super) comments: Vec<Word>,
    pub(super) problems: Vec<Problem>,
}

/// A line of the source without its end, and where it begins.
type Line<'a> = (&'a str, usize);

impl<'a> Lines<'a> {
    /// At the first line that is no directive.
    pub(super) fn new(source: &'a str) -> Self {
        let at = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut lines =
            Self { source, at, escape: '\\', syntax: None, comments: Vec::new(), problems: Vec::new() };
        lines.directives();
        lines
    }

    fn peek(&self) -> Option<(Line<'a>, usize)> {
        let rest = self.source.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        let line = rest[..length].strip_suffix('\n').unwrap_or(rest);
        Some(((line.strip_suffix('\r').unwrap_or(line), self.at), self.at + length))
    }

    fn next(&mut self) -> Option<Line<'a>> {
        let (line, next) = self.peek()?;
        self.at = next;
        Some(line)
    }

    /// `# NAME=VALUE` lines before all else, comments and empty lines too.
    fn directives(&mut self) {
        let mut seen = Vec::new();
        while let Some(((line, at), next)) = self.peek() {
            let Some((name, value)) = directive(line) else { return };
            let begin = at + (value.as_ptr() as usize - line.as_ptr() as usize);
            let span = begin..begin + value.len();
            let name = name.to_ascii_lowercase();
            match &*name {
                "syntax" => self.syntax = Some(Word { text: value.to_owned(), span: span.clone() }),
                "escape" => match value {
                    "\\" => {}
                    "`" => self.escape = '`',
                    _ => self.problem(span.clone(), "expected \\ or ` as the escape character"),
                },
                "check" => {}
                _ => return,
            }
            if seen.contains(&name) {
                self.problem(span, &format!("the directive `{name}` is there twice"));
            }
            seen.push(name);
            self.at = next;
        }
    }

    pub(super) fn problem(&mut self, span: Range<usize>, message: &str) {
        self.problems.push(Problem { span, message: message.to_owned() });
    }

    /// The next line that says something, with those that continue it.
    pub(super) fn logical(&mut self) -> Option<Text> {
        let mut text = Text::default();
        let mut open = false;
        while let Some((line, at)) = self.next() {
            let trimmed = line.trim_start();
            let indent = line.len() - trimmed.len();
            if let Some(comment) = trimmed.strip_prefix('#') {
                let begin = at + indent + 1;
                self.comments.push(Word { text: comment.to_owned(), span: begin..begin + comment.len() });
                continue;
            }
            if trimmed.is_empty() {
                continue;
            }
            // Only the first line loses its white space: in continued ones, it may stand in quotes.
            let (line, at) = if open { (line, at) } else { (trimmed, at + indent) };
            let (said, goes_on) = self.without_continuation(line);
            text.push(said, at);
            open = true;
            if !goes_on {
                break;
            }
        }
        open.then_some(text)
    }

    /// A line ends with the escape character when it goes on, white space behind it; twice the character is itself.
    fn without_continuation(&self, line: &'a str) -> (&'a str, bool) {
        let Some(before) = line.trim_end_matches([' ', '\t']).strip_suffix(self.escape) else {
            return (line, false);
        };
        if before.ends_with(self.escape) { (line, false) } else { (before, true) }
    }

    /// How far was read, without the end of the last line.
    pub(super) fn end(&self) -> usize {
        let read = &self.source[..self.at];
        let read = read.strip_suffix('\n').unwrap_or(read);
        read.strip_suffix('\r').unwrap_or(read).len()
    }

    /// The lines of a here-document.
    pub(super) fn document(&mut self, name: &str, expands: bool, strip: bool) -> Document {
        let start = self.at;
        let mut text = String::new();
        while let Some(((line, _), next)) = self.peek() {
            let said = if strip { line.trim_start_matches('\t') } else { line };
            let end = self.at;
            self.at = next;
            if said == name {
                return Document { name: name.to_owned(), expands, text, span: start..end };
            }
            text.push_str(said);
            text.push('\n');
        }
        let span = start..self.source.len();
        self.problem(span.start..span.start, &format!("the here-document `{name}` does not end"));
        Document { name: name.to_owned(), expands, text, span }
    }
}

fn directive(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    (named && !value.is_empty()).then_some((name, value))
}
