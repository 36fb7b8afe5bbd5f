//! Answers in words, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bareboat_build::pipeline::{Explanation, ImageSummary, LockSummary, Summary};
use bareboat_model::escape;

use crate::layout::columns;

/// Where the second column begins.
const LABEL: usize = 13;
/// How wide the text may be; longer lists go on in the next line.
const WIDTH: usize = 100;

/// How many of the packages that need another are named.
const TOLD_NEEDS: usize = 8;

/// The summary of a build; only the digest when `quiet`, all scripts and layers when `verbose`.
pub(crate) fn of_build(built: &Summary, quiet: bool, verbose: bool) -> String {
    if quiet {
        return format!("{}\n", built.digest);
    }
    let mut text = String::new();
    if built.lock.written {
        text.push_str(&of_lock(&built.lock, "locked"));
    }
    if let Some(base) = &built.base {
        line(&mut text, "built on", &[format!("{} ({})", escape(&base.reference), base.digest)]);
    }
    for image in &built.images {
        of_image(&mut text, image, verbose);
    }
    line(&mut text, "digest", &[built.digest.to_string()]);
    for attachment in &built.attachments {
        line(&mut text, "attached", &[attachment.to_string()]);
    }
    for output in &built.outputs {
        line(&mut text, "written to", &[escape(output)]);
    }
    line(&mut text, "time", &[format!("{:.1} s", built.seconds)]);
    text
}

fn of_image(text: &mut String, image: &ImageSummary, verbose: bool) {
    let made = image.layers.iter().filter(|layer| !layer.reused).count();
    line(
        text,
        &image.platform.to_string(),
        &[
            count(image.packages as u64, "package"),
            count(image.files, "file"),
            size(image.bytes),
            format!("{} stored", size(image.stored)),
            format!("{} ({made} new)", count(image.layers.len() as u64, "layer")),
        ],
    );
    if verbose {
        for layer in &image.layers {
            line(text, "  layer", &[format!("{} {}", size(layer.stored), layer.title)]);
        }
    }
    pruned(text, image);
    let effects =
        image.effects.iter().map(|applied| format!("{} ({})", applied.effect, escape(&applied.what)));
    line(text, "effects", &effects.collect::<Vec<_>>());
    if let Some(deckhand) = &image.deckhand {
        line(text, "deckhand", &[deckhand.path.to_owned(), size(deckhand.bytes)]);
    }
    let scripts = image.scripts.iter().map(|(package, mentions)| {
        let words: Vec<String> = mentions.iter().map(ToString::to_string).collect();
        if words.is_empty() { package.clone() } else { format!("{package} ({})", words.join(", ")) }
    });
    line(text, "not run", &scripts.collect::<Vec<_>>());
    let mut left_out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for dependency in &image.left_out {
        left_out.entry(&dependency.relation).or_default().push(&dependency.by);
    }
    let left_out =
        left_out.iter().map(|(relation, by)| format!("{} (for {})", escape(relation), by.join(", ")));
    line(text, "left out", &left_out.collect::<Vec<_>>());
    for hidden in &image.hidden {
        let words =
            format!("{} of {} (by {})", escape(&hidden.path), escape(&hidden.instead_of), escape(&hidden.by));
        line(text, "hidden", &[words]);
    }
    let missing = image
        .allowed_missing
        .iter()
        .map(|(name, files)| format!("{} (for {})", escape(name), count(*files as u64, "file")));
    line(text, "missing", &missing.collect::<Vec<_>>());
    if let Some(smaller) = &image.smaller_base {
        let unused = format!("nothing of yours uses {} ({})", smaller.unused.join(", "), size(smaller.bytes));
        line(text, "hint", &[format!("base = \"{}\" would do: {unused}", smaller.base)]);
    }
}

/// What each set took away, the largest first.
fn pruned(text: &mut String, image: &ImageSummary) {
    let pruned = &image.pruned;
    if pruned.is_empty() {
        return;
    }
    let (files, bytes) = pruned.values().fold((0, 0), |sum, set| (sum.0 + set.files, sum.1 + set.bytes));
    let mut sets: Vec<_> = pruned.iter().collect();
    sets.sort_by_key(|(name, set)| (std::cmp::Reverse(set.bytes), (*name).clone()));
    let mut sets: Vec<String> =
        sets.into_iter().map(|(name, set)| format!("{name} {}", size(set.bytes))).collect();
    sets[0].insert_str(0, &format!("{} in {}: ", size(bytes), count(files, "file")));
    line(text, "pruned", &sets);
}

