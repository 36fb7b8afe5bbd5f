//! Debian's control syntax ("deb822"): stanzas of `Name: value` fields, read without copying.
//!
//! By hand because a Packages index is 50 MB and is read on every run: this scanner takes about a fifth of the
//! time of the libraries that were tried. Syntax as in Debian Policy, chapter 5.1.
//!
//! ```
//! let stanza = bareboat_formats::deb822::single("Package: hello\nDepends: libc6,\n libfoo\n")?;
//! assert_eq!(stanza.get("package"), Some("hello"));
//! assert_eq!(stanza.get("Depends"), Some("libc6,\n libfoo"));
//! # Ok::<(), bareboat_model::Error>(())
//! ```

use bareboat_model::{Error, Result, escape};

/// More than any real stanza has: Debian's longest have about 40.
const MAX_FIELDS: usize = 512;

/// One field of a stanza.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// The name as written; compare it without regard to case.
    pub name: &'a str,
    /// Everything after the colon, trimmed at both ends. Continuation lines are kept as they are, with their
    /// leading blank.
    pub value: &'a str,
    /// The line where the field begins, counted from 1.
    pub line: usize,
}

impl<'a> Field<'a> {
    /// The lines of the value, trimmed, without comment lines and without an empty first line.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        // A line of a value that begins with `#` can only be a comment: continuation lines begin with a blank.
        let lines = self.value.lines().enumerate().filter(|(nth, line)| *nth == 0 || !line.starts_with('#'));
        lines
            .map(|(nth, line)| (nth, line.trim()))
            .filter(|(nth, line)| *nth > 0 || !line.is_empty())
            .map(|x| x.1)
    }
}

/// One stanza: its fields in the order they are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stanza<'a> {
    raw: &'a str,
    line: usize,
    fields: Vec<Field<'a>>,
}

impl<'a> Stanza<'a> {
    /// The value of a field, by its name in any case.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.field(name).map(|field| field.value)
    }

    /// A field, by its name in any case.
    pub fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The value of a field that must be there.
    ///
    /// # Errors
    /// When the field is missing; the message names it and the line of the stanza.
    pub fn require(&self, name: &str) -> Result<&'a str> {
        self.get(name).ok_or_else(|| Error::new(format!("line {}: field `{name}` is missing", self.line)))
    }

    /// All fields, in the order they are written.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &Field<'a>> {
        self.fields.iter()
    }

    /// The line of the first field, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The stanza as written, from its first field to the newline that ends its last.
    pub fn raw(&self) -> &'a str {
        self.raw
    }
}

/// Whether lines that begin with `#` are comments. They are in files that people write (APT's sources), and are
/// errors in files that programs write (indexes, `control`, `Release`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comments {
    Skipped,
    Refused,
}

/// The stanzas of a file. After an error it ends.
pub struct Stanzas<'a> {
    text: &'a str,
    comments: Comments,
    /// Where the next line begins.
    at: usize,
    /// The number of the next line, counted from 1.
    line: usize,
    /// Where the first NUL is, if there is one: looked for once, for it is dear to do in each line.
    nul: usize,
}

/// Reads a file that a program wrote.
///
/// # Errors
/// Each item is an error when the text is no control syntax: the message names the line.
pub fn parse(text: &str) -> Stanzas<'_> {
    Stanzas::new(text, Comments::Refused)
}

/// Reads a file that a person wrote, in which lines that begin with `#` are comments.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_comments(text: &str) -> Stanzas<'_> {
    Stanzas::new(text, Comments::Skipped)
}

/// Reads a file that holds exactly one stanza, such as `control` or `Release`.
///
/// # Errors
/// As [`parse`], and when there is no stanza or more than one.
pub fn single(text: &str) -> Result<Stanza<'_>> {
    let mut stanzas = parse(text);
    let stanza = stanzas.next().unwrap_or_else(|| Err(Error::new("there are no fields in it")))?;
    match stanzas.next() {
        None => Ok(stanza),
        Some(second) => {
            let line = second?.line;
            Err(Error::new(format!("line {line}: a second stanza, expected one")))
        }
    }
}

/// What a line is, by its first character and its colon.
enum Line<'a> {
    Blank,
    Comment,
    Continuation,
    Field { name: &'a str, value_at: usize },
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Result<Stanza<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let stanza = self.next_stanza();
        if stanza.is_err() {
            self.at = self.text.len();
        }
        stanza.transpose()
    }
}

