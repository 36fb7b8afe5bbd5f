//! What differs, in words: the same for a terminal and for a comment on a pull request.

use std::cmp::Reverse;

use bareboat_audit::diff::{
    Diff, Direction, FileChange, Line, PackageChange, Pair, Setting, Several, State, What, group,
};
use bareboat_model::{Digest, escape};

use crate::summary::{count, size};

/// Lines of a section, unless all are asked for.
const MOST_LINES: usize = 40;
/// Settings and names from images can be as long as they like.
const WIDEST: usize = 160;
/// Names shorter than this are put in a column.
const COLUMN: usize = 36;

/// The whole answer.
pub(super) struct Words {
    /// What it comes to, in one sentence.
    pub(super) verdict: String,
    /// The figures: none where both are one image.
    pub(super) rows: Vec<Row>,
    /// What differs.
    pub(super) sections: Vec<Section>,
}

/// A line of figures.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) difference: String,
    pub(super) note: String,
}

/// Lines about one kind of thing. Each begins with `+`, `-` or `~`.
pub(super) struct Section {
    pub(super) title: &'static str,
    /// How many there are, in words.
    pub(super) summary: String,
    pub(super) lines: Vec<String>,
    /// What is left out of the lines.
    pub(super) notes: Vec<String>,
}

/// Of an image and itself.
pub(super) fn same(digest: &Digest) -> Words {
    Words { verdict: format!("Both are the same image: {digest}"), rows: Vec::new(), sections: Vec::new() }
}

pub(super) fn words(diff: &Diff, all: bool) -> Words {
    let sections =
        [settings(diff, all), packages(diff, all), files(diff, all), layers(diff, all), unread(diff)];
    Words {
        verdict: verdict(diff),
        rows: rows(diff),
        sections: sections
            .into_iter()
            .filter(|section| !(section.lines.is_empty() && section.notes.is_empty()))
            .collect(),
    }
}

fn verdict(diff: &Diff) -> String {
    let nothing = diff.files.is_empty() && diff.packages.is_empty() && diff.config.is_empty();
    match (nothing, diff.semantic) {
        (true, true) => "Nothing differs but dates, history and packing".to_owned(),
        (true, false) => {
            "Files, packages and settings are the same; the images are packed otherwise".to_owned()
        }
        _ => {
            let parts = [
                (diff.packages.len(), "package"),
                (diff.files.len(), "path"),
                (diff.config.len(), "setting"),
            ];
            let parts: Vec<String> =
                parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n as u64, what)).collect();
            format!("The images differ in {}", in_a_row(&parts))
        }
    }
}

