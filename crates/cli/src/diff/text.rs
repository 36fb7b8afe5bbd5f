//! What differs, on a terminal.

use bareboat_model::Digest;

use super::words::{Row, Words};
use crate::layout::fitted;

pub(super) fn text(
    names: [&str; 2],
    digests: [Digest; 2],
    indexes: [Option<(Digest, String)>; 2],
    words: &Words,
    quiet: bool,
    columns: Option<usize>,
) -> String {
    let mut out = format!("{}\n", words.verdict);
    if words.rows.is_empty() {
        return fitted(&out, columns);
    }
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(60);
    let [before, after] = indexes;
    for (label, name, digest, index) in
        [("before", names[0], &digests[0], before), ("after", names[1], &digests[1], after)]
    {
        out.push_str(&format!("  {label:7} {name:wide$}  {digest}\n"));
        if let Some((index, platform)) = index {
            out.push_str(&format!("  {:7} for {platform} in the index {index}\n", ""));
        }
    }
    out.push('\n');
    let width =
        |of: &dyn Fn(&Row) -> &str| words.rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (a, b, c) = (width(&|row| &row.before), width(&|row| &row.after), width(&|row| &row.difference));
    for row in &words.rows {
        let Row { label, before, after, difference, note } = row;
        let line = format!("{label:12} {before:>a$}  {after:>b$}  {difference:c$}  {note}");
        out.push_str(&format!("{}\n", line.trim_end()));
    }
    let sections = if quiet { &[] } else { &words.sections[..] };
    for section in sections {
        out.push_str(&format!("\n{}: {}\n", section.title, section.summary));
        section.lines.iter().chain(&section.notes).for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    fitted(&out, columns)
}
