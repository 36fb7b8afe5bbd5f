//! `bareboat test`.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use bareboat_audit::structure::{self, FromHost, Outcome, Report, Sandboxes, Subject, TestFile};
use bareboat_io::files::{read_bounded, write_file};
use bareboat_io::root::Root;
use bareboat_model::{Context as _, Error, Result, escape};

use crate::args::{Args, Format, Test};
use crate::image::Harbour;
use crate::output::{Failure, answer, answer_json, harmless};
use crate::terminal::Terminal;

/// The exit code when a test failed.
const FAILED: u8 = 1;

/// More than any person writes.
const LARGEST_FILE: u64 = 1 << 20;

/// Lines of a file or a program's output that a failure shows.
const MOST_LINES: usize = 12;
/// The longest such line.
const WIDEST: usize = 200;

pub(crate) fn run(command: &Test, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    // All files are read before the image is: a slip in the last one should not cost the tests of the first.
    let files =
        command.config.iter().map(|file| read(file, command.allow_host)).collect::<Result<Vec<_>>>()?;
    let harbour = Harbour::open(args, None, terminal)?;
    let found = harbour.bring(&command.image, command.platform, terminal)?;
    let root = Root::of(&found, &harbour.store, terminal)
        .context(|| format!("cannot unpack the image `{}`", escape(&command.image)))?;
    let sandboxes = Sandboxes {
        root: &root,
        config: &found.config,
        timeout: Duration::from_secs(command.timeout),
        network: command.network.into(),
    };
    let subject = Subject { settings: &found.config.config, files: &root, containers: &sandboxes };
    let tested = files.iter().map(|(file, host)| structure::run(file, &subject, host));
    let report = Report::new(command.image.clone(), tested.collect::<Result<_>>()?);
    terminal.finish();
    match args.story.format {
        Format::Text => answer(&text(&report, args.story.quiet))?,
        Format::Json => answer_json("bareboat.test/1", &report)?,
    }
    // After the verdicts: that they cannot be written down is no reason not to tell them.
    if let Some(file) = &command.junit {
        write_file(file, |to| Ok(to.write_all(structure::junit(&report).as_bytes())?))?;
    }
    if report.failed == 0 { Ok(()) } else { Err(Failure::Code(FAILED)) }
}

fn read(file: &Path, allow_host: bool) -> Result<(TestFile, FromHost)> {
    let failing = || format!("cannot read `{}`", escape(&file.display().to_string()));
    let bytes = read_bounded(file, LARGEST_FILE)
        .context(failing)?
        .ok_or_else(|| Error::new("there is no such file").context(failing()))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::new("it is not UTF-8").context(failing()))?;
    let tests = structure::parse(&text, file)?;
    let host = FromHost::gather(&tests.options, allow_host)?;
    Ok((tests, host))
}

/// A line a test, more for one that failed, and the totals; when `quiet`, what failed and the totals.
fn text(report: &Report, quiet: bool) -> String {
    let mut out = String::new();
    for file in &report.files {
        let tests: Vec<&Outcome> = file.tests.iter().filter(|test| !quiet || !test.passed).collect();
        if report.files.len() > 1 && !tests.is_empty() {
            out.push_str(&format!("{}\n", escape(&file.file)));
        }
        tests.iter().for_each(|test| of_test(&mut out, test));
    }
    let failed = if report.failed == 0 { String::new() } else { format!(", {} failed", report.failed) };
    out + &format!("{} passed{failed}\n", report.passed)
}

fn of_test(out: &mut String, test: &Outcome) {
    let verdict = if test.passed { "ok" } else { "FAIL" };
    let place = if test.passed { String::new() } else { format!("  ({})", test.place) };
    let line = format!("{verdict:4}  {:14}  {}", test.kind, escape(&test.name));
    out.push_str(&format!("{}{place}\n", line.trim_end()));
    for failure in &test.failures {
        let found: Vec<&str> = failure.found.lines().collect();
        if found.len() < 2 {
            detail(out, &failure.to_string());
            continue;
        }
        detail(out, &format!("{}: expected {}, found", failure.what, failure.expected));
        found.iter().take(MOST_LINES).for_each(|line| detail(out, &format!("| {line}")));
        if let Some(more) = found.len().checked_sub(MOST_LINES + 1) {
            detail(out, &format!("| … {} more lines", more + 1));
        }
    }
    test.notes.iter().for_each(|note| detail(out, &format!("note: {note}")));
}

fn detail(out: &mut String, line: &str) {
    for line in harmless(line).lines() {
        let shown: String = line.chars().take(WIDEST).collect();
        out.push_str(&format!(
            "      {}{}\n",
            shown.trim_end(),
            if shown.len() < line.len() { "…" } else { "" }
        ));
    }
}
