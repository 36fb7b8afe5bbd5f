//! From text to nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bareboat_model::{Error, Result, error_at, escape};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{Entry, Key, Node, Value};

/// More than any person writes.
const LARGEST: usize = 1 << 20;
/// As many nodes as a text of that size can reasonably have, aliases written out.
const MOST_NODES: usize = 100_000;
const DEEPEST: usize = 64;

/// Reads the one document in `text`. `file` is what messages call it; nothing is read from disk.
///
/// # Errors
/// When the text is not YAML, holds several documents, a key twice, or too much; with file, line and column.
///
/// ```
/// use std::path::Path;
/// let error = bareboat_formats::yaml::parse("a: 1\na: 2", Path::new("f.yaml")).unwrap_err();
/// assert!(error.to_string().starts_with("cannot read `f.yaml:2:1`: key `a` is there twice"));
/// ```
pub fn parse(text: &str, file: &Path) -> Result<Node> {
    if text.len() > LARGEST {
        let shown = escape(&file.display().to_string());
        return Err(Error::new(format!(
            "cannot read `{shown}`: {} bytes, expected at most {LARGEST}",
            text.len()
        )));
    }
    Reader::new(text, 0..text.len(), file).document()
}

/// The documents in `text`, each read by itself: what is wrong in one does not hide the next. Each comes with the bytes
/// that it stands in, from its `---` on; places are those in the whole text. What holds only comments is left out.
///
/// Splitting before reading is right, because no scalar may hold a line that begins with `---` or `...` (YAML 1.2.2, rule
/// 206, `c-forbidden`).
///
/// ```
/// use bareboat_formats::yaml::documents;
/// let read: Vec<_> = documents("a: 1\n---\nb: [\n---\nc: 3\n", std::path::Path::new("f.yaml")).collect();
/// assert_eq!(read.iter().map(|(_, node)| node.is_ok()).collect::<Vec<_>>(), [true, false, true]);
/// ```
pub fn documents<'a>(text: &'a str, file: &'a Path) -> impl Iterator<Item = (Range<usize>, Result<Node>)> {
    pieces(text).into_iter().filter(|piece| says_something(&text[piece.clone()])).map(move |piece| {
        if piece.len() > LARGEST {
            let message = format!("this document has {} bytes, expected at most {LARGEST}", piece.len());
            return (piece.clone(), Err(error_at(file, text, piece.start..piece.start, &message)));
        }
        (piece.clone(), Reader::new(text, piece, file).document())
    })
}

/// Where documents begin and end.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut begin, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        match line
            .get(..3)
            .filter(|_| line[3..].starts_with(|c: char| c.is_ascii_whitespace()) || line.len() == 3)
        {
            Some("---") => {
                pieces.push(begin..at);
                begin = at;
            }
            Some("...") => {
                pieces.push(begin..at);
                begin = next;
            }
            _ => {}
        }
        at = next;
    }
    pieces.push(begin..at);
    pieces
}

/// Whether more than comments and directives stand in a piece.
fn says_something(piece: &str) -> bool {
    let mut lines = piece.trim_start_matches('\u{feff}').lines();
    let empty = |line: &str| {
        let line = line.strip_prefix("---").unwrap_or(line).trim_start();
        line.is_empty() || line.starts_with(['#', '%'])
    };
    !lines.all(empty)
}

struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
    /// The byte at which each character begins; none when each is one byte.
    bytes: Option<Vec<usize>>,
    /// Where what is read begins in the text.
    from: usize,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// What anchors name.
    named: BTreeMap<usize, Arc<Node>>,
    /// What was merged in so far, all in all: keys and their bytes.
    merged: usize,
}

/// The parser counts characters.
fn byte_places(text: &str) -> Option<Vec<usize>> {
    (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect())
}

impl<'a> Reader<'a> {
    /// Of one piece of a text.
    fn new(text: &'a str, piece: Range<usize>, file: &'a Path) -> Self {
        let from = piece.start;
        let read = &text[piece];
        let (bytes, parser) = (byte_places(read), Parser::new_from_str(read));
        Self { text, file, bytes, from, parser, named: BTreeMap::new(), merged: 0 }
    }

