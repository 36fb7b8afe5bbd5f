//! `bareboat effects`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bareboat_build::effects::{Finding, Outcome};
use bareboat_build::pipeline::{self, EffectsReport, EffectsRequest, PackageEffects};
use bareboat_model::escape;

use crate::args::{Args, Effects, Format};
use crate::build::workshop;
use crate::output::{Failure, answer, answer_json};
use crate::terminal::Terminal;

/// A command that is longer is cut: the script has it whole.
const LONGEST: usize = 100;

pub(crate) fn run(command: &Effects, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let workshop = workshop(args, &command.patience, terminal)?;
    let request = EffectsRequest {
        packages: command.packages.clone(),
        dependencies: command.dependencies,
        suite: command.suite.clone(),
        recipe: command.recipe.clone(),
        platform: command.platform,
    };
    let report = pipeline::effects(&workshop, &request)?;
    terminal.finish();
    match args.story.format {
        Format::Text => answer(&text(&report)),
        Format::Json => answer_json("bareboat.effects/1", &report),
    }
}

fn text(report: &EffectsReport) -> String {
    let mut text = String::new();
    for package in &report.packages {
        of_package(&mut text, package);
    }
    if !report.dependencies.is_empty() {
        let _ = writeln!(text, "with effects among what they need: {}", report.dependencies.join(", "));
    }
    text
}

fn of_package(text: &mut String, package: &PackageEffects) {
    let scripts = match package.scripts.is_empty() {
        true => "no scripts".to_owned(),
        false => package.scripts.join(", "),
    };
    let _ = writeln!(text, "{} {} ({scripts})", escape(&package.package), escape(&package.version));
    let mut left_out: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    let (mut reproduced, mut unknown) = (Vec::new(), Vec::new());
    for finding in &package.findings {
        let at = place(finding);
        match &finding.outcome {
            Outcome::Reproduced { effect, what } => {
                reproduced.push(format!("{at}: {effect}{}", behind(what)));
            }
            Outcome::LeftOut(rule) => {
                left_out.entry((&rule.name, &rule.reason)).or_default().push(at);
            }
            Outcome::Unknown { why } => {
                unknown.push(format!("{at}: {}", cut(&finding.text)));
                unknown.push(format!("    {}", cut(why)));
            }
        }
    }
    section(text, "reproduced", reproduced);
    let left_out = left_out.into_iter().flat_map(|((name, reason), mut places)| {
        places.dedup();
        [format!("{}: {}", escape(name), places.join(", ")), format!("    {}", escape(reason))]
    });
    section(text, "left out", left_out.collect());
    section(text, "not known", unknown);
}

fn place(finding: &Finding) -> String {
    match finding.line {
        0 => escape(&finding.script),
        line => format!("{}:{line}", escape(&finding.script)),
    }
}

fn behind(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!(" ({})", cut(what)) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", escape(&text[..end])),
        None => escape(text),
    }
}

fn section(text: &mut String, title: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        let _ = writeln!(text, "  {title}");
        for line in lines {
            let _ = writeln!(text, "    {line}");
        }
    }
}