impl<'a> Stanzas<'a> {
    fn new(text: &'a str, comments: Comments) -> Self {
        let nul = memchr::memchr(0, text.as_bytes()).unwrap_or(usize::MAX);
        Self { text, comments, at: 0, line: 1, nul }
    }

    fn next_stanza(&mut self) -> Result<Option<Stanza<'a>>> {
        let mut stanza = Stanza { raw: "", line: 0, fields: Vec::with_capacity(24) };
        let mut begin = self.at;
        let mut end = self.at;
        let (mut value_at, mut seen) = (0, 0);
        while self.at < self.text.len() {
            let (line_at, number) = (self.at, self.line);
            let line = self.take_line();
            match self.classify(line, number)? {
                Line::Blank if stanza.fields.is_empty() => continue,
                Line::Blank => break,
                Line::Comment => continue,
                Line::Continuation => {}
                Line::Field { name, value_at: in_line } => {
                    if stanza.fields.is_empty() {
                        (begin, stanza.line) = (line_at, number);
                    }
                    add_field(&mut stanza.fields, &mut seen, name, number)?;
                    value_at = line_at + in_line;
                }
            }
            let Some(field) = stanza.fields.last_mut() else {
                return Err(Error::new(format!("line {number}: a continuation line before any field")));
            };
            field.value = &self.text[value_at..line_at + line.len()];
            end = self.at;
        }
        if stanza.fields.is_empty() {
            return Ok(None);
        }
        for field in &mut stanza.fields {
            field.value = field.value.trim_ascii();
        }
        stanza.raw = &self.text[begin..end];
        Ok(Some(stanza))
    }

    /// The next line, without its newline.
    fn take_line(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at += (length + 1).min(rest.len());
        self.line += 1;
        &rest[..length]
    }

    fn classify(&self, line: &'a str, number: usize) -> Result<Line<'a>> {
        // `at` is behind this line.
        if self.nul < self.at {
            return Err(Error::new(format!("line {number}: a NUL character")));
        }
        match line.as_bytes().first() {
            None => Ok(Line::Blank),
            // Policy 5.1 lets a parser take a line of nothing but blanks for the end of a stanza.
            Some(b' ' | b'\t' | b'\r') if line.trim_ascii().is_empty() => Ok(Line::Blank),
            Some(b' ' | b'\t') => Ok(Line::Continuation),
            Some(b'#') if self.comments == Comments::Skipped => Ok(Line::Comment),
            Some(_) => field_line(line, number),
        }
    }
}

fn field_line(line: &str, number: usize) -> Result<Line<'_>> {
    let Some(colon) = memchr::memchr(b':', line.as_bytes()) else {
        return Err(Error::new(format!("line {number}: `{}` is no field, there is no colon", excerpt(line))));
    };
    let name = line[..colon].trim_ascii_end();
    // Policy 5.1: printable ASCII without blanks and colons, not beginning with `#` or `-`.
    let valid =
        name.bytes().all(|b| b.is_ascii_graphic()) && !name.starts_with(['#', '-']) && !name.is_empty();
    if !valid {
        return Err(Error::new(format!("line {number}: `{}` is not a field name", excerpt(name))));
    }
    Ok(Line::Field { name, value_at: colon + 1 })
}

fn add_field<'a>(fields: &mut Vec<Field<'a>>, seen: &mut u64, name: &'a str, line: usize) -> Result<()> {
    // Most names need no comparison with those before: no name of that length and beginning was there.
    let first = name.bytes().next().unwrap_or_default().to_ascii_lowercase();
    let mark = 1 << ((name.len() + 7 * usize::from(first)) % 64);
    let maybe_seen = *seen & mark != 0;
    *seen |= mark;
    let twice = |field: &&Field<'a>| field.name.eq_ignore_ascii_case(name);
    if maybe_seen && let Some(first) = fields.iter().find(twice) {
        return Err(Error::new(format!(
            "line {line}: field `{}` is given twice, first in line {}",
            excerpt(name),
            first.line
        )));
    }
    if fields.len() == MAX_FIELDS {
        return Err(Error::new(format!("line {line}: more than {MAX_FIELDS} fields in one stanza")));
    }
    fields.push(Field { name, value: "", line });
    Ok(())
}