/// `a, b and c`.
fn in_a_row(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn rows(diff: &Diff) -> Vec<Row> {
    let sizes = &diff.sizes;
    let bytes = |label, pair: Pair<u64>, note: String| Row {
        label,
        before: size(pair.before),
        after: size(pair.after),
        difference: grown(pair),
        note,
    };
    let number = |label, pair: Pair<u64>, note: String| Row {
        label,
        before: pair.before.to_string(),
        after: pair.after.to_string(),
        difference: difference(pair.before, pair.after, |n| n.to_string()),
        note,
    };
    let fetch = Row {
        label: "to fetch",
        before: String::new(),
        after: size(sizes.fetch),
        difference: String::new(),
        note: "by a host that has the image before".to_owned(),
    };
    vec![
        bytes("files", sizes.files, String::new()),
        bytes("layers, raw", sizes.raw, String::new()),
        bytes("stored", sizes.stored, String::new()),
        fetch,
        number("paths", sizes.entries, file_counts(&diff.files)),
        number("packages", sizes.packages, package_counts(&diff.packages)),
        number("layers", diff.layers.count, layer_counts(diff)),
    ]
}

/// `+1.2 MB, +8 %`.
fn grown(pair: Pair<u64>) -> String {
    let words = difference(pair.before, pair.after, size);
    let share = (pair.after as f64 - pair.before as f64) / pair.before as f64 * 100.0;
    match pair.before {
        0 => words,
        _ if words.is_empty() => words,
        _ => format!("{words}, {share:+.0} %"),
    }
}

fn difference(before: u64, after: u64, shown: impl Fn(u64) -> String) -> String {
    match before.cmp(&after) {
        std::cmp::Ordering::Less => format!("+{}", shown(after - before)),
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("-{}", shown(before - after)),
    }
}

/// `3 added, 1 removed`, without those of which there are none.
fn tally<T: PartialEq>(all: impl Iterator<Item = T> + Clone, names: &[(T, &str)]) -> String {
    let counted = names.iter().map(|(which, name)| (all.clone().filter(|one| one == which).count(), name));
    counted.filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}

fn file_counts(files: &[FileChange]) -> String {
    let names = [(What::Added, "added"), (What::Removed, "removed"), (What::Changed, "changed")];
    tally(files.iter().map(|file| file.change), &names)
}

fn package_counts(packages: &[PackageChange]) -> String {
    let names = [
        (Direction::Upgraded, "upgraded"),
        (Direction::Downgraded, "downgraded"),
        (Direction::Changed, "changed"),
        (Direction::Added, "added"),
        (Direction::Removed, "removed"),
    ];
    tally(packages.iter().map(|package| package.change), &names)
}

fn layer_counts(diff: &Diff) -> String {
    let layers = &diff.layers;
    let counts = [
        (layers.shared, "shared"),
        (layers.repacked, "packed otherwise"),
        (layers.removed.len() as u64, "only before"),
        (layers.added.len() as u64, "only after"),
    ];
    let told = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    told.collect::<Vec<_>>().join(", ")
}

/// Keeps so many lines, and notes how many it does not.
fn bounded(lines: Vec<String>, all: bool) -> (Vec<String>, Vec<String>) {
    let more = lines.len().saturating_sub(MOST_LINES);
    if all || more == 0 {
        return (lines, Vec::new());
    }
    (lines.into_iter().take(MOST_LINES).collect(), vec![format!("and {more} more (--all lists them)")])
}

fn settings(diff: &Diff, all: bool) -> Section {
    let (lines, notes) = bounded(diff.config.iter().map(setting).collect(), all);
    let counts = diff.config.iter().map(|one| match (&one.before, &one.after) {
        (None, _) => What::Added,
        (_, None) => What::Removed,
        _ => What::Changed,
    });
    let names = [(What::Added, "added"), (What::Removed, "removed"), (What::Changed, "changed")];
    Section { title: "Settings", summary: tally(counts, &names), lines, notes }
}

fn setting(one: &Setting) -> String {
    let name = one.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let label = cut(&escape(&format!("{}{name}", one.setting)));
    // An exposed port and a volume are there or not: their name is all there is to them.
    let is_flag = matches!(one.setting.as_str(), "port" | "volume");
    let shown = |value: &String| if value.is_empty() { "(empty)".to_owned() } else { cut(&escape(value)) };
    match (&one.before, &one.after) {
        (None, Some(_)) if is_flag => format!("+ {label}"),
        (Some(_), None) if is_flag => format!("- {label}"),
        (Some(before), Some(after)) => column('~', &label, &format!("{} → {}", shown(before), shown(after))),
        (None, Some(after)) => column('+', &label, &shown(after)),
        (Some(before), None) => column('-', &label, &shown(before)),
        (None, None) => String::new(),
    }
}

fn column(sign: char, name: &str, rest: &str) -> String {
    let wide = name.chars().count().max(16).next_multiple_of(4).min(COLUMN);
    format!("{sign} {name:wide$}  {rest}").trim_end().to_owned()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Those that moved first: what came and went is often a long list.
fn packages(diff: &Diff, all: bool) -> Section {
    let mut sorted: Vec<_> = diff.packages.iter().collect();
    let rank = |one: &PackageChange| match one.change {
        Direction::Upgraded | Direction::Downgraded | Direction::Changed => 0,
        Direction::Added => 1,
        Direction::Removed => 2,
    };
    sorted.sort_by_key(|one| rank(one));
    let wide = sorted.iter().map(|one| one.name.chars().count()).max().unwrap_or(0).min(COLUMN);
    let (lines, notes) = bounded(sorted.into_iter().map(|one| package(one, wide)).collect(), all);
    Section { title: "Packages", summary: package_counts(&diff.packages), lines, notes }
}

fn package(one: &PackageChange, wide: usize) -> String {
    let versions = |all: &[String]| {
        let shown: Vec<String> = all.iter().map(|version| escape(version)).collect();
        cut(&shown.join(", "))
    };
    let (before, after) = (versions(&one.before), versions(&one.after));
    let (sign, moved) = match one.change {
        Direction::Added => ('+', after),
        Direction::Removed => ('-', before),
        _ if before.is_empty() => ('~', format!("also {after}")),
        _ if after.is_empty() => ('~', format!("no longer {before}")),
        _ => ('~', format!("{before} → {after}")),
    };
    let mut notes = Vec::new();
    if one.change == Direction::Downgraded {
        notes.push("downgraded".to_owned());
    }
    if one.kind != bareboat_audit::packages::Kind::Deb {
        notes.push(one.kind.name().to_owned());
    }
    if one.files > 0 {
        notes.push(count(one.files, "file"));
    }
    match one.bytes {
        0 => {}
        grown if grown > 0 => notes.push(format!("+{}", size(grown.unsigned_abs()))),
        shrunk => notes.push(format!("-{}", size(shrunk.unsigned_abs()))),
    }
    let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
    format!("{sign} {:wide$}  {moved}{notes}", cut(&escape(&one.name)))
}

fn files(diff: &Diff, all: bool) -> Section {
    let summary = file_counts(&diff.files);
    let title = "Files";
    if all {
        let lines = diff.files.iter().map(file).collect();
        return Section { title, summary, lines, notes: Vec::new() };
    }
    let groups = group(&diff.files, &diff.packages);
    let mut lines: Vec<_> = groups.lines.iter().enumerate().collect();
    let mut notes = Vec::new();
    if lines.len() > MOST_LINES {
        // The heaviest are shown, by path.
        lines.sort_by_key(|(nth, line)| (Reverse(line.bytes()), *nth));
        let left: u64 = lines.drain(MOST_LINES..).map(|(_, line)| line.files()).sum();
        lines.sort_by_key(|(nth, _)| *nth);
        notes.push(format!("and {} more, all smaller (--all lists them)", count(left, "path")));
    }
    if groups.of_packages > 0 {
        notes.push(format!(
            "and {} of the packages above (--all lists them)",
            count(groups.of_packages, "path")
        ));
    }
    if groups.only_time > 0 {
        notes.push(format!("and {} of which only the date differs", count(groups.only_time, "path")));
    }
    if groups.folders > 0 {
        let folders = if groups.folders == 1 { "directory" } else { "directories" };
        notes.push(format!("and {} {folders} of these files (--all lists them)", groups.folders));
    }
    let lines = lines.into_iter().map(|(_, line)| match line {
        Line::One(one) => file(one),
        Line::Folder(several) => {
            format!("{} {}/  {}", sign(several.change), cut(&several.folder.to_string()), of_several(several))
        }
        Line::Within(several) => format!(
            "{} {}  in {}",
            sign(several.change),
            of_several(several),
            cut(&several.folder.to_string())
        ),
    });
    Section { title, summary, lines: lines.collect(), notes }
}

fn of_several(several: &Several) -> String {
    format!("{}, {}", count(several.files, "file"), size(several.bytes))
}

fn sign(change: What) -> char {
    match change {
        What::Added => '+',
        What::Removed => '-',
        What::Changed => '~',
    }
}

fn file(one: &FileChange) -> String {
    let slash = if one.is_directory() { "/" } else { "" };
    let what = match (&one.before, &one.after) {
        (Some(before), Some(after)) => changed(one, before, after),
        (Some(state), None) | (None, Some(state)) => brief(state),
        (None, None) => String::new(),
    };
    let of = match &one.package {
        Some(owner) if !what.is_empty() => format!(" (of {})", escape(&owner.name)),
        _ => String::new(),
    };
    format!("{} {}{slash}  {what}{of}", sign(one.change), cut(&one.path.to_string())).trim_end().to_owned()
}

fn brief(state: &State) -> String {
    match (&state.size, &state.link) {
        (Some(bytes), _) => size(*bytes),
        (_, Some(target)) => format!("→ {}", cut(target)),
        _ if state.kind == "directory" => String::new(),
        _ => state.kind.to_owned(),
    }
}

/// Each difference with what it was and what it is.
fn changed(one: &FileChange, before: &State, after: &State) -> String {
    let told = one.differences.iter().map(|difference| {
        let pair = |of: &dyn Fn(&State) -> String| format!("{difference} {} → {}", of(before), of(after));
        match *difference {
            "kind" => pair(&|state| state.kind.to_owned()),
            "content" if before.size == after.size => format!("content, {}", size(after.size.unwrap_or(0))),
            "content" => resized(before.size.unwrap_or(0), after.size.unwrap_or(0)),
            "link" => pair(&|state| cut(state.link.as_deref().unwrap_or_default())),
            "device" => pair(&|state| state.device.clone().unwrap_or_default()),
            "mode" => pair(&|state| format!("{:04o}", state.mode)),
            "owner" => pair(&|state| format!("{}:{}", state.uid, state.gid)),
            other => other.replace("time", "date"),
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Two sizes that read alike say by how much they differ.
fn resized(before: u64, after: u64) -> String {
    match size(before) == size(after) {
        true => format!("content {}, {}", size(after), difference(before, after, size)),
        false => format!("content {} → {}", size(before), size(after)),
    }
}

fn layers(diff: &Diff, all: bool) -> Section {
    let line = |sign: char, layer: &bareboat_audit::diff::LayerOnly| {
        format!("{sign} {} {}  {} stored", layer.number, layer.digest, size(layer.stored))
    };
    let removed = diff.layers.removed.iter().map(|layer| line('-', layer));
    let lines = if all {
        removed.chain(diff.layers.added.iter().map(|layer| line('+', layer))).collect()
    } else {
        Vec::new()
    };
    Section { title: "Layers", summary: layer_counts(diff), lines, notes: Vec::new() }
}

fn unread(diff: &Diff) -> Section {
    let lines = diff.unread.iter().map(|one| {
        let sides = match (one.before, one.after) {
            (true, true) => "in both",
            (true, false) => "before",
            _ => "after",
        };
        format!("! {}  {sides}: {}", cut(&one.path), cut(&one.cause))
    });
    Section {
        title: "Packages that could not be read",
        summary: count(diff.unread.len() as u64, "file"),
        lines: lines.collect(),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_read_alike_say_by_how_much_they_differ() {
        for (before, after, shown) in [
            (19, 27, "content 19 B → 27 B"),
            (1900, 1907, "content 1.9 kB, +7 B"),
            (2_900_010, 2_900_000, "content 2.9 MB, -10 B"),
        ] {
            assert_eq!(resized(before, after), shown);
        }
    }
}
