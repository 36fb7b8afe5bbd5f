//! What stands in a word once its variables are known.

/// What is known of a variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variable {
    /// It has this value.
    Known(String),
    /// There is none of that name: it is expanded to nothing.
    Unset,
    /// It has a value that the text does not tell, such as that of a build argument without a default.
    Unknown,
}

/// A word, expanded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expanded {
    /// It says this.
    Text(String),
    /// What it says depends on what the text does not tell.
    Unknown,
}

/// How deep `${NAME:-${OTHER:-…}}` is followed.
const DEEPEST: usize = 16;

/// Takes quotes and escapes off a word, and puts in the values of its variables, as Docker does in `FROM`, `ENV`, `COPY` and
/// their like; never in commands, where a shell does it, or nobody.
///
/// ```
/// use bareboat_formats::dockerfile::{Expanded, Variable, expand};
/// let value = |name: &str| if name == "V" { Variable::Known("13".into()) } else { Variable::Unset };
/// assert_eq!(expand("debian:${V}-${W:-slim}", '\\', &value), Expanded::Text("debian:13-slim".into()));
/// ```
pub fn expand(word: &str, escape: char, value: &dyn Fn(&str) -> Variable) -> Expanded {
    let mut reader = Reader { rest: word, escape, value };
    match reader.until(None, DEEPEST) {
        Some(text) => Expanded::Text(text),
        None => Expanded::Unknown,
    }
}

struct Reader<'a> {
    rest: &'a str,
    escape: char,
    value: &'a dyn Fn(&str) -> Variable,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Up to `end`, which is taken; nothing when it cannot be told.
    fn until(&mut self, end: Option<char>, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let mut text = String::new();
        let mut quoted = false;
        while let Some(c) = self.next() {
            match c {
                _ if Some(c) == end && !quoted => return Some(text),
                '"' => quoted = !quoted,
                '\'' if !quoted => {
                    let length = self.rest.find('\'')?;
                    text.push_str(&self.rest[..length]);
                    self.rest = &self.rest[length + 1..];
                }
                '$' => text.push_str(&self.variable(depth)?),
                c if c == self.escape => match self.next() {
                    // In double quotes only these lose it.
                    Some(next) if quoted && !matches!(next, '"' | '$') && next != self.escape => {
                        text.extend([c, next]);
                    }
                    Some(next) => text.push(next),
                    None => text.push(c),
                },
                c => text.push(c),
            }
        }
        (end.is_none() && !quoted).then_some(text)
    }

    fn variable(&mut self, depth: usize) -> Option<String> {
        if !self.rest.starts_with('{') {
            let name = self.name();
            return if name.is_empty() { Some("$".to_owned()) } else { known_or_empty((self.value)(name)) };
        }
        self.next();
        let name = self.name();
        let value = (self.value)(name);
        let colon = self.rest.starts_with(':');
        if colon {
            self.next();
        }
        let set = match &value {
            Variable::Known(text) => !(colon && text.is_empty()),
            Variable::Unset => false,
            Variable::Unknown if !self.rest.starts_with('}') => return None,
            Variable::Unknown => true,
        };
        match self.next()? {
            '}' if !colon => known_or_empty(value),
            operation @ ('-' | '+' | '?') => {
                let other = self.until(Some('}'), depth);
                match (operation, set) {
                    ('-' | '?', true) => known_or_empty(value),
                    ('-', false) | ('+', true) => other,
                    ('+', false) => Some(String::new()),
                    // Docker ends here with an error.
                    _ => None,
                }
            }
            // Patterns (`#`, `%`, `/`) are rare, and of images and users nobody cuts pieces.
            _ => None,
        }
    }

    /// A name, or the digit of an argument.
    fn name(&mut self) -> &'a str {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }
}

fn known_or_empty(value: Variable) -> Option<String> {
    match value {
        Variable::Known(text) => Some(text),
        Variable::Unset => Some(String::new()),
        Variable::Unknown => None,
    }
}
