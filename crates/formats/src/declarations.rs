//! What sysusers.d and tmpfiles.d have in common: lines of columns between blanks, some in quotes.

use bareboat_model::{Context, Error, Result};

/// A bound against hostile files; systemd's largest has some kilobytes.
const LARGEST_FILE: usize = 1 << 20;

/// What `read` makes of the columns of each line that is neither blank nor a comment; its errors get the line's number.
pub(crate) fn parse<T>(text: &str, read: impl Fn(&[String]) -> Result<T>) -> Result<Vec<T>> {
    if text.len() > LARGEST_FILE {
        return Err(Error::new(format!("file is {} bytes long, more than {LARGEST_FILE}", text.len())));
    }
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let columns = columns(line).ok_or_else(|| Error::new("a quote is never closed"));
            columns.and_then(|columns| read(&columns)).context(|| format!("line {number}"))
        })
        .collect()
}

fn columns(line: &str) -> Option<Vec<String>> {
    let mut columns = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = chars.peek() else { return Some(columns) };
        let quote = Some(*first).filter(|c| matches!(c, '"' | '\''));
        if quote.is_some() {
            chars.next();
        }
        let mut column = String::new();
        loop {
            match (chars.next(), quote) {
                (None, None) => break,
                (None, Some(_)) => return None,
                (Some(c), Some(quote)) if c == quote => break,
                (Some(c), None) if c.is_whitespace() => break,
                (Some('\\'), _) => column.extend(chars.next()),
                (Some(c), _) => column.push(c),
            }
        }
        columns.push(column);
    }
}
