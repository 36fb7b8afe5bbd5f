//! What words stand for: quotes, variables, substitutions, patterns.

use bareboat_formats::sh::{Operation, Part, Word};
use bareboat_model::ImagePath;

use super::flow::Truth;
use super::follow::{Follower, LONGEST_COMMAND, LONGEST_VALUE, MOST_FIELDS, Value};

/// The longest text that is held against a pattern, and the longest pattern: both take time by the product.
pub(super) const LONGEST_MATCHED: usize = 4096;
const LONGEST_PATTERN: usize = 256;

/// A piece of a word that was expanded: a value, and whether it is split and may be a pattern.
struct Piece {
    value: Value,
    quoted: bool,
    /// Whether blanks in it make several words of it: text that stands in the script is cut already.
    splits: bool,
}

impl Follower<'_, '_> {
    /// The words that words stand for. One that is not known is one word, and so are too many of them.
    pub(super) fn fields(&mut self, words: &[Word]) -> Vec<Value> {
        let (mut fields, mut bytes) = (Vec::new(), 0);
        for word in words {
            let more = self.field(word);
            let more_bytes: usize = more.iter().flatten().map(String::len).sum();
            self.costs(16 * (1 + more.len()) + more_bytes);
            bytes += more_bytes;
            fields.extend(more);
            if fields.len() > MOST_FIELDS || bytes > LONGEST_COMMAND || self.is_giving_up() {
                fields.truncate(1); // the name of the command
                fields.push(None);
                break;
            }
        }
        fields
    }

    fn field(&mut self, word: &Word) -> Vec<Value> {
        if let [Part::Text { quoted: true, .. }, Part::Variable { name, operation: Operation::None, .. }] =
            &word[..]
            && name == "@"
        {
            return self.arguments.clone();
        }
        if let [Part::Variable { name, operation: Operation::None, quoted: false }] = &word[..]
            && matches!(name.as_str(), "@" | "*")
        {
            return self.arguments.iter().filter(|value| value.as_deref() != Some("")).cloned().collect();
        }
        let pieces = self.pieces(word);
        if pieces.iter().any(|piece| piece.value.is_none()) {
            return vec![None];
        }
        let mut fields: Vec<(String, String)> = Vec::new(); // the text, and as a pattern
        let mut open = false;
        for piece in &pieces {
            let text = piece.value.as_deref().unwrap_or_default();
            if !piece.splits {
                if !open {
                    fields.push((String::new(), String::new()));
                    open = true;
                }
                append(&mut fields, text, piece.quoted);
                continue;
            }
            let mut first = true;
            for part in text.split_ascii_whitespace() {
                if !open || !first || text.starts_with(|c: char| c.is_ascii_whitespace()) {
                    fields.push((String::new(), String::new()));
                }
                append(&mut fields, part, false);
                (open, first) = (true, false);
            }
            if text.ends_with(|c: char| c.is_ascii_whitespace()) {
                open = false;
            }
        }
        let mut values = Vec::new();
        for (text, pattern) in fields {
            values.extend(self.glob(text, &pattern));
        }
        values
    }

    /// The one value of a word where it is not split: assignments, `case`, redirections.
    pub(super) fn one(&mut self, word: &Word) -> Value {
        let mut text = String::new();
        for piece in self.pieces(word) {
            text.push_str(&piece.value?);
        }
        Some(text)
    }

    /// A word as a pattern: what is quoted stands for itself.
    pub(super) fn pattern(&mut self, word: &Word) -> Value {
        let mut pattern = String::new();
        for piece in self.pieces(word) {
            push_pattern(&mut pattern, &piece.value?, piece.quoted);
        }
        Some(pattern).filter(|pattern| pattern.len() <= LONGEST_PATTERN)
    }

    /// The pieces of a word, the last not known where it grows too long.
    fn pieces(&mut self, word: &Word) -> Vec<Piece> {
        let (mut pieces, mut length) = (Vec::new(), 0);
        for part in word {
            let mut piece = self.piece(part);
            let more = piece.value.as_ref().map_or(0, String::len);
            self.costs(16 + more);
            length += more;
            let too_long = length > LONGEST_VALUE || self.is_giving_up();
            if too_long {
                piece.value = None;
            }
            pieces.push(piece);
            if too_long {
                break;
            }
        }
        pieces
    }

