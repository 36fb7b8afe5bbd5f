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
        let lines = text.lines().map(str::to_owned).collect();
        self.sources.push(Source { name: name.to_owned(), lines });
    }
}

/// The line, with those that it goes on in.
pub(super) fn whole_line(lines: &[String], number: usize) -> String {
    let mut text = String::new();
    for line in lines.iter().skip(number.saturating_sub(1)).take(200) {
        let line = line.trim();
        let more = line.strip_suffix('\\');
        text.push_str(more.unwrap_or(line).trim_end());
        if more.is_none() {
            break;
        }
        text.push(' ');
    }
    cut(&mut text);
    text
}

pub(super) fn cut(text: &mut String) {
    if text.len() > LONGEST_SHOWN {
        let end = (0..=LONGEST_SHOWN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
}
