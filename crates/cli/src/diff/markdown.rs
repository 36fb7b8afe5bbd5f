//! What differs, as a comment on a pull request: the figures as a table, what differs folded below.
//!
//! Nothing from an image stands where Markdown would obey it: names are in code spans and fences that are longer than any
//! row of backticks in them, where nothing has a meaning (CommonMark 0.31, 4.5 and 6.1).

use super::words::{Row, Section, Words};

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
    words.sections.iter().for_each(|section| fold(&mut out, section));
    out
}

/// Colours come with `diff`: what is changed is marked as `!`, for it knows no `~`.
fn fold(out: &mut String, section: &Section) {
    let lines = section
        .lines
        .iter()
        .map(|line| line.strip_prefix('~').map_or_else(|| line.clone(), |rest| format!("!{rest}")));
    let body = lines.collect::<Vec<_>>().join("\n");
    let fence = "`".repeat(longest_row(&body).max(2) + 1);
    out.push_str(&format!("\n<details><summary>{}: {}</summary>\n\n", section.title, section.summary));
    if !body.is_empty() {
        out.push_str(&format!("{fence}diff\n{body}\n{fence}\n\n"));
    }
    section.notes.iter().for_each(|note| out.push_str(&format!("{note}\n\n")));
    out.push_str("</details>\n");
}

/// A diff on its own.
pub(super) fn fenced(diff: &str) -> String {
    let fence = "`".repeat(longest_row(diff).max(2) + 1);
    if diff.is_empty() {
        "The file is the same in both.\n".to_owned()
    } else {
        format!("{fence}diff\n{diff}{fence}\n")
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
        fold(&mut out, &Section { title: "Files", summary: "2 added".to_owned(), lines, notes: Vec::new() });
        assert!(out.contains("\n````diff\n+ /x```\n! </details>\n````\n"), "{out}");
    }
}
