//! What is told of an image, in words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bareboat_audit::inspect::{Count, Dive, Fate, Inspection, LayerTold, Limit, Settings, Verdict, Wasted};
use bareboat_model::escape;

use crate::args::Story;
use crate::layout::{cut, fitted, table, width};
use crate::summary::{count, line, size};

/// How wide a command may be beside its layer, where no terminal says it.
const COMMAND: usize = 60;
/// With less room than this beside its layer, a command stands below it.
const LEAST_COMMAND: usize = 20;
/// How it stands there.
const BELOW: &str = "          ";
/// Other names of a file that are told.
const MOST_NAMES: usize = 3;

/// How much is told.
pub(super) struct Told {
    /// How many of the biggest and of what is wasted.
    pub(super) top: usize,
    /// Whether all packages are listed.
    pub(super) packages: bool,
    /// How wide the terminal is, if there is one.
    pub(super) columns: Option<usize>,
}

/// All of it; only the budgets' verdicts, if there are any, when quiet.
pub(super) fn of(image: &Inspection, told: &Told, story: &Story) -> String {
    let &Told { top, columns, .. } = told;
    let mut text = String::new();
    if !story.quiet || image.budgets.is_empty() {
        head(&mut text, image);
        settings(&mut text, &image.config);
        sizes(&mut text, image);
        layers(&mut text, &image.layers, story.verbose, columns);
        if story.verbose {
            history(&mut text, &image.config);
        }
        biggest(&mut text, image);
        waste(&mut text, image, top);
        packages(&mut text, image, told.packages);
        if let Some(dive) = &image.dive {
            of_dive(&mut text, dive, top);
        }
        if !image.budgets.is_empty() {
            text.push('\n');
        }
    }
    let wide = image.budgets.iter().map(|verdict| name(verdict).len()).max().unwrap_or_default();
    image.budgets.iter().for_each(|verdict| of_verdict(&mut text, verdict, wide));
    fitted(&text, columns)
}

fn head(text: &mut String, image: &Inspection) {
    let made = image.config.created.iter().map(|created| format!("made {created}"));
    let by = image.config.author.iter().map(|author| format!("by {author}"));
    let words: Vec<String> =
        [image.image.clone(), image.config.platform.clone()].into_iter().chain(made).chain(by).collect();
    line(text, "image", &words);
    line(text, "digest", &[image.digest.to_string()]);
    if let Some(index) = &image.index {
        line(text, "index", &[index.to_string()]);
    }
}

fn settings(text: &mut String, config: &Settings) {
    let command: Vec<&str> = config.entrypoint.iter().chain(&config.cmd).map(String::as_str).collect();
    let runs = if command.is_empty() { "nothing: it has no entrypoint".to_owned() } else { quoted(&command) };
    line(text, "runs", &[runs]);
    let user = match config.user.as_str() {
        "" => "root, as no user is set".to_owned(),
        "0" | "root" | "0:0" | "root:root" => "root".to_owned(),
        user => user.to_owned(),
    };
    line(text, "as", &[user]);
    line(text, "in", &[if config.workdir.is_empty() { "/".to_owned() } else { config.workdir.clone() }]);
    line(text, "ports", &sorted(&config.ports));
    line(text, "volumes", &sorted(&config.volumes));
    line(text, "environment", &config.env);
    let labels = config.labels.iter().map(|(name, value)| format!("{name}={value}"));
    line(text, "labels", &labels.collect::<Vec<_>>());
    line(text, "stopped by", config.stop_signal.as_slice());
    let check: Vec<&str> = config.healthcheck.iter().map(String::as_str).collect();
    if !check.is_empty() {
        line(text, "checked by", &[quoted(&check)]);
    }
    line(text, "on build", &config.on_build);
}

fn sorted(set: &BTreeSet<String>) -> Vec<String> {
    set.iter().cloned().collect()
}

