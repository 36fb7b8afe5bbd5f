//! `sed 's/…/…/'`: substitution, the one thing that maintainer scripts use it for most. Anything else is not known.

use regex::{Captures, Regex, RegexBuilder};

use super::follow::Value;

/// What sed makes of a text, and the files it names; none when its script does more than substitute.
pub(super) fn run(arguments: &[Value], input: impl FnOnce(&[&str]) -> Option<String>) -> Option<String> {
    let (mut extended, mut scripts, mut files) = (false, Vec::new(), Vec::new());
    let mut words = arguments.iter().map(Option::as_deref);
    while let Some(word) = words.next() {
        match word? {
            "-E" | "-r" | "--regexp-extended" => extended = true,
            "-e" => scripts.push(words.next()??),
            word if word.starts_with("-e") && word.len() > 2 => scripts.push(&word[2..]),
            word if word.starts_with('-') => return None,
            word if scripts.is_empty() => scripts.push(word),
            word => files.push(word),
        }
    }
    let commands: Vec<Substitution> =
        scripts.iter().map(|script| Substitution::parse(script, extended)).collect::<Option<_>>()?;
    let text = input(&files)?;
    let mut output = String::new();
    for line in text.lines() {
        let line = commands.iter().fold(line.to_owned(), |line, command| command.apply(&line));
        output.push_str(&line);
        output.push('\n');
    }
    Some(output)
}

struct Substitution {
    pattern: Regex,
    replacement: Vec<Piece>,
    all: bool,
}

enum Piece {
    Text(String),
    Group(usize),
}

impl Substitution {
    fn parse(script: &str, extended: bool) -> Option<Self> {
        let script = script.trim();
        let rest = script.strip_prefix('s')?;
        let delimiter =
            rest.chars().next().filter(|c| !c.is_alphanumeric() && !c.is_whitespace() && *c != '\\')?;
        let (pattern, rest) = part(&rest[delimiter.len_utf8()..], delimiter)?;
        let (replacement, flags) = part(rest, delimiter)?;
        let all = match flags.trim_end_matches(';') {
            "" => false,
            "g" => true,
            _ => return None,
        };
        let pattern = translate(&pattern, extended)?;
        let pattern = RegexBuilder::new(&pattern).size_limit(1 << 20).build().ok()?;
        Some(Self { replacement: pieces(&replacement, pattern.captures_len())?, pattern, all })
    }

    fn apply(&self, line: &str) -> String {
        let with = |found: &Captures<'_>| {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Group(group) => found.get(*group).map_or("", |group| group.as_str()).to_owned(),
            };
            self.replacement.iter().map(piece).collect::<String>()
        };
        let limit = usize::from(!self.all);
        self.pattern.replacen(line, limit, with).into_owned()
    }
}

/// Up to the next delimiter that is not escaped, and what is behind it.
fn part(text: &str, delimiter: char) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, next) = chars.next()?;
                if next != delimiter {
                    found.push('\\');
                }
                found.push(next);
            }
            c if c == delimiter => return Some((found, &text[at + c.len_utf8()..])),
            '\n' => return None,
            c => found.push(c),
        }
    }
    None
}

/// POSIX's regular expressions in the words of the crate. Alternatives are refused: POSIX takes the longest match.
fn translate(pattern: &str, extended: bool) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                special @ ('(' | ')' | '{' | '}' | '+' | '?') if !extended => out.push(special),
                't' => out.push_str("\\t"),
                letter if letter.is_alphanumeric() => return None,
                '|' => return None,
                literal => out.push_str(&regex::escape(&literal.to_string())),
            },
            '|' if extended => return None,
            '(' | ')' | '{' | '}' | '+' | '?' | '|' if !extended => {
                out.push_str(&regex::escape(&c.to_string()));
            }
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                let mut first = true;
                loop {
                    match chars.next()? {
                        ']' if !first => break,
                        '[' if chars.peek() == Some(&':') => {
                            out.push('[');
                            for c in chars.by_ref() {
                                out.push(c);
                                if c == ']' {
                                    break;
                                }
                            }
                        }
                        // GNU sed knows \t here, for all that POSIX says.
                        '\\' if chars.peek() == Some(&'t') => {
                            chars.next();
                            out.push_str("\\t");
                        }
                        c @ ('\\' | '[' | ']' | '&' | '~' | '^') => out.extend(['\\', c]),
                        c => out.push(c),
                    }
                    first = false;
                }
                out.push(']');
            }
            c => out.push(c),
        }
    }
    Some(out)
}

fn pieces(replacement: &str, groups: usize) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        let group = match c {
            '&' => Some(0),
            '\\' => match chars.next()? {
                digit if digit.is_ascii_digit() => digit.to_digit(10).map(|digit| digit as usize),
                letter if letter.is_alphabetic() => return None,
                literal => {
                    text.push(literal);
                    None
                }
            },
            c => {
                text.push(c);
                None
            }
        };
        if let Some(group) = group {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Group(Some(group).filter(|group| *group < groups)?));
        }
    }
    pieces.push(Piece::Text(text));
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substitutions_are_made_as_sed_makes_them() {
        for (words, input, expected) in [
            (&["s/a/b/"][..], "aa\n", Some("ba\n")),
            (&["s/a/b/g"], "aa", Some("bb\n")),
            (&["-e", "s/^ssl =.*/ssl = on/"], "x\nssl = off\n", Some("x\nssl = on\n")),
            (&["-E", "s/[ \\t]+/ /g"], "a \t b", Some("a b\n")),
            (&["s/a+(b)/x/"], "a+(b)", Some("x\n")),
            (&["s,/usr/\\(.*\\),\\1 &,"], "/usr/x", Some("x /usr/x\n")),
            (&["s/[[:space:]]*$//"], "a  ", Some("a\n")),
            (&["s/\\./,/", "-e", "s/b/c/"], "a.b", Some("a,c\n")),
            (&["s/a\\|b/c/"], "a", None),
            (&["-n", "s/a/b/p"], "a", None),
            (&["/x/d"], "x", None),
            (&["s/a/\\2/"], "a", None),
        ] {
            let words: Vec<Value> = words.iter().map(|word| Some((*word).to_owned())).collect();
            let output = run(&words, |_| Some(input.to_owned()));
            assert_eq!(output.as_deref(), expected, "{words:?}");
        }
    }
}
