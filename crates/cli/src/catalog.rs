//! `bareboat catalog`.

use std::fmt::Write as _;

use bareboat_build::recipe::{
    CatalogSize, catalog_names, catalog_purpose, catalog_size, catalog_suites, catalog_text, catalog_variants,
};
use bareboat_model::{Arch, Error, Platform, escape};
use serde::Serialize;

use crate::args::{Args, Catalog, Format};
use crate::output::{Failure, answer, answer_json};
use crate::summary::size;

/// What JSON says of the catalog.
#[derive(Serialize)]
struct Listed {
    suite: String,
    platform: Platform,
    entries: Vec<Entry>,
    variants: Vec<&'static str>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    purpose: &'static str,
    #[serde(flatten)]
    size: Option<CatalogSize>,
}

#[derive(Serialize)]
struct Shown<'a> {
    suite: &'a str,
    name: &'a str,
    recipe: &'static str,
}

pub(crate) fn run(command: &Catalog, args: &Args) -> Result<(), Failure> {
    let suite = command.suite.as_str();
    if catalog_names(suite).is_empty() {
        let suites = catalog_suites().join(", ");
        let shown = escape(suite);
        return Err(Error::new(format!(
            "cannot list the catalog of `{shown}`: there are only those of {suites}"
        ))
        .into());
    }
    match &command.name {
        Some(name) => show(name, suite, args.story.format),
        None => list(command, suite, args.story.format),
    }
}

fn show(name: &str, suite: &str, format: Format) -> Result<(), Failure> {
    // Of `static:debug`, the variant: what the entry is, its own name says.
    let part = name.split_once(':').map_or(name, |(_, variant)| variant);
    let found = catalog_text(suite, part).or_else(|| catalog_text("variants", part));
    let Some(recipe) = found else {
        let error = format!(
            "cannot show `{}`: the catalog of {suite} has {}",
            escape(name),
            catalog_names(suite).join(", ")
        );
        return Err(Error::new(error).into());
    };
    match format {
        Format::Text => answer(recipe),
        Format::Json => answer_json("bareboat.catalog-entry/1", &Shown { suite, name, recipe }),
    }
}

fn list(command: &Catalog, suite: &str, format: Format) -> Result<(), Failure> {
    let platform = command.platform.unwrap_or(Platform { arch: Arch::host().unwrap_or(Arch::Amd64) });
    let entry = |name| Entry {
        name,
        purpose: catalog_purpose(suite, name),
        size: catalog_size(suite, name, platform),
    };
    let entries: Vec<Entry> = catalog_names(suite).into_iter().map(entry).collect();
    let variants: Vec<&str> = catalog_variants().collect();
    if format == Format::Json {
        return answer_json(
            "bareboat.catalog/1",
            &Listed { suite: suite.to_owned(), platform, entries, variants },
        );
    }
    let mut text = String::new();
    let mut row = |name: &str, files: &str, packed: &str, purpose: &str| {
        let _ = writeln!(text, "{name:<11} {files:>9} {packed:>10}  {purpose}");
    };
    row("entry", "files", "compressed", "for");
    for entry in &entries {
        let told = |bytes: fn(&CatalogSize) -> u64| {
            entry.size.as_ref().map(|it| size(bytes(it))).unwrap_or_default()
        };
        row(entry.name, &told(|it| it.bytes), &told(|it| it.compressed), entry.purpose);
    }
    let _ = writeln!(text, "\nvariants: {}, as in base = \"static:debug\"", variants.join(", "));
    answer(&text)
}