    fn piece(&mut self, part: &Part) -> Piece {
        match part {
            Part::Text { text, quoted } => {
                Piece { value: Some(text.clone()), quoted: *quoted, splits: false }
            }
            Part::Variable { name, operation, quoted } => {
                Piece { value: self.variable(name, operation), quoted: *quoted, splits: !quoted }
            }
            Part::Substitution { commands, quoted } => {
                let value = self.output_of(commands).map(|text| text.trim_end_matches('\n').to_owned());
                Piece { value, quoted: *quoted, splits: !quoted }
            }
            Part::Arithmetic => Piece { value: None, quoted: true, splits: false },
        }
    }

    /// The value of a variable; one that was never set is empty.
    fn value(&self, name: &str) -> Value {
        match name {
            "@" | "*" => {
                let all: Option<Vec<&str>> = self.arguments.iter().map(Option::as_deref).collect();
                Some(all?.join(" "))
            }
            "#" => Some(self.arguments.len().to_string()),
            "0" => Some(format!("/var/lib/dpkg/info/{}.postinst", self.package.name)),
            // Programs that fail say so with 1, unless they mean something more by it.
            "?" => match self.last {
                Truth::Yes => Some("0".to_owned()),
                Truth::No => Some("1".to_owned()),
                Truth::Unknown => None,
            },
            "$" | "!" | "-" => None,
            _ => match name.parse::<usize>() {
                Ok(number) => {
                    self.arguments.get(number.wrapping_sub(1)).cloned().unwrap_or_else(|| Some(String::new()))
                }
                Err(_) => self.variables.get(name).cloned().unwrap_or_else(|| Some(String::new())),
            },
        }
    }

    fn is_set(&self, name: &str) -> bool {
        match name.parse::<usize>() {
            Ok(number) => number >= 1 && number <= self.arguments.len(),
            Err(_) => matches!(name, "@" | "*" | "#") || self.variables.contains_key(name),
        }
    }

    fn variable(&mut self, name: &str, operation: &Operation) -> Value {
        let value = self.value(name);
        let set = self.is_set(name);
        let missing = |empty_too: bool| !set || (empty_too && value.as_deref() == Some(""));
        match operation {
            Operation::None => value,
            Operation::Length => value.map(|value| value.chars().count().to_string()),
            Operation::Default { word, empty_too } => {
                if missing(*empty_too) {
                    self.one(word)
                } else {
                    value
                }
            }
            Operation::Assign { word, empty_too } => {
                if !missing(*empty_too) {
                    return value;
                }
                let value = self.one(word);
                self.assign(name, value.clone());
                value
            }
            Operation::Alternative { word, empty_too } => {
                if value.is_none() && *empty_too {
                    None
                } else if missing(*empty_too) {
                    Some(String::new())
                } else {
                    self.one(word)
                }
            }
            Operation::RemovePrefix { pattern, longest } => {
                let (value, pattern) = (value.filter(|value| value.len() <= 1024)?, self.pattern(pattern)?);
                self.costs_matching(&pattern, value.len() * value.len());
                let mut ends: Vec<usize> =
                    boundaries(&value).filter(|&end| matches(&pattern, &value[..end])).collect();
                if *longest {
                    ends.reverse();
                }
                Some(ends.first().map_or(value.clone(), |&end| value[end..].to_owned()))
            }
            Operation::RemoveSuffix { pattern, longest } => {
                let (value, pattern) = (value.filter(|value| value.len() <= 1024)?, self.pattern(pattern)?);
                self.costs_matching(&pattern, value.len() * value.len());
                let mut starts: Vec<usize> =
                    boundaries(&value).filter(|&start| matches(&pattern, &value[start..])).collect();
                if !*longest {
                    starts.reverse();
                }
                Some(starts.first().map_or(value.clone(), |&start| value[..start].to_owned()))
            }
            Operation::Other => None,
        }
    }

