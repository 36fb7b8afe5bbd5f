//! `sed 's/…/…/'`: substitution, the one thing that maintainer scripts use it for most. Anything else is not known.

use regex::{Regex, RegexBuilder};

use super::follow::{LONGEST_VALUE, Value};

/// Files that it reads, and bytes that it reads or writes.
const MOST_FILES: usize = 16;
const LONGEST_TEXT: usize = 1 << 20;
/// Bytes that are searched in one call: each match may look at all of the rest of its line.
const MOST_WORK: usize = 1 << 24;

/// What sed makes of a text, and the files it names; none when its script does more than substitute, or makes
/// too much of it. `work` grows by the bytes that are looked at.
pub(super) fn run(
    arguments: &[Value],
    work: &mut usize,
    input: impl FnOnce(&[&str]) -> Option<String>,
) -> Option<String> {
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
    let text = input(&files).filter(|text| files.len() <= MOST_FILES && text.len() <= LONGEST_TEXT)?;
    // A pattern has as many states as characters, or some more, and each may look at each byte.
    let weight = 1 + scripts.iter().map(|script| script.len()).max().unwrap_or_default() / 8;
    let mut output = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for command in &commands {
            line = command.apply(&line, work, weight)?;
        }
        output.push_str(&line);
        output.push('\n');
        if output.len() > LONGEST_TEXT {
            return None;
        }
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
        let pattern = RegexBuilder::new(&pattern).size_limit(1 << 16).build().ok()?;
        Some(Self { replacement: pieces(&replacement, pattern.captures_len())?, pattern, all })
    }

    /// The line with what is substituted; none when it grows too long, or takes too long.
    fn apply(&self, line: &str, work: &mut usize, weight: usize) -> Option<String> {
        let mut out = String::new();
        let mut done = 0;
        let mut look = |done: usize| {
            *work += 16 + weight.saturating_mul(line.len() - done);
            (*work <= MOST_WORK).then_some(())
        };
        look(0)?;
        for found in self.pattern.captures_iter(line).take(if self.all { usize::MAX } else { 1 }) {
            let whole = found.get(0)?;
            out.push_str(&line[done..whole.start()]);
            for piece in &self.replacement {
                match piece {
                    Piece::Text(text) => out.push_str(text),
                    Piece::Group(group) => out.push_str(found.get(*group).map_or("", |group| group.as_str())),
                }
                if out.len() > LONGEST_VALUE {
                    return None;
                }
            }
            done = whole.end();
            look(done)?;
        }
        out.push_str(&line[done..]);
        (out.len() <= LONGEST_VALUE).then_some(out)
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
            let output = run(&words, &mut 0, |_| Some(input.to_owned()));
            assert_eq!(output.as_deref(), expected, "{words:?}");
        }
    }

    #[test]
    fn what_grows_or_takes_too_long_is_not_known() {
        let known =
            |words: &[&str]| -> Vec<Value> { words.iter().map(|&word| Some(word.to_owned())).collect() };
        let doubled = known(&["-e", "s/.*/&&/"].repeat(45));
        assert_eq!(run(&doubled[..90], &mut 0, |_| Some("x".into())), None);
        assert_eq!(run(&doubled[..20], &mut 0, |_| Some("x".into())).map(|text| text.len()), Some(1025));
        let many = "x\n".repeat(1 << 19);
        let long = format!("s/x/{}/", "y".repeat(1000));
        assert_eq!(run(&known(&[&long]), &mut 0, |_| Some(many.clone())), None);
        // Each match looks for the b that is not there.
        let mut work = 0;
        assert_eq!(run(&known(&["-E", "s/a(.*b)?/c/g"]), &mut work, |_| Some("a".repeat(60_000))), None);
        assert!((MOST_WORK..2 * MOST_WORK).contains(&work), "{work}");
    }
}
