//! Typed access to a test file's nodes: what is wrong is said at its place.

use std::cell::Cell;
use std::path::Path;

use bareboat_formats::yaml::{Entry, Key, Node, Value};
use bareboat_model::{Error, Place, Result, error_at, escape, nearest};

/// The text under the reader's eyes.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a Path,
    /// How many regular expressions were read.
    pub(super) patterns: &'a Cell<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn place(&self, node: &Node) -> Place {
        Place::of(self.file, self.text, node.span.start)
    }

    pub(super) fn wrong(&self, node: &Node, message: &str) -> Error {
        error_at(self.file, self.text, node.span.clone(), message)
    }

    fn expected(&self, node: &Node, what: &str, expected: &str) -> Error {
        let found = match &node.value {
            Value::Scalar { text, .. } if !node.is_null() => format!("`{}`", escape(&shortened(text))),
            _ => node.kind().to_owned(),
        };
        self.wrong(node, &format!("`{what}` is {found}, expected {expected}"))
    }

    pub(super) fn string(&self, node: &'a Node, what: &str) -> Result<&'a str> {
        match &node.value {
            // A number or `true` where text belongs is taken as it stands, as `user: 1000` is meant.
            Value::Scalar { text, .. } if !node.is_null() => Ok(text),
            _ => Err(self.expected(node, what, "text")),
        }
    }

    /// As YAML 1.1 has them, which the files were written for.
    pub(super) fn boolean(&self, node: &Node, what: &str) -> Result<bool> {
        let Value::Scalar { text, plain: true } = &node.value else {
            return Err(self.expected(node, what, "true or false"));
        };
        match &**text {
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "y" | "Y" | "on" | "On" | "ON" => Ok(true),
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "n" | "N" | "off" | "Off" | "OFF" => Ok(false),
            _ => Err(self.expected(node, what, "true or false")),
        }
    }

    /// As YAML 1.1 and Go have them: decimal, `0x`, `0b`, `0o` and a leading 0 for octal, with `_` between digits.
    pub(super) fn integer(&self, node: &Node, what: &str) -> Result<i64> {
        let wrong = || self.expected(node, what, "a whole number");
        let Value::Scalar { text, plain: true } = &node.value else { return Err(wrong()) };
        let digits = text.replace('_', "");
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
        };
        let (radix, digits) = match (digits.get(..2), digits) {
            (Some("0x" | "0X"), _) => (16, &digits[2..]),
            (Some("0b" | "0B"), _) => (2, &digits[2..]),
            (Some("0o" | "0O"), _) => (8, &digits[2..]),
            (Some(_), octal) if octal.starts_with('0') => (8, &octal[1..]),
            (_, decimal) => (10, decimal),
        };
        let unsigned = digits.bytes().all(|b| b.is_ascii_alphanumeric());
        let value = i64::from_str_radix(digits, radix).ok().filter(|_| unsigned);
        value.map(|value| sign * value).ok_or_else(wrong)
    }

    pub(super) fn list<T>(
        &self,
        node: &'a Node,
        what: &str,
        item: impl Fn(&'a Node) -> Result<T>,
    ) -> Result<Vec<T>> {
        match &node.value {
            Value::Sequence(items) => items.iter().map(|node| item(node)).collect(),
            _ => Err(self.expected(node, what, "a list")),
        }
    }

    pub(super) fn strings(&self, node: &'a Node, what: &str) -> Result<Vec<String>> {
        self.list(node, what, |item| Ok(self.string(item, what)?.to_owned()))
    }

    /// The entries of a mapping, whose keys must all be known.
    pub(super) fn table(&self, node: &'a Node, what: &str, known: &[&'static str]) -> Result<Table<'a>> {
        let Value::Mapping(entries) = &node.value else { return Err(self.expected(node, what, "a mapping")) };
        for (key, _) in entries {
            if !known.contains(&&*key.text) {
                return Err(self.unknown(key, known));
            }
        }
        Ok(Table { source: *self, node, entries })
    }

    fn unknown(&self, key: &Key, known: &[&str]) -> Error {
        let shown = escape(&shortened(&key.text));
        let message = match nearest(&key.text, known.iter().copied()) {
            Some(near) => format!("unknown key `{shown}`, did you mean `{near}`?"),
            None => format!("unknown key `{shown}`, expected one of {}", known.join(", ")),
        };
        error_at(self.file, self.text, key.span.clone(), &message)
    }
}

fn shortened(text: &str) -> String {
    const ENOUGH: usize = 60;
    match text.char_indices().nth(ENOUGH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A mapping with known keys.
pub(super) struct Table<'a> {
    pub(super) source: Source<'a>,
    pub(super) node: &'a Node,
    entries: &'a [Entry],
}

impl<'a> Table<'a> {
    /// The value of a key; none when it is not there, or nothing.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        let (_, value) = self.entries.iter().find(|(name, _)| name.text == key)?;
        (!value.is_null()).then_some(value)
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<String>> {
        self.get(key).map(|node| Ok(self.source.string(node, key)?.to_owned())).transpose()
    }

    /// A string that must be there and say something.
    pub(super) fn required(&self, key: &str) -> Result<String> {
        match self.string(key)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => {
                Err(self.source.wrong(self.get(key).unwrap_or(self.node), &format!("`{key}` is empty")))
            }
            None => Err(self.source.wrong(self.node, &format!("key `{key}` is missing"))),
        }
    }

    pub(super) fn boolean(&self, key: &str, default: bool) -> Result<bool> {
        self.get(key).map_or(Ok(default), |node| self.source.boolean(node, key))
    }

    pub(super) fn integer(&self, key: &str) -> Result<Option<i64>> {
        self.get(key).map(|node| self.source.integer(node, key)).transpose()
    }

    pub(super) fn strings(&self, key: &str) -> Result<Vec<String>> {
        self.get(key).map_or(Ok(Vec::new()), |node| self.source.strings(node, key))
    }

    pub(super) fn list<T>(&self, key: &str, item: impl Fn(&'a Node) -> Result<T>) -> Result<Vec<T>> {
        self.get(key).map_or(Ok(Vec::new()), |node| self.source.list(node, key, item))
    }
}
