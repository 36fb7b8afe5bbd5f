//! From a logical line to its words.

use std::ops::Range;

use serde_json::value::RawValue;

use bareboat_model::Word;

use super::lines::Text;

/// Words between white space; nothing is quoted.
pub(super) fn blank_separated(text: &Text) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    for piece in text.text.split(|c: char| c.is_whitespace()) {
        if !piece.is_empty() {
            words.push(text.word(at..at + piece.len()));
        }
        at += piece.len() + text.text[at + piece.len()..].chars().next().map_or(0, char::len_utf8);
    }
    words
}

/// Where the word ends that begins at `at`: at white space that is neither quoted nor escaped.
pub(super) fn word_end(text: &str, at: usize, escape: char) -> usize {
    let mut quote = None;
    let mut chars = text[at..].char_indices();
    while let Some((offset, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => return at + offset,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if open == c => quote = None,
            // In single quotes nothing escapes.
            None | Some('"') if c == escape => {
                chars.next();
            }
            _ => {}
        }
    }
    text.len()
}

/// Words between white space that may stand in quotes; quotes are left in them.
pub(super) fn quoted_words(text: &str, escape: char) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find(|c: char| !c.is_whitespace()) {
        let start = at + offset;
        at = word_end(text, start, escape);
        words.push(start..at);
    }
    words
}

/// The strings of exec form. What is no list of strings in JSON is none: Docker takes it for shell form.
pub(super) fn exec_form(text: &Text) -> Option<Vec<Word>> {
    if !text.text.starts_with('[') {
        return None;
    }
    let items: Vec<&RawValue> = serde_json::from_str(&text.text).ok()?;
    let from = text.text.as_ptr() as usize;
    items
        .into_iter()
        .map(|item| {
            let start = item.get().as_ptr() as usize - from;
            let span = text.span(start..start + item.get().len());
            Some(Word { text: serde_json::from_str(item.get()).ok()?, span })
        })
        .collect()
}
