//! Regular expressions as Go's `regexp` reads them, which container-structure-test's files are written for.
//!
//! The engine is the `regex` crate's, of the same family (RE2): linear in the text, without back-references. The
//! syntaxes differ: Go's `\d`, `\w`, `\s` and `\b` are of ASCII, it knows `\Q…\E` and octal numbers, a `{` that repeats nothing
//! stands for itself, and classes do not nest (pkg.go.dev/regexp/syntax). So an expression is read here and written down
//! again in the crate's syntax.

use std::iter::Peekable;
use std::str::Chars;

use bareboat_model::{Error, Result, escape};
use regex::{Regex, RegexBuilder};

/// As much as one compiled expression may take; distroless's largest takes a few kilobytes.
const LARGEST_PROGRAM: usize = 2 << 20;

/// The longest expression.
const LONGEST: usize = 64 << 10;

/// The most repetitions that Go takes (regexp/syntax, `ErrInvalidRepeatSize`).
const MOST_REPETITIONS: u32 = 1000;

/// As Go has it (regexp/syntax, `maxHeight`).
const DEEPEST: usize = 1000;

/// An expression that is right.
///
/// It is compiled when it is searched for: all of a hostile file's at once could take gigabytes.
#[derive(Clone, Debug)]
pub struct Pattern {
    written: String,
}

impl Pattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// When Go would not read it, or it is too large.
    ///
    /// ```
    /// use bareboat_audit::structure::Pattern;
    /// assert!(Pattern::new(r"^v\d+\.\d+").unwrap().is_found_in("v13.5"));
    /// assert!(!Pattern::new(r"^v\d+$").unwrap().is_found_in("v١"));
    /// assert!(Pattern::new(r"(unclosed").is_err());
    /// ```
    pub fn new(written: &str) -> Result<Self> {
        let cannot =
            |error: Error| error.context(format!("invalid regular expression `{}`", escape(written)));
        compile(written).map_err(cannot)?;
        Ok(Self { written: written.to_owned() })
    }

    /// Whether some part of the text matches.
    pub fn is_found_in(&self, text: &str) -> bool {
        // It was compiled before.
        compile(&self.written).is_ok_and(|compiled| compiled.is_match(text))
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

/// Text as Go's `regexp` sees bytes: each byte that is not UTF-8 is a U+FFFD of its own.
pub(super) fn as_go_sees(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n('\u{fffd}', chunk.invalid().len()));
    }
    text
}

fn compile(written: &str) -> Result<Regex> {
    if written.len() > LONGEST {
        return Err(Error::new(format!("it is longer than {LONGEST} bytes")));
    }
    let ours = Translation::new(written).whole()?;
    let built = RegexBuilder::new(&ours).size_limit(LARGEST_PROGRAM).dfa_size_limit(LARGEST_PROGRAM).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            Error::new(format!("it takes more than {LARGEST_PROGRAM} bytes when compiled"))
        }
        other => Error::new(last_line(&other.to_string())),
    })
}

/// The crate draws a picture of the translated expression, which nobody wrote; the cause is its last line.
fn last_line(message: &str) -> String {
    let cause = message.lines().last().unwrap_or_default();
    escape(cause.trim().trim_start_matches("error: "))
}

/// Reads Go's syntax and writes the crate's.
struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    depth: usize,
    /// Whether the last thing written can be repeated, or is a repetition.
    last: Last,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Thing,
    Repetition,
}

fn wrong<T>(why: impl Into<String>) -> Result<T> {
    Err(Error::new(why))
}

impl<'a> Translation<'a> {
    fn new(written: &'a str) -> Self {
        let rest = written.chars().peekable();
        Self { rest, out: String::new(), depth: 0, last: Last::Nothing }
    }

    fn whole(mut self) -> Result<String> {
        while let Some(c) = self.rest.next() {
            self.one(c)?;
        }
        if self.depth > 0 { wrong("missing closing )") } else { Ok(self.out) }
    }

