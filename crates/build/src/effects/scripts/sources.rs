//! The texts whose commands are followed: scripts, the files that they source, and the functions in them.

use std::sync::Arc;

use bareboat_formats::sh::Command;

use super::follow::Follower;

/// The largest file that is sourced.
pub(super) const LARGEST_SOURCED: u64 = 1 << 20;

/// The longest command that is told with its values.
const LONGEST_SHOWN: usize = 2000;

/// A text whose commands are followed.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) lines: Vec<String>,
}

/// A function, and which text it stands in.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) body: Arc<Command>,
    pub(super) source: usize,
}

impl Follower<'_, '_> {
    pub(super) fn enter_source(&mut self, name: &str, text: &str) {
        self.source = self.sources.len();
        let lines = text.lines().map(|line| line.trim().to_owned()).collect();
        self.sources.push(Source { name: name.to_owned(), lines });
    }
}

/// The line, with those that it goes on in.
pub(super) fn whole_line(lines: &[String], number: usize) -> String {
    let mut text = String::new();
    for line in lines.iter().skip(number.saturating_sub(1)).take(200) {
        let more = line.strip_suffix('\\');
        text.push_str(start(more.unwrap_or(line)).trim_end());
        if more.is_none() || text.len() > LONGEST_SHOWN {
            break;
        }
        text.push(' ');
    }
    cut(&mut text);
    text
}

fn cut(text: &mut String) {
    text.truncate(start(text).len());
}

/// No more of a text than is shown.
fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_SHOWN)]
}

/// As many of the texts, with `between` between them, as are shown.
pub(super) fn joined<'t>(texts: impl Iterator<Item = &'t str>, between: &str) -> String {
    let mut all = String::new();
    for (index, text) in texts.enumerate() {
        if index > 0 {
            all.push_str(between);
        }
        all.push_str(start(text));
        if all.len() > LONGEST_SHOWN {
            break;
        }
    }
    cut(&mut all);
    all
}
