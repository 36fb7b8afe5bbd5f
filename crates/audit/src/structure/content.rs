//! `fileContentTests`: what a file says. Also how text is matched, which commands' output shares.

use bareboat_model::Result;

use super::go_regex::{Pattern, as_go_sees};
use super::report::Failure;
use super::schema::ContentTest;
use super::subject::{Content, Files};

/// More than any file that a person would search with regular expressions.
pub(super) const LARGEST_FILE: u64 = 64 << 20;

pub(super) fn check(test: &ContentTest, files: &dyn Files) -> Result<Vec<Failure>> {
    let what = format!("`{}`", test.path);
    Ok(match files.read(&test.path, LARGEST_FILE)? {
        Content::Bytes(bytes) => matched(&what, &bytes, &test.expected, &test.excluded),
        Content::Nothing(why) => vec![Failure::new(what, "a file", why)],
    })
}

/// Whether each expected expression is found in the text, and no excluded one. The text is shown once.
pub(super) fn matched(what: &str, bytes: &[u8], expected: &[Pattern], excluded: &[Pattern]) -> Vec<Failure> {
    if expected.is_empty() && excluded.is_empty() {
        return Vec::new();
    }
    let text = as_go_sees(bytes);
    let missing = expected.iter().filter(|pattern| !pattern.is_found_in(&text)).map(|pattern| ("a", pattern));
    let present = excluded.iter().filter(|pattern| pattern.is_found_in(&text)).map(|pattern| ("no", pattern));
    let failure = |(number, (article, pattern)): (usize, (&str, &Pattern))| {
        let found = match number {
            0 if text.is_empty() => "nothing",
            0 => &text,
            _ => "the same",
        };
        Failure::new(what, format!("{article} match of `{}`", pattern.as_str()), found)
    };
    missing.chain(present).enumerate().map(failure).collect()
}