    /// The paths that a pattern stands for; itself when there are none, as in the shell.
    fn glob(&mut self, text: String, pattern: &str) -> Vec<Value> {
        let plain =
            !pattern.replace("\\*", "").replace("\\?", "").replace("\\[", "").contains(['*', '?', '[']);
        let absolute = text.starts_with('/');
        if plain || !absolute || pattern.len() > LONGEST_PATTERN {
            return vec![Some(text)];
        }
        let mut found = vec![String::new()];
        for step in pattern.split('/').skip(1) {
            let mut next = Vec::new();
            for parent in found {
                if self.is_giving_up() {
                    return vec![None];
                }
                next.extend(self.children(&parent, step));
            }
            found = next;
        }
        if found.is_empty() { vec![Some(text)] } else { found.into_iter().map(Some).collect() }
    }

    fn children(&mut self, parent: &str, step: &str) -> Vec<String> {
        let bare = step.replace('\\', "");
        if !step.contains(['*', '?', '[']) {
            let path = format!("{parent}/{bare}");
            let is_there = ImagePath::absolute(&path).is_ok_and(|path| self.system.exists(&path));
            return if is_there { vec![path] } else { Vec::new() };
        }
        let Ok(directory) = ImagePath::parse(parent.as_bytes()) else { return Vec::new() };
        let Ok(real) = self.system.tree.real_path(&directory) else { return Vec::new() };
        self.costs(100 * self.system.tree.below(&real).count());
        let names = self.system.tree.below(&real).filter(|(path, _)| path.parent().as_ref() == Some(&real));
        let names =
            names.filter_map(|(path, _)| Some(String::from_utf8_lossy(path.file_name()?).into_owned()));
        let names: Vec<String> = names.collect();
        self.costs_matching(step, names.iter().map(String::len).sum());
        let hidden = step.starts_with('.');
        names
            .into_iter()
            .filter(|name| (hidden || !name.starts_with('.')) && matches(step, name))
            .map(|name| format!("{parent}/{name}"))
            .collect()
    }
}

fn append(fields: &mut [(String, String)], text: &str, quoted: bool) {
    if let Some((plain, pattern)) = fields.last_mut() {
        plain.push_str(text);
        push_pattern(pattern, text, quoted);
    }
}

fn push_pattern(pattern: &mut String, text: &str, quoted: bool) {
    for c in text.chars() {
        if quoted && matches!(c, '*' | '?' | '[' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}

fn boundaries(text: &str) -> impl DoubleEndedIterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect::<Vec<_>>().into_iter()
}

/// Whether `text` is what the shell's `pattern` stands for (`*`, `?`, `[…]`; a backslash takes the next as it is).
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // The places in the pattern that the text read so far can lead to: no pattern takes more than length × length steps.
    let mut here = vec![false; pattern.len() + 1];
    here[0] = true;
    skip_stars(&pattern, &mut here);
    for &c in &text {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|&at| here[at]) {
            match pattern[at] {
                '*' => next[at] = true,
                '?' => next[at + 1] = true,
                '[' => match class(&pattern[at..], c) {
                    Some((matched, length)) => next[at + length] |= matched,
                    None => next[at + 1] |= c == '[',
                },
                '\\' if at + 1 < pattern.len() => next[at + 2] |= pattern[at + 1] == c,
                literal => next[at + 1] |= literal == c,
            }
        }
        skip_stars(&pattern, &mut next);
        here = next;
    }
    here[pattern.len()]
}

fn skip_stars(pattern: &[char], here: &mut [bool]) {
    for at in 0..pattern.len() {
        if here[at] && pattern[at] == '*' {
            here[at + 1] = true;
        }
    }
}

/// Whether `c` is in the class at the beginning of `pattern`, and how long that is; none when it is no class.
fn class(pattern: &[char], c: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let first = if negated { 2 } else { 1 };
    let mut at = first;
    let mut found = false;
    loop {
        let low = *pattern.get(at)?;
        if low == ']' && at > first {
            return Some((found != negated, at + 1));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(&high)) if high != ']' => {
                found |= (low..=high).contains(&c);
                at += 3;
            }
            _ => {
                found |= low == c;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("?", "x", true),
            ("?", "", false),
            ("*", "", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("*.conf", "a.conf", true),
            ("**a**", "bab", true),
            ("1.[0-9]*", "1.4-2", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