/// A command as a shell would take it.
fn quoted(words: &[&str]) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=:,@%+".contains(c);
    let words = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(is_plain) {
            (*word).to_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn sizes(text: &mut String, image: &Inspection) {
    let all = &image.size;
    line(
        text,
        "size",
        &[
            format!("{} in {}", size(all.files), count(all.file_count, "file")),
            format!("{} in {}", size(all.layers), count(image.layers.len() as u64, "layer")),
            format!("{} stored", size(all.stored)),
        ],
    );
}

fn layers(text: &mut String, layers: &[LayerTold], verbose: bool, columns: Option<usize>) {
    if layers.is_empty() {
        return;
    }
    let mut rows = vec![
        ["layer", "stored", "contents", "added", "changed", "removed", "wasted"].map(str::to_owned).to_vec(),
    ];
    for layer in layers {
        let paths = |count: Count| if count.paths == 0 { "-".to_owned() } else { count.paths.to_string() };
        let changed = Count {
            paths: layer.changed.paths + layer.repeated.paths,
            bytes: layer.changed.bytes + layer.repeated.bytes,
        };
        rows.push(vec![
            layer.number.to_string(),
            size(layer.stored),
            size(layer.bytes),
            paths(layer.added),
            paths(changed),
            paths(layer.removed),
            if layer.wasted == 0 { "-".to_owned() } else { size(layer.wasted) },
        ]);
    }
    let taken = width(&rows);
    let notes = layers.iter().map(|layer| {
        let base = if layer.in_base { "(base) " } else { "" };
        let command = format!("{base}{}", escape(layer.command.as_deref().unwrap_or_default()));
        match columns.map(|columns| (columns.saturating_sub(taken), columns)) {
            _ if verbose || command.is_empty() => command,
            None => cut(&command, base.len() + COMMAND),
            Some((room, columns)) if room < LEAST_COMMAND => {
                format!("\n{BELOW}{}", cut(&command, columns.saturating_sub(BELOW.len())))
            }
            Some((room, _)) => cut(&command, room),
        }
    });
    text.push('\n');
    table(text, &rows, &std::iter::once(String::new()).chain(notes).collect::<Vec<_>>());
}

fn history(text: &mut String, config: &Settings) {
    heading(text, "history");
    for step in &config.history {
        let layer = step.layer.map(|layer| format!("layer {layer}")).unwrap_or_default();
        let created = step.created.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {layer:8}  {}  {}", escape(created), escape(&step.command));
    }
}

fn biggest(text: &mut String, image: &Inspection) {
    if !image.biggest_files.is_empty() {
        heading(text, "biggest files");
        let rows: Vec<_> = image.biggest_files.iter().map(|file| vec![size(file.bytes)]).collect();
        let notes = image.biggest_files.iter().map(|file| {
            let package = file.package.iter().map(|package| format!(", package {}", escape(package)));
            let names = other_names(&file.other_names);
            format!("{} (layer {}{}{names})", file.path, file.layer, package.collect::<String>())
        });
        table(text, &rows, &notes.collect::<Vec<_>>());
    }
    if !image.biggest_folders.is_empty() {
        heading(text, "biggest folders");
        let rows: Vec<_> = image.biggest_folders.iter().map(|folder| vec![size(folder.bytes)]).collect();
        let notes = image
            .biggest_folders
            .iter()
            .map(|folder| format!("{} ({})", folder.path, count(folder.files, "file")));
        table(text, &rows, &notes.collect::<Vec<_>>());
    }
}

fn other_names(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned();
    let more = names.len().saturating_sub(MOST_NAMES);
    let more = (more > 0).then(|| format!("{more} more names"));
    let words: Vec<String> = shown.chain(more).collect();
    if words.is_empty() { String::new() } else { format!(", also {}", words.join(", ")) }
}

fn waste(text: &mut String, image: &Inspection, top: usize) {
    let waste = &image.waste;
    text.push('\n');
    let mut words = vec![match waste.bytes {
        0 => "none: the layers carry nothing that the image does not have".to_owned(),
        bytes => format!("{}, {:.1} % of what the layers carry", size(bytes), 100.0 * waste.ratio),
    }];
    words.extend(
        waste
            .in_base
            .filter(|&bytes| bytes > 0)
            .map(|bytes| format!("{} of it in the base alone", size(bytes))),
    );
    line(text, "waste", &words);
    let shown = &waste.paths[..waste.paths.len().min(top)];
    let rows: Vec<_> = shown.iter().map(|wasted| vec![size(wasted.bytes)]).collect();
    table(text, &rows, &shown.iter().map(of_wasted).collect::<Vec<_>>());
    if waste.paths.len() > shown.len() {
        let _ = writeln!(text, "  and {} more (--top, --format json)", waste.paths.len() - shown.len());
    }
}

fn of_wasted(wasted: &Wasted) -> String {
    let list = |layers: &BTreeSet<usize>| {
        let numbers: Vec<String> = layers.iter().map(usize::to_string).collect();
        format!("layer{} {}", if numbers.len() == 1 { "" } else { "s" }, numbers.join(", "))
    };
    let fate = match wasted.fate {
        Fate::Replaced => "replaced",
        Fate::Removed => "removed",
    };
    let copies = if wasted.copies > 1 { format!("{} files, ", wasted.copies) } else { String::new() };
    let base = if wasted.in_base { ", the base's" } else { "" };
    format!(
        "{} ({copies}in {}, {fate} by {}{base})",
        wasted.path,
        list(&wasted.brought_by),
        list(&wasted.taken_by)
    )
}

fn packages(text: &mut String, image: &Inspection, list: bool) {
    let packages = &image.packages;
    let mut words: Vec<String> =
        packages.counts.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    if words.is_empty() {
        words.push("none that tell of themselves".to_owned());
    } else if packages.unowned > 0 {
        words.push(format!("{} in files of no package", size(packages.unowned)));
    }
    text.push('\n');
    line(text, "packages", &words);
    for unread in &packages.unread {
        let _ = writeln!(text, "  not all read: {} ({})", unread.path, escape(&unread.cause));
    }
    if list && !packages.list.is_empty() {
        let rows: Vec<_> = packages.list.iter().map(|package| vec![size(package.bytes)]).collect();
        let notes = packages.list.iter().map(|package| {
            let words = [package.kind.name(), &escape(&package.name), &escape(&package.version)].join(" ");
            words.trim_end().to_owned()
        });
        table(text, &rows, &notes.collect::<Vec<_>>());
    }
}

fn of_dive(text: &mut String, dive: &Dive, top: usize) {
    heading(text, "dive");
    let _ = writeln!(text, "  efficiency         {}", dive.efficiency);
    let _ = writeln!(text, "  wasted bytes       {} ({})", dive.wasted, size(dive.wasted));
    if let Some(ratio) = dive.wasted_user_ratio {
        let _ = writeln!(text, "  user wasted        {ratio} of {} bytes", dive.user_size);
    }
    let _ = writeln!(text, "  image size         {} ({})", dive.size, size(dive.size));
    let shown = &dive.files[..dive.files.len().min(top)];
    let rows: Vec<_> = shown.iter().map(|file| vec![file.count.to_string(), size(file.size)]).collect();
    table(text, &rows, &shown.iter().map(|file| file.path.clone()).collect::<Vec<_>>());
}

fn of_verdict(text: &mut String, verdict: &Verdict, wide: usize) {
    let (Limit::Most(limit) | Limit::Least(limit)) = verdict.limit;
    // A miss by a hair is no miss by nothing.
    let is_close = (verdict.found - limit).abs() < 0.0001;
    let shown = |value: f64| match verdict.budget {
        "waste-percent" => format!("{value:.1} %"),
        "layers" => format!("{value}"),
        "lowest-efficiency" | "highest-user-wasted-percent" if is_close => format!("{value}"),
        "lowest-efficiency" | "highest-user-wasted-percent" => format!("{value:.4}"),
        _ => size(value as u64),
    };
    let (limit, by, far) = match verdict.limit {
        Limit::Most(most) => (format!("at most {}", shown(most)), verdict.found - most, "too much"),
        Limit::Least(least) => (format!("at least {}", shown(least)), least - verdict.found, "too little"),
    };
    let (word, by) = match verdict.passed {
        true => ("PASS", String::new()),
        false => ("FAIL", format!(": {} {far}", shown(by))),
    };
    let name = name(verdict);
    let _ = writeln!(text, "{word}  {name:wide$}  {}, {limit}{by}", shown(verdict.found));
}

/// Both ways to say how much waste there may be are one option.
fn name(verdict: &Verdict) -> &'static str {
    if verdict.budget == "waste-percent" { "waste" } else { verdict.budget }
}

fn heading(text: &mut String, words: &str) {
    let _ = writeln!(text, "\n{words}");
}