    fn document(mut self) -> Result<Node> {
        let mut whole: Option<Arc<Node>> = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => break,
                _ if whole.is_some() => {
                    return Err(self.wrong(&self.range(span), "a second document begins, expected only one"));
                }
                event => whole = Some(self.node(event, span, DEEPEST)?),
            }
        }
        let empty =
            || Node { value: Value::Scalar { text: String::new(), plain: true }, span: 0..0, weight: 1 };
        Ok(whole.map_or_else(empty, Arc::unwrap_or_clone))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            // The parser repeats an error for ever: nothing is asked of it after the first.
            Some(Err(error)) => {
                let at = self.byte(error.marker().index());
                Err(self.wrong(&(at..at), &escape(error.info())))
            }
            None => Err(self.wrong(&(self.text.len()..self.text.len()), "the text ends too early")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Arc<Node>> {
        let start = self.range(span);
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.wrong(&start, &format!("more than {DEEPEST} values are nested here")));
        };
        let (anchor, value, span) = match event {
            Event::Alias(anchor) => {
                let named = self.named.get(&anchor).cloned();
                return named
                    .ok_or_else(|| self.wrong(&start, "an alias of a value that is not complete yet"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !tag.as_deref().is_some_and(is_string);
                (anchor, Value::Scalar { text: text.into_owned(), plain }, start)
            }
            Event::SequenceStart(anchor, _) => {
                let (items, end) = self.sequence(depth)?;
                (anchor, Value::Sequence(items), start.start..end)
            }
            Event::MappingStart(anchor, _) => {
                let (entries, end) = self.mapping(depth)?;
                (anchor, Value::Mapping(entries), start.start..end)
            }
            _ => return Err(self.wrong(&start, "a value is missing")),
        };
        let weight = 1 + weight_below(&value);
        if weight > MOST_NODES {
            return Err(self.wrong(&span, &format!("more than {MOST_NODES} values, aliases written out")));
        }
        let node = Arc::new(Node { value, span, weight });
        // 0 stands for none.
        if anchor != 0 {
            self.named.insert(anchor, Arc::clone(&node));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<(Vec<Arc<Node>>, usize)> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, span) => return Ok((items, self.range(span).end)),
                (event, span) => items.push(self.node(event, span, depth)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<(Vec<Entry>, usize)> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        let mut seen = BTreeSet::new();
        let end = loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break self.range(span).end;
            }
            let key = self.node(event, span, depth)?;
            let Value::Scalar { text, plain } = &key.value else {
                return Err(self.wrong(&key.span, &format!("expected a key, found {}", key.kind())));
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth)?;
            if *plain && text == "<<" {
                merged.push(value);
            } else if seen.insert(text.clone()) {
                entries.push((Key { text: text.clone(), span: key.span.clone() }, value));
            } else {
                return Err(self.wrong(&key.span, &format!("key `{}` is there twice", escape(text))));
            }
        };
        for value in merged {
            self.merge(&value, &mut entries, &mut seen)?;
        }
        Ok((entries, end))
    }

    /// What stands in the mapping itself wins, then the first of those merged in (YAML 1.1, "Merge Key").
    fn merge(&mut self, from: &Node, entries: &mut Vec<Entry>, seen: &mut BTreeSet<String>) -> Result<()> {
        match &from.value {
            Value::Mapping(others) => {
                // Before anything is copied; with the keys, each as long as the writer likes.
                self.merged += others.iter().map(|(key, _)| 1 + key.text.len() / 16).sum::<usize>();
                if self.merged > MOST_NODES {
                    return Err(self.wrong(
                        &from.span,
                        &format!("more than {MOST_NODES} values, merged ones written out"),
                    ));
                }
                let new = others.iter().filter(|(key, _)| seen.insert(key.text.clone()));
                entries.extend(new.cloned());
                Ok(())
            }
            Value::Sequence(mappings)
                if mappings.iter().all(|one| matches!(one.value, Value::Mapping(_))) =>
            {
                mappings.iter().try_for_each(|one| self.merge(one, entries, seen))
            }
            _ => Err(self.wrong(&from.span, &format!("`<<` takes mappings, found {}", from.kind()))),
        }
    }

    fn byte(&self, character: usize) -> usize {
        let byte = match &self.bytes {
            Some(places) => places.get(character).copied().unwrap_or(self.text.len()),
            None => character,
        };
        (self.from + byte).min(self.text.len())
    }

    fn range(&self, span: Span) -> Range<usize> {
        self.byte(span.start.index())..self.byte(span.end.index())
    }

    fn wrong(&self, span: &Range<usize>, message: &str) -> Error {
        error_at(self.file, self.text, span.clone(), message)
    }
}