/// What became of the lock.
pub(crate) fn of_lock(lock: &LockSummary, verb: &str) -> String {
    let mut text = String::new();
    for reason in &lock.reasons {
        let _ = writeln!(text, "{}", escape(reason));
    }
    for change in changes(lock) {
        let _ = writeln!(text, "  {}", escape(&change));
    }
    let what = if lock.written || !lock.changes.is_empty() { verb } else { "up to date" };
    let held: Vec<String> = lock
        .packages
        .iter()
        .map(|(platform, packages)| format!("{} for {platform}", count(*packages as u64, "package")))
        .collect();
    line(&mut text, what, &[format!("{}: {}", escape(&lock.file.display().to_string()), held.join(", "))]);
    text
}

/// What moved, once for all platforms that it moved on; they are named unless it is all of the lock's.
fn changes(lock: &LockSummary) -> Vec<String> {
    let mut moved: Vec<(String, Vec<String>)> = Vec::new();
    for change in &lock.changes {
        let (words, platform) = (change.to_string(), change.platform.to_string());
        match moved.iter_mut().find(|(other, _)| *other == words) {
            Some((_, platforms)) => platforms.push(platform),
            None => moved.push((words, vec![platform])),
        }
    }
    moved.sort_by(|(a, _), (b, _)| a.cmp(b));
    let shown = |(words, platforms): (String, Vec<String>)| {
        if platforms.len() == lock.packages.len() {
            words
        } else {
            format!("{words} for {}", platforms.join(", "))
        }
    };
    moved.into_iter().map(shown).collect()
}

/// Why something is in the image.
pub(crate) fn explanation(explanation: &Explanation) -> String {
    let mut text = String::new();
    let mut others = 0;
    for line in &explanation.lines {
        others += usize::from(line.starts_with("also "));
        if others <= TOLD_NEEDS || !line.starts_with("also ") {
            let _ = writeln!(text, "{}", escape(line));
        }
    }
    if others > TOLD_NEEDS {
        let _ = writeln!(text, "and {} more need it (--format json names all)", others - TOLD_NEEDS);
    }
    text
}

/// `label        one, two, three`, with what does not fit on further lines; an item that is itself a list too long for a line is
/// broken as the list is. Nothing for no items.
pub(crate) fn line(text: &mut String, label: &str, items: &[String]) {
    let most = columns().map_or(WIDTH, |columns| columns.min(WIDTH));
    let pieces = items.iter().flat_map(|item| match LABEL + item.chars().count() <= most {
        true => vec![item.as_str()],
        false => item.split(", ").collect(),
    });
    let mut column = 0;
    for (number, item) in pieces.enumerate() {
        let length = item.chars().count();
        if number == 0 {
            let _ = write!(text, "{label:LABEL$}");
            column = LABEL;
        } else if column + 2 + length > most {
            let _ = write!(text, ",\n{:LABEL$}", "");
            column = LABEL;
        } else {
            text.push_str(", ");
            column += 2;
        }
        text.push_str(&escape(item));
        column += length;
    }
    if !items.is_empty() {
        text.push('\n');
    }
}

pub(crate) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Bytes in the units that registries use: 1 MB is 1,000,000 bytes.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (15_243_840, "15.2 MB"),
            (999_999, "1.0 MB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn long_lists_go_on_in_the_next_line() {
        let mut text = String::new();
        line(&mut text, "label", &["x".repeat(60), "y".repeat(40), "z".into()]);
        assert_eq!(text, format!("label        {},\n             {}, z\n", "x".repeat(60), "y".repeat(40)));
        text.clear();
        line(&mut text, "label", &[format!("files (/{}, /{}, /z)", "x".repeat(60), "y".repeat(40))]);
        let expected =
            format!("label        files (/{},\n             /{}, /z)\n", "x".repeat(60), "y".repeat(40));
        assert_eq!(text, expected);
        line(&mut text, "none", &[]);
        assert!(!text.contains("none"));
    }
}
