//! From characters to words: quotes, `$` and backquotes.

use bareboat_model::{Error, Result};

use super::{DEEPEST, Operation, Part, RedirectKind, Word};

/// A here-document whose text follows the line that names it.
pub(super) struct Pending {
    /// The line that ends it.
    end: String,
    /// Whether leading tabs are taken off.
    strip: bool,
    /// Whether it is taken as it is.
    literal: bool,
}

/// Where we are in the text.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) depth: usize,
    /// Here-documents named in this line.
    pub(super) pending: Vec<Pending>,
    /// The texts of those that were read, in order.
    pub(super) documents: Vec<Word>,
    /// How many here-documents were named.
    pub(super) named: usize,
}

/// Characters that end a word outside quotes.
fn ends_word(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, line: usize, depth: usize) -> Result<Self> {
        let reader = Self { text, at: 0, line, depth, pending: Vec::new(), documents: Vec::new(), named: 0 };
        if depth > DEEPEST {
            return Err(reader.wrong("commands stand too deep in one another"));
        }
        Ok(reader)
    }

    pub(super) fn wrong(&self, why: &str) -> Error {
        Error::new(format!("line {}: {why}", self.line))
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.line += text.matches('\n').count();
            self.at += text.len();
        }
        found
    }

    /// Goes one deeper for as long as `read` works.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("commands stand too deep in one another"));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Passes blanks, continued lines and a comment.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            if self.take("\\\n") || self.take(" ") || self.take("\t") || self.take("\r") {
                continue;
            }
            if self.peek() != Some('#') {
                return;
            }
            while self.peek().is_some_and(|c| c != '\n') {
                self.next();
            }
        }
    }

    /// Ends a line, and reads the here-documents that it named.
    pub(super) fn end_line(&mut self) -> Result<()> {
        for document in std::mem::take(&mut self.pending) {
            let word = self.document(&document)?;
            self.documents.push(word);
        }
        Ok(())
    }

    /// Notes a here-document by the word that ends it; gives its number.
    pub(super) fn name_document(&mut self, end: &Word, strip: bool) -> usize {
        let literal = end.iter().any(|part| matches!(part, Part::Text { quoted: true, .. }));
        let text = end.iter().map(|part| match part {
            Part::Text { text, .. } => text.as_str(),
            _ => "",
        });
        self.pending.push(Pending { end: text.collect(), strip, literal });
        self.named += 1;
        self.named - 1
    }

    fn document(&mut self, document: &Pending) -> Result<Word> {
        let first = self.line;
        let mut text = String::new();
        while !self.rest().is_empty() {
            let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
            self.at += line.len();
            self.line += 1;
            let line = if document.strip { line.trim_start_matches('\t') } else { line };
            if line.trim_end_matches('\n') == document.end {
                break;
            }
            text.push_str(line);
        }
        if document.literal {
            return Ok(vec![Part::Text { text, quoted: true }]);
        }
        let mut inner = Reader::new(&text, first, self.depth + 1)?;
        let mut parts = Word::new();
        inner.in_double_quotes(&mut parts, true)?;
        Ok(parts)
    }

    /// A word, or none when there is none here.
    pub(super) fn word(&mut self) -> Result<Option<Word>> {
        let mut parts = Word::new();
        let start = self.at;
        while let Some(c) = self.peek() {
            if ends_word(c) {
                break;
            }
            self.part(&mut parts)?;
        }
        Ok((self.at != start).then_some(parts))
    }

    /// One piece of a word outside quotes.
    fn part(&mut self, parts: &mut Word) -> Result<()> {
        let Some(c) = self.peek() else { return Ok(()) };
        match c {
            '\\' => {
                self.next();
                match self.next() {
                    Some('\n') | None => {}
                    Some(escaped) => push(parts, escaped, true),
                }
            }
            '\'' => {
                self.next();
                self.in_single_quotes(parts)?;
            }
            '"' => {
                self.next();
                parts.push(Part::Text { text: String::new(), quoted: true });
                self.in_double_quotes(parts, false)?;
            }
            '$' => self.dollar(parts, false)?,
            '`' => self.backquotes(parts, false)?,
            _ => {
                self.next();
                push(parts, c, false);
            }
        }
        Ok(())
    }

    fn in_single_quotes(&mut self, parts: &mut Word) -> Result<()> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some('\'') => break,
                Some(c) => text.push(c),
                None => return Err(self.wrong("a single quote is never closed")),
            }
        }
        parts.push(Part::Text { text, quoted: true });
        Ok(())
    }

    /// Up to the closing quote, or to the end of a here-document.
    fn in_double_quotes(&mut self, parts: &mut Word, document: bool) -> Result<()> {
        loop {
            match self.peek() {
                None if document => return Ok(()),
                None => return Err(self.wrong("a double quote is never closed")),
                Some('"') if !document => {
                    self.next();
                    return Ok(());
                }
                Some('\\') => {
                    self.next();
                    match self.next() {
                        Some('\n') => {}
                        Some(c @ ('$' | '`' | '\\')) => push(parts, c, true),
                        Some('"') if !document => push(parts, '"', true),
                        Some(c) => {
                            push(parts, '\\', true);
                            push(parts, c, true);
                        }
                        None => push(parts, '\\', true),
                    }
                }
                Some('$') => self.dollar(parts, true)?,
                Some('`') => self.backquotes(parts, true)?,
                Some(c) => {
                    self.next();
                    push(parts, c, true);
                }
            }
        }
    }

    fn dollar(&mut self, parts: &mut Word, quoted: bool) -> Result<()> {
        self.next();
        if self.take("((") {
            self.arithmetic()?;
            parts.push(Part::Arithmetic);
        } else if self.take("(") {
            let commands = self.deeper(|reader| {
                let commands = reader.list(&[])?;
                reader.skip_to_command()?;
                if !reader.take(")") {
                    return Err(reader.wrong("a `$(` is never closed"));
                }
                Ok(commands)
            })?;
            parts.push(Part::Substitution { commands, quoted });
        } else if self.take("{") {
            let part = self.deeper(|reader| reader.braces(quoted))?;
            parts.push(part);
        } else {
            match self.peek() {
                Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                    let name = self.identifier();
                    parts.push(Part::Variable { name, operation: Operation::None, quoted });
                }
                Some(c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => {
                    self.next();
                    let name = c.to_string();
                    parts.push(Part::Variable { name, operation: Operation::None, quoted });
                }
                Some('\'') if !quoted => {
                    self.next();
                    self.in_single_quotes(parts)?;
                }
                _ => push(parts, '$', quoted),
            }
        }
        Ok(())
    }

    pub(super) fn identifier(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    /// Behind `$((`: passes over it.
    fn arithmetic(&mut self) -> Result<()> {
        let mut open = 2usize;
        while open > 0 {
            match self.next() {
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some(_) => {}
                None => return Err(self.wrong("a `$((` is never closed")),
            }
        }
        Ok(())
    }

    /// Behind `${`.
    fn braces(&mut self, quoted: bool) -> Result<Part> {
        if self.rest().starts_with('#') && !self.rest().starts_with("#}") {
            self.next();
            let name = self.parameter()?;
            self.close_braces()?;
            return Ok(Part::Variable { name, operation: Operation::Length, quoted });
        }
        let name = self.parameter()?;
        let operation = match self.peek() {
            Some('}') => Operation::None,
            Some(':' | '-' | '=' | '+' | '?') => {
                let empty_too = self.take(":");
                match self.next() {
                    Some('-') => Operation::Default { word: self.until_brace(quoted)?, empty_too },
                    Some('=') => Operation::Assign { word: self.until_brace(quoted)?, empty_too },
                    Some('+') => Operation::Alternative { word: self.until_brace(quoted)?, empty_too },
                    _ => {
                        self.until_brace(quoted)?;
                        Operation::Other
                    }
                }
            }
            Some('#') => {
                self.next();
                let longest = self.take("#");
                Operation::RemovePrefix { pattern: self.until_brace(false)?, longest }
            }
            Some('%') => {
                self.next();
                let longest = self.take("%");
                Operation::RemoveSuffix { pattern: self.until_brace(false)?, longest }
            }
            _ => {
                self.until_brace(quoted)?;
                Operation::Other
            }
        };
        self.close_braces()?;
        Ok(Part::Variable { name, operation, quoted })
    }

    fn parameter(&mut self) -> Result<String> {
        let name = self.identifier();
        match self.peek() {
            _ if !name.is_empty() => Ok(name),
            Some(c) if "@*#?$!-".contains(c) => {
                self.next();
                Ok(c.to_string())
            }
            _ => Err(self.wrong("a `${` names no variable")),
        }
    }

    fn close_braces(&mut self) -> Result<()> {
        if self.take("}") { Ok(()) } else { Err(self.wrong("a `${` is never closed")) }
    }

    fn until_brace(&mut self, quoted: bool) -> Result<Word> {
        let mut parts = Word::new();
        while let Some(c) = self.peek() {
            match c {
                '}' => break,
                '$' => self.dollar(&mut parts, quoted)?,
                '`' => self.backquotes(&mut parts, quoted)?,
                '\'' if quoted => {
                    self.next();
                    push(&mut parts, '\'', true);
                }
                _ => self.part(&mut parts)?,
            }
        }
        Ok(parts)
    }

    fn backquotes(&mut self, parts: &mut Word, quoted: bool) -> Result<()> {
        let line = self.line;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('`') => break,
                Some('\\') => match self.next() {
                    Some(c @ ('$' | '`' | '\\')) => text.push(c),
                    Some('"') if quoted => text.push('"'),
                    Some(c) => {
                        text.push('\\');
                        text.push(c);
                    }
                    None => {}
                },
                Some(c) => text.push(c),
                None => return Err(self.wrong("a backquote is never closed")),
            }
        }
        let mut inner = Reader::new(&text, line, self.depth + 1)?;
        let commands = inner.whole()?;
        parts.push(Part::Substitution { commands, quoted });
        Ok(())
    }

    /// `>`, `<<-` and their like, behind the number.
    pub(super) fn redirect_operator(&mut self) -> Option<(RedirectKind, bool)> {
        [
            ("<<-", RedirectKind::Document, true),
            ("<<", RedirectKind::Document, false),
            ("<&", RedirectKind::Duplicate, false),
            ("<>", RedirectKind::Output, false),
            ("<", RedirectKind::Input, false),
            (">>", RedirectKind::Append, false),
            (">&", RedirectKind::Duplicate, false),
            (">|", RedirectKind::Output, false),
            (">", RedirectKind::Output, false),
        ]
        .into_iter()
        .find(|(operator, ..)| self.take(operator))
        .map(|(_, kind, strip)| (kind, strip))
    }
}

fn push(parts: &mut Word, c: char, quoted: bool) {
    match parts.last_mut() {
        Some(Part::Text { text, quoted: same }) if *same == quoted => text.push(c),
        _ => parts.push(Part::Text { text: c.to_string(), quoted }),
    }
}