fn is_string(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

fn weight_below(value: &Value) -> usize {
    match value {
        Value::Scalar { .. } => 0,
        Value::Sequence(items) => items.iter().map(|item| item.weight).sum(),
        Value::Mapping(entries) => entries.iter().map(|(_, value)| 1 + value.weight).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nodes in flow style, plain scalars bare and others quoted.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Scalar { text, plain: true } => text.clone(),
            Value::Scalar { text, plain: false } => format!("{text:?}"),
            Value::Sequence(items) => {
                format!("[{}]", items.iter().map(|item| shown(item)).collect::<Vec<_>>().join(", "))
            }
            Value::Mapping(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", key.text, shown(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn read(text: &str) -> Result<Node> {
        parse(text, Path::new("f.yaml"))
    }

    #[test]
    fn values_are_left_as_written() {
        for (text, expected) in [
            ("", ""),
            ("# nothing\n", ""),
            ("a: yes\nb: 'yes'\nc: !!str yes", "{a: yes, b: \"yes\", c: \"yes\"}"),
            ("- 0644\n- ~\n-", "[0644, ~, ]"),
            ("{\"a\": [1, \"\\u00e9\"],\n\t\"b\": null}", "{a: [1, \"é\"], b: null}"),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a: \"x\\ny\\n\", b: \"x y\"}"),
            ("a: &x [1]\nb: *x", "{a: [1], b: [1]}"),
            ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}", "{a: {k: 1, l: 2}, b: {l: 3, k: 1}}"),
            ("---\na: 1\n...\n", "{a: 1}"),
            ("\u{feff}a: 1\r\nb: 2\r\n", "{a: 1, b: 2}"),
        ] {
            assert_eq!(shown(&read(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn each_value_knows_its_bytes() {
        let text = "ü: xyz\r\n\"k\": [a, 'b c']\r\n";
        let Value::Mapping(entries) = read(text).unwrap().value else { panic!("no mapping") };
        assert_eq!(&text[entries[0].0.span.clone()], "ü");
        assert_eq!(&text[entries[0].1.span.clone()], "xyz");
        let Value::Sequence(items) = &entries[1].1.value else { panic!("no list") };
        assert_eq!(&text[items[1].span.clone()], "'b c'");
        assert!(text[entries[1].1.span.clone()].starts_with("[a"));
    }

    #[test]
    fn the_documents_of_a_stream_are_read_each_by_itself() {
        for (text, expected) in [
            ("", ""),
            ("# only words\n---\n", ""),
            ("a: 1\n---\nb: 2\n", "{a: 1} {b: 2}"),
            ("---\na: 1\n--- # two\nb: 2\n---\n# nothing\n", "{a: 1} {b: 2}"),
            ("%YAML 1.1\n---\na: 1\n...\nb: 2\n", "{a: 1} {b: 2}"),
            ("a: |\n  ---\n  x\n---x: 2\n", "{a: \"---\\nx\\n\", ---x: 2}"),
            ("a: [\n---\nü: ü\n---\nb: *x\n", "error f.yaml:2: {ü: ü} error f.yaml:5:"),
            ("--- {a: 1}\r\n---\r\nb: 2", "{a: 1} {b: 2}"),
        ] {
            let told: Vec<String> = documents(text, Path::new("f.yaml"))
                .map(|(_, read)| match read {
                    Ok(node) => shown(&node),
                    Err(error) => {
                        let place = error.to_string();
                        let end = place.match_indices(':').nth(1).map_or(place.len(), |(at, _)| at + 1);
                        format!("error {}", &place["cannot read `".len()..end])
                    }
                })
                .collect();
            assert_eq!(told.join(" "), expected, "{text:?}");
        }
        let text = "ä: 1\n---\nü: xyz\n";
        let (piece, node) = documents(text, Path::new("f")).nth(1).unwrap();
        assert_eq!(&text[piece], "---\nü: xyz\n");
        let Value::Mapping(entries) = node.unwrap().value else { panic!("no mapping") };
        assert_eq!((&text[entries[0].0.span.clone()], &text[entries[0].1.span.clone()]), ("ü", "xyz"));
    }

    #[test]
    fn merging_many_times_is_refused_before_it_is_done() {
        let keys: String = (0..1000).map(|n| format!("k{n}: 1, ")).collect();
        for anchor in [keys, format!("{}: 1", "k".repeat(500_000))] {
            let text = format!("a: &a {{{anchor}}}\nb: [{}]", "{<<: *a}, ".repeat(1000));
            let message = read(&text).unwrap_err().to_string();
            assert!(message.contains("merged ones written out"), "{message}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, of) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")] {
            let tenfold = vec![format!("*{of}"); 10].join(",");
            bomb.push_str(&format!("{name}: &{name} [{tenfold}]\n"));
        }
        for (text, expected) in [
            ("a: 1\n a: 2", "f.yaml:2:"),
            ("a: 1\na: 2", "f.yaml:2:1`: key `a` is there twice"),
            ("a: 1\n---\nb: 2", "f.yaml:3:1`: a second document begins"),
            ("[1, 2", "f.yaml:"),
            ("? [1]\n: 2", "f.yaml:1:3`: expected a key, found a list"),
            ("a: *nobody", "f.yaml:1:"),
            ("a: &x [*x]", "f.yaml:1:"),
            ("a: {<<: 3}", "f.yaml:1:9`: `<<` takes mappings, found text"),
            (&"[".repeat(70), "more than 64 values are nested"),
            (&bomb, "more than 100000 values"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