/// The beginning of a text from outside, fit for a message.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    let text = text.trim_ascii_end();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", escape(&text[..end])),
        None => escape(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        parse(text).find_map(Result::err).map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn stanzas_are_told_apart_by_blank_lines() {
        let text = "\n\nA: 1\nB: 2\n\n \t\nA: 3";
        let stanzas: Vec<_> = parse(text).map(Result::unwrap).collect();
        let lines: Vec<_> = stanzas.iter().map(Stanza::line).collect();
        assert_eq!(lines, [3, 7]);
        assert_eq!(stanzas[0].raw(), "A: 1\nB: 2\n");
        assert_eq!(stanzas[1].raw(), "A: 3");
        assert_eq!(stanzas[1].get("A"), Some("3"));
    }

    #[test]
    fn values_keep_their_continuation_lines() {
        let stanza = single("Files:\n one\n  two \n .\nNext:\tx \n").unwrap();
        assert_eq!(stanza.get("files"), Some("one\n  two \n ."));
        assert_eq!(stanza.field("files").unwrap().lines().collect::<Vec<_>>(), ["one", "two", "."]);
        assert_eq!(stanza.get("NEXT"), Some("x"));
    }

    #[test]
    fn windows_line_ends_do_not_reach_the_values() {
        let text = "A: 1\r\nB: 2\r\n\r\nC: 3\r\n";
        let values: Vec<_> = parse(text)
            .flat_map(|s| s.unwrap().fields().map(|f| f.value.to_owned()).collect::<Vec<_>>())
            .collect();
        assert_eq!(values, ["1", "2", "3"]);
    }

    #[test]
    fn comments_are_skipped_only_where_they_are_allowed() {
        let text = "# head\nA: 1\n# between\nB:\n x\n#in: a value\n y\n\n# alone\n\nC: 1\n";
        let stanzas: Vec<_> = parse_with_comments(text).map(Result::unwrap).collect();
        assert_eq!(stanzas.len(), 2);
        assert_eq!(stanzas[0].get("A"), Some("1"));
        assert_eq!(stanzas[0].field("B").unwrap().lines().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(error(text), "line 1: `# head` is no field, there is no colon");
    }

    #[test]
    fn errors_name_the_line() {
        for (text, expected) in [
            ("A: 1\nB: 2\na: 3\n", "line 3: field `a` is given twice, first in line 1"),
            ("A: 1\nno field\n", "line 2: `no field` is no field, there is no colon"),
            ("\n x\n", "line 2: a continuation line before any field"),
            ("A: 1\n\n x\n", "line 3: a continuation line before any field"),
            ("A: 1\nB: \0\n", "line 2: a NUL character"),
            ("A b: 1\n", "line 1: `A b` is not a field name"),
            (": 1\n", "line 1: `` is not a field name"),
            ("-A: 1\n", "line 1: `-A` is not a field name"),
            ("\x1b[1m: 1\n", "line 1: `\\u{1b}[1m` is not a field name"),
        ] {
            assert_eq!(error(text), expected);
        }
        let many: String = (0..=MAX_FIELDS).map(|n| format!("F{n}: x\n")).collect();
        assert!(error(&many).contains("more than 512 fields"));
    }

    #[test]
    fn a_single_stanza_means_exactly_one() {
        assert_eq!(single("\n").unwrap_err().to_string(), "there are no fields in it");
        assert_eq!(
            single("A: 1\n\nB: 2\n").unwrap_err().to_string(),
            "line 3: a second stanza, expected one"
        );
        assert_eq!(
            single("A: 1\n").unwrap().require("B").unwrap_err().to_string(),
            "line 1: field `B` is missing"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            stanzas in prop::collection::vec(
                prop::collection::btree_map("[A-Z][A-Za-z0-9-]{0,12}", "([!-~]([ -~]*[!-~])?)?", 1..8)
                    .prop_filter("names differ by more than case", |fields| {
                        let lower: std::collections::BTreeSet<_> =
                            fields.keys().map(|name| name.to_lowercase()).collect();
                        lower.len() == fields.len()
                    }),
                0..5,
            )
        ) {
            let text: String = stanzas
                .iter()
                .map(|fields| {
                    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
                    lines + "\n"
                })
                .collect();
            let read: Vec<_> = parse(&text).map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), stanzas.len());
            for (read, written) in read.iter().zip(&stanzas) {
                let pairs: Vec<_> = read.fields().map(|f| (f.name.to_owned(), f.value.to_owned())).collect();
                let expected: Vec<_> = written.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
                prop_assert_eq!(pairs, expected);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[ -~\n\r\t#:é\0]{0,200}") {
            let _ = parse(&text).count() + parse_with_comments(&text).count();
        }
    }
}
