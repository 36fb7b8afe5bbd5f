//! How words are laid out: in columns, and within the terminal.

use std::fmt::Write as _;

/// Less than this helps nobody.
const NARROWEST: usize = 40;

/// Where a line goes on that did not fit.
const INDENT: usize = 4;

/// How wide the terminal is that reads the answer; none when none does.
pub(crate) fn columns() -> Option<usize> {
    let (_, columns) = console::Term::stdout().size_checked()?;
    Some(usize::from(columns).max(NARROWEST))
}

/// Lines that are wider than the terminal go on, indented, in the next one. Words stay whole: names and digests are copied.
pub(crate) fn fitted(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        fold(&mut out, line, columns);
        out.push('\n');
    }
    out
}

fn fold(out: &mut String, line: &str, columns: usize) {
    let blank = line.len() - line.trim_start_matches(' ').len();
    let (mut rest, mut room, mut least) = (line, columns, blank);
    while let Some((end, next)) = break_at(rest, room, least) {
        let _ = writeln!(out, "{}", rest[..end].trim_end());
        rest = &rest[next..];
        let word = rest.split(' ').next().unwrap_or_default().chars().count();
        // A digest may just fit when it is hardly indented.
        let indent = if blank + INDENT + word > columns { INDENT } else { blank + INDENT };
        let _ = write!(out, "{:indent$}", "");
        (room, least) = (columns.saturating_sub(indent), 0);
    }
    out.push_str(rest);
}

/// Where to break, and where the next line begins: none when all fits, or breaking does not help. Best between columns,
/// which two blanks part.
fn break_at(text: &str, room: usize, least: usize) -> Option<(usize, usize)> {
    let fits = text.char_indices().nth(room)?.0;
    let blanks = || text.match_indices(' ').map(|(at, _)| at).filter(|&at| at > least);
    let between = text.match_indices("  ").map(|(at, _)| at).filter(|&at| at > fits / 2 && at > least);
    let end = between.take_while(|&at| at <= fits).last();
    let end = end.or_else(|| blanks().take_while(|&at| at <= fits).last()).or_else(|| blanks().next())?;
    let next = end + text[end..].len() - text[end..].trim_start_matches(' ').len();
    (next < text.len()).then_some((end, next))
}

/// Columns that end together, and a note behind them.
pub(crate) fn table(text: &mut String, rows: &[Vec<String>], notes: &[String]) {
    let widths = widths(rows);
    for (row, note) in rows.iter().zip(notes) {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("  {cell:>width$}"));
        let gap = if note.starts_with('\n') { "" } else { "  " };
        let line = cells.collect::<String>() + gap + note;
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// How wide the columns of a table are together: where its notes begin.
pub(crate) fn width(rows: &[Vec<String>]) -> usize {
    widths(rows).iter().map(|width| width + 2).sum::<usize>() + 2
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    (0..columns).map(|column| width(column).unwrap_or_default()).collect()
}

/// The beginning of what is too long.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_go_on_in_the_next() {
        for (text, columns, expected) in [
            ("as it is, however wide\n", None, "as it is, however wide\n"),
            ("  it fits\n", Some(9), "  it fits\n"),
            ("  it fits not\n", Some(9), "  it fits\n      not\n"),
            ("label   a b c d\n", Some(11), "label   a b\n    c d\n"),
            // What is too long for any line breaks only from what is beside it.
            ("a  0123456789012345\n", Some(10), "a\n    0123456789012345\n"),
            ("0123456789012345 b\n", Some(10), "0123456789012345\n    b\n"),
            ("   0123456789012345\n", Some(10), "   0123456789012345\n"),
            // Between columns rather than within one.
            ("+ abc  1.0-1  (2 files, 3 MB)\n", Some(20), "+ abc  1.0-1\n    (2 files, 3 MB)\n"),
            ("          x  0123456789\n", Some(16), "          x\n    0123456789\n"),
            ("→ äöü ß\n", Some(5), "→ äöü\n    ß\n"),
            ("\n\n", Some(5), "\n\n"),
        ] {
            assert_eq!(fitted(text, columns), expected, "{text:?} in {columns:?}");
        }
    }
}
