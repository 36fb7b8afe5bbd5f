//! What differs, as a comment on a pull request: the figures as a table, what differs folded below.
//!
//! Nothing from an image stands where Markdown would obey it: names are in code spans and fences that are longer than any
//! row of backticks in them, where nothing has a meaning (CommonMark 0.31, 4.5 and 6.1).

use super::words::{Row, Section, Words};
use crate::summary::count;

/// GitHub takes no longer comments: 65,536 characters. Bytes are never fewer; the rest is for what closes a section.
const LONGEST: usize = 65_536 - 1_536;

pub(super) fn markdown(names: [&str; 2], words: &Words) -> String {
    let mut out = format!(
        "### Image diff: {} → {}\n\n{}\n",
        code(names[0]),
        code(names[1]),
        code_digest(&words.verdict)
    );
    if !words.rows.is_empty() {
        out.push_str("\n| | before | after | difference | |\n|---|--:|--:|--:|---|\n");
        for Row { label, before, after, difference, note } in &words.rows {
            out.push_str(&format!("| {label} | {before} | {after} | {difference} | {note} |\n"));
        }
    }
    for (number, section) in words.sections.iter().enumerate() {
        // A long list leaves the sections after it what they need, as far as that is no more than their share.
        let left = LONGEST.saturating_sub(out.len());
        let after = &words.sections[number + 1..];
        let share = left / (after.len() + 1);
        let needed: usize = after.iter().map(|section| length(section).min(share)).sum();
        fold(&mut out, section, left.saturating_sub(needed));
    }
    out
}

/// About what a section takes.
fn length(section: &Section) -> usize {
    let lines = section.lines.iter().chain(&section.notes).map(|line| line.len() + 2);
    lines.sum::<usize>() + section.title.len() + section.summary.len() + AROUND
}

/// What is around the lines of a section; fences may be longer, and take from the lines.
const AROUND: usize = 80;

/// Colours come with `diff`: what is changed is marked as `!`, for it knows no `~`.
fn fold(out: &mut String, section: &Section, room: usize) {
    let lines = section
        .lines
        .iter()
        .map(|line| line.strip_prefix('~').map_or_else(|| line.clone(), |rest| format!("!{rest}")));
    let notes: usize = section.notes.iter().map(|note| note.len() + 2).sum();
    out.push_str(&format!("\n<details><summary>{}: {}</summary>\n\n", section.title, section.summary));
    fence(out, &lines.collect::<Vec<_>>(), room.saturating_sub(notes + AROUND));
    section.notes.iter().for_each(|note| out.push_str(&format!("{note}\n\n")));
    out.push_str("</details>\n");
}

/// A diff on its own.
pub(super) fn fenced(diff: &str) -> String {
    let mut out = String::new();
    let lines: Vec<String> = diff.lines().map(str::to_owned).collect();
    fence(&mut out, &lines, LONGEST);
    if out.is_empty() {
        "The file is the same in both.\n".to_owned()
    } else {
        out.trim_end().to_owned() + "\n"
    }
}

/// Lines in a fence, as many as there is room for.
fn fence(out: &mut String, lines: &[String], room: usize) {
    if lines.is_empty() {
        return;
    }
    let fence = "`".repeat(lines.iter().map(|line| longest_row(line)).max().unwrap_or(0).max(2) + 1);
    let mut left = room.saturating_sub(2 * fence.len());
    let fitting = lines.iter().take_while(|line| {
        let fits = line.len() < left;
        left = left.saturating_sub(line.len() + 1);
        fits
    });
    let shown: Vec<&str> = fitting.map(String::as_str).collect();
    if !shown.is_empty() {
        out.push_str(&format!("{fence}diff\n{}\n{fence}\n\n", shown.join("\n")));
    }
    let more = lines.len() - shown.len();
    if more > 0 {
        let more = count(more as u64, "more line");
        out.push_str(&format!("and {more}, for which a comment has no room (--format text tells them)\n\n"));
    }
}

/// A code span.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_row(text) + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Only a digest in a verdict is long enough to be taken for something else.
fn code_digest(verdict: &str) -> String {
    match verdict.split_once("sha256:") {
        Some((before, hex)) => format!("{before}{}", code(&format!("sha256:{hex}"))),
        None => verdict.to_owned(),
    }
}

fn longest_row(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("``` </details> @all"), "```` ``` </details> @all ````");
        let mut out = String::new();
        let lines = vec!["+ /x```".to_owned(), "~ </details>".to_owned()];
        let section = Section { title: "Files", summary: "2 added".to_owned(), lines, notes: Vec::new() };
        fold(&mut out, &section, 1000);
        assert!(out.contains("\n````diff\n+ /x```\n! </details>\n````\n"), "{out}");
    }

    /// Lines, and all that is around them, stay within what GitHub takes; short sections are whole.
    #[test]
    fn a_comment_is_never_too_long() {
        let section = |title, line: String, count| Section {
            title,
            summary: String::new(),
            lines: vec![line; count],
            notes: vec!["a note".to_owned()],
        };
        let long = || "+ /x".repeat(40);
        let sections = vec![
            section("Settings", "~ user".to_owned(), 3),
            section("Packages", long(), 100_000),
            section("Files", long(), 100_000),
            section("Layers", "+ `".to_owned() + &"`".repeat(50_000), 2),
            section("Packages that could not be read", "! /x".to_owned(), 4),
        ];
        let words = Words { verdict: String::new(), rows: Vec::new(), sections };
        let comment = markdown(["a", "b"], &words);
        assert!(comment.len() <= 65_536, "{}", comment.len());
        assert!(comment.len() > 50_000, "{}", comment.len());
        assert_eq!(comment.matches("! user").count(), 3);
        assert_eq!(comment.matches("! /x").count(), 4);
        assert_eq!(comment.matches("more lines, for which").count(), 3);
        assert_eq!(comment.matches("a note").count(), 5);
        assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
        let diff = "+ a line\n".repeat(100_000);
        assert!((60_000..=65_536).contains(&fenced(&diff).len()));
    }
}