    fn one(&mut self, c: char) -> Result<()> {
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.open(),
            ')' => {
                self.depth = self.depth.checked_sub(1).ok_or_else(|| Error::new("unexpected )"))?;
                self.thing(")")
            }
            '|' => {
                self.out.push('|');
                self.last = Last::Nothing;
                Ok(())
            }
            '*' | '+' | '?' => self.repetition(&c.to_string()),
            '{' => match self.counted() {
                Some(Ok(count)) => self.repetition(&count),
                Some(Err(error)) => Err(error),
                None => self.thing(r"\{"),
            },
            '.' | '^' | '$' => self.thing(&c.to_string()),
            c => self.literal(c),
        }
    }

    fn thing(&mut self, ours: &str) -> Result<()> {
        self.out.push_str(ours);
        self.last = Last::Thing;
        Ok(())
    }

    fn literal(&mut self, c: char) -> Result<()> {
        self.thing(&regex::escape(c.encode_utf8(&mut [0; 4])))
    }

    fn repetition(&mut self, operator: &str) -> Result<()> {
        match self.last {
            Last::Nothing => return wrong(format!("missing argument to repetition operator: `{operator}`")),
            Last::Repetition => {
                return wrong(format!("invalid nested repetition operator: `{operator}` after another"));
            }
            Last::Thing => {}
        }
        self.out.push_str(operator);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.last = Last::Repetition;
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}`, after the brace; anything else is text.
    fn counted(&mut self) -> Option<Result<String>> {
        let mut ahead = self.rest.clone();
        let inside: String = ahead.by_ref().take_while(|&c| c != '}').collect();
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let number =
            |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        let closed = self.rest.clone().any(|c| c == '}');
        if !closed || least.is_empty() || !number(least) || !number(most) {
            return None;
        }
        self.rest = ahead;
        let value = |text: &str| text.parse::<u32>().ok().filter(|&count| count <= MOST_REPETITIONS);
        let bounds = (value(least), if most.is_empty() { Some(MOST_REPETITIONS) } else { value(most) });
        Some(match bounds {
            (Some(least), Some(most)) if least <= most => Ok(format!("{{{inside}}}")),
            _ => wrong(format!("invalid repeat count: `{{{inside}}}`")),
        })
    }

    /// A group, after its parenthesis. Its name counts for nothing: only whether the whole is found is asked.
    fn open(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return wrong("expression nests too deeply");
        }
        self.last = Last::Nothing;
        if self.rest.next_if_eq(&'?').is_none() {
            self.out.push_str("(?:");
            return Ok(());
        }
        if matches!(self.rest.peek(), Some('P' | '<')) {
            return self.named_group();
        }
        let mut flags = String::new();
        loop {
            match self.rest.next() {
                Some(c @ ('i' | 'm' | 's' | 'U')) => flags.push(c),
                Some('-') if !flags.contains('-') => flags.push('-'),
                Some(c @ (':' | ')')) if !flags.ends_with('-') => {
                    if c == ')' {
                        self.depth -= 1;
                    }
                    if flags.is_empty() && c == ')' {
                        return Ok(());
                    }
                    self.out.push_str(&format!("(?{flags}{c}"));
                    return Ok(());
                }
                _ => return wrong("invalid or unsupported Perl syntax: `(?`"),
            }
        }
    }

    /// `(?P<name>` or `(?<name>`, from the `P` or `<` on.
    fn named_group(&mut self) -> Result<()> {
        self.rest.next_if_eq(&'P');
        if self.rest.next() != Some('<') {
            return wrong("invalid or unsupported Perl syntax: `(?P`");
        }
        let name: String = self.rest.by_ref().take_while(|&c| c != '>').collect();
        let plain = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !plain {
            return wrong(format!("invalid named capture: `{}`", escape(&name)));
        }
        self.out.push_str("(?:");
        Ok(())
    }

    /// An escape outside of classes, after the backslash.
    fn escape(&mut self) -> Result<()> {
        let Some(&c) = self.rest.peek() else { return wrong("trailing backslash at end of expression") };
        match c {
            'A' => self.known(r"\A"),
            'z' => self.known(r"\z"),
            'b' => self.known(r"(?-u:\b)"),
            'B' => self.known(r"(?-u:\B)"),
            'Q' => {
                self.rest.next();
                self.quoted()
            }
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                self.rest.next();
                self.thing(&format!("[{}]", perl_class(c)))
            }
            'p' | 'P' => {
                let class = self.unicode_class()?;
                self.thing(&class)
            }
            _ => {
                let c = self.character()?;
                self.literal(c)
            }
        }
    }

    fn known(&mut self, ours: &str) -> Result<()> {
        self.rest.next();
        self.thing(ours)
    }

    /// `\Q…\E`: text as it stands, up to the end if there is no `\E`.
    fn quoted(&mut self) -> Result<()> {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                return Ok(());
            }
            self.literal(c)?;
        }
        Ok(())
    }

    /// `\pL`, `\p{Greek}`, `\P{Greek}`, `\p{^Greek}`, from the `p` on.
    fn unicode_class(&mut self) -> Result<String> {
        let mut negated = self.rest.next() == Some('P');
        let name: String = match self.rest.next() {
            Some('{') => {
                let closed = self.rest.clone().any(|c| c == '}');
                let name: String = self.rest.by_ref().take_while(|&c| c != '}').collect();
                if !closed {
                    return wrong(format!("invalid character class range: `\\p{{{}`", escape(&name)));
                }
                name
            }
            Some(letter) => letter.to_string(),
            None => return wrong("invalid character class range: `\\p`"),
        };
        let name = name.strip_prefix('^').inspect(|_| negated = !negated).unwrap_or(&name);
        // The crate knows more: properties and `name=value`.
        if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
            return wrong(format!("invalid character class range: `\\p{{{}}}`", escape(name)));
        }
        Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
    }

    /// An escaped character, after the backslash.
    fn character(&mut self) -> Result<char> {
        let Some(c) = self.rest.next() else { return wrong("trailing backslash at end of expression") };
        let invalid = |shown: &str| wrong(format!("invalid escape sequence: `\\{}`", escape(shown)));
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            'x' => self.hexadecimal(),
            // One digit by itself would be a back-reference; \0 is none.
            '1'..='7' if !self.rest.peek().is_some_and(|next| ('0'..='7').contains(next)) => {
                invalid(&c.to_string())
            }
            '0'..='7' => {
                let mut value = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.rest.peek().and_then(|next| next.to_digit(8)) else { break };
                    self.rest.next();
                    value = value * 8 + digit;
                }
                char::from_u32(value).map_or_else(|| invalid("0"), Ok)
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            other => invalid(&other.to_string()),
        }
    }

    /// `7F` or `{10FFFF}`, after the `x`.
    fn hexadecimal(&mut self) -> Result<char> {
        let digits: String = if self.rest.next_if_eq(&'{').is_some() {
            self.rest.by_ref().take_while(|&c| c != '}').collect()
        } else {
            self.rest.by_ref().take(2).collect()
        };
        let hexadecimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let value = u32::from_str_radix(&digits, 16).ok().filter(|_| hexadecimal).and_then(char::from_u32);
        value.map_or_else(|| wrong(format!("invalid escape sequence: `\\x{}`", escape(&digits))), Ok)
    }

    /// A class, after its `[`.
    fn class(&mut self) -> Result<()> {
        let mut ours = "[".to_owned();
        if self.rest.next_if_eq(&'^').is_some() {
            ours.push('^');
        }
        let mut first = true;
        loop {
            match self.rest.peek().copied() {
                None => return wrong("missing closing ]"),
                Some(']') if !first => break,
                Some('[') if self.posix_class(&mut ours)? => {}
                Some('\\') if self.class_escape(&mut ours)? => {}
                Some(_) => self.range(&mut ours)?,
            }
            first = false;
        }
        self.rest.next();
        ours.push(']');
        self.thing(&ours)
    }

    /// `[:alpha:]` or `[:^alpha:]`; any other `[` is a character.
    fn posix_class(&mut self, ours: &mut String) -> Result<bool> {
        let mut ahead = self.rest.clone();
        ahead.next();
        if ahead.next() != Some(':') {
            return Ok(false);
        }
        let rest: String = ahead.clone().collect();
        let Some((name, _)) = rest.split_once(":]") else { return Ok(false) };
        const KNOWN: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
            "space", "upper", "word", "xdigit",
        ];
        if !KNOWN.contains(&name.trim_start_matches('^')) || name.starts_with("^^") {
            return wrong(format!("invalid character class range: `[:{}:]`", escape(name)));
        }
        ours.push_str(&format!("[:{name}:]"));
        ahead.nth(name.chars().count() + 1);
        self.rest = ahead;
        Ok(true)
    }

    /// `\d` and `\pL` in a class; other escapes are characters.
    fn class_escape(&mut self, ours: &mut String) -> Result<bool> {
        let mut ahead = self.rest.clone();
        ahead.next();
        match ahead.peek().copied() {
            Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                ahead.next();
                self.rest = ahead;
                ours.push_str(&format!("[{}]", perl_class(c)));
                Ok(true)
            }
            Some('p' | 'P') => {
                self.rest = ahead;
                ours.push_str(&self.unicode_class()?);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A character, or two with a dash between them.
    fn range(&mut self, ours: &mut String) -> Result<()> {
        let low = self.class_character()?;
        let mut ahead = self.rest.clone();
        let dash = ahead.next() == Some('-') && !matches!(ahead.peek(), None | Some(']'));
        ours.push_str(&format!("\\x{{{:x}}}", u32::from(low)));
        if dash {
            self.rest = ahead;
            let high = self.class_character()?;
            if high < low {
                return wrong(format!(
                    "invalid character class range: `{}-{}`",
                    escape(&low.to_string()),
                    escape(&high.to_string())
                ));
            }
            ours.push_str(&format!("-\\x{{{:x}}}", u32::from(high)));
        }
        Ok(())
    }

    fn class_character(&mut self) -> Result<char> {
        match self.rest.next() {
            Some('\\') => self.character(),
            Some(c) => Ok(c),
            None => wrong("missing closing ]"),
        }
    }
}

/// Go's Perl classes are of ASCII, and `\s` has no vertical tab.
fn perl_class(letter: char) -> &'static str {
    match letter {
        'd' => "0-9",
        'D' => "^0-9",
        's' => r"\t\n\x0c\r ",
        'S' => r"^\t\n\x0c\r ",
        'w' => "0-9A-Za-z_",
        _ => "^0-9A-Za-z_",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_find_what_go_finds() {
        // Each line is what Go 1.26 says, by a program over this table.
        for (pattern, text, found) in CASES {
            let ours = Pattern::new(pattern).map(|pattern| pattern.is_found_in(text));
            assert_eq!(ours, Ok(*found), "{pattern} in {text:?}");
        }
    }

    const CASES: &[(&str, &str, bool)] = &[
        ("", "", true),
        ("a.c", "a\nc", false),
        ("(?s)a.c", "a\nc", true),
        ("^b$", "a\nb", false),
        ("(?m)^b$", "a\nb", true),
        ("b$", "b\n", false),
        (r"b\z", "b", true),
        (r"\d", "١", false),
        (r"\D", "١", true),
        (r"[\d]", "7", true),
        (r"[^\D]", "7", true),
        (r"[^\D]", "x", false),
        (r"\w", "é", false),
        (r"[\W]", "é", true),
        (r"\s", "\u{b}", false),
        (r"\s", "\u{a0}", false),
        (r"\bx", "éx", true),
        (r"x\B", "xé", false),
        (r"\Qa.b\E+", "a.bbb", true),
        (r"\Qa.b", "axb", false),
        (r"\101", "A", true),
        (r"\x41\x{42}", "AB", true),
        (r"a{2}", "aa", true),
        (r"a{2", "a{2", true),
        (r"a{,2}", "a{,2}", true),
        (r"{x}", "{x}", true),
        (r"]", "]", true),
        (r"[]a]", "]", true),
        (r"[^]a]", "]", false),
        (r"[[a]", "[", true),
        (r"[a&&b]", "&", true),
        (r"[a~~b]", "~", true),
        (r"[a-]", "-", true),
        (r"[-a]", "-", true),
        (r"[[:alpha:]-]", "-", true),
        (r"[[:^alpha:]]", "a", false),
        (r"\<a\>", "<a>", true),
        (r"\_\#\ ", "_# ", true),
        (r"# x", "# x", true),
        (r"\p{Greek}", "λ", true),
        (r"\p{^Greek}", "λ", false),
        (r"\pL", "é", true),
        (r"(?i)straße", "STRAßE", true),
        (r"(?i)k", "\u{212a}", true),
        (r"(?i)\w", "\u{212a}", true),
        (r"(?U)a+", "a", true),
        (r"(?i:a)b", "Ab", true),
        (r"(?i-s:A)", "a", true),
        (r"(?P<x>a)(?<x>b)", "ab", true),
        ("a(?)b", "ab", true),
        (r"(a|b|)c", "c", true),
        (r"^*a", "a", true),
        (r"PRETTY_NAME=.Distroless.", "PRETTY_NAME=\"Distroless\"", true),
        ("\u{fffd}", "\u{fffd}", true),
    ];

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [
            "(",
            ")",
            "a**",
            "a*?+",
            "*a",
            "a|*",
            "(*)",
            "[",
            "[a",
            "[z-a]",
            "[a--b]",
            "[[:foo:]]",
            r"\",
            r"\8",
            r"\1",
            r"\Z",
            r"\u0041",
            r"\pX",
            r"\p{sc=Greek}",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?#a)",
            "(?P=x)",
            "(?x)a b",
            "(?P<>x)",
            "a{1001}",
            "a{3,2}",
            "x{2}{3}",
            r"\C",
            "(?i",
            r"\x{110000}",
            r"\xg0",
        ] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(Pattern::new(&"(".repeat(100_000)).unwrap_err().to_string().contains("longer than"));
        let nested = format!("{}a{}", "(".repeat(1001), ")".repeat(1001));
        assert!(Pattern::new(&nested).is_err());
        let large = r"(?:\pL{1000}){1000}";
        assert!(Pattern::new(large).unwrap_err().to_string().contains("bytes when compiled"));
    }

    #[test]
    fn bytes_that_are_no_text_are_one_character_each() {
        assert!(Pattern::new("^a..b$").unwrap().is_found_in(&as_go_sees(b"a\xf0\x9fb")));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(pattern in r#"[a\\\[\](){}|*+?.^$:<>PQEdpx0-9,&~-]{0,24}"#, text in ".{0,8}") {
            if let Ok(pattern) = Pattern::new(&pattern) {
                pattern.is_found_in(&text);
            }
        }
    }
}
