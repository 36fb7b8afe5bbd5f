//! `bareboat build`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bareboat_build::pipeline::{self, BuildRequest, Workshop};
use bareboat_io::http::HttpOptions;
use bareboat_io::registry::RegistryOptions;
use bareboat_io::transport::Registries;

use bareboat_model::Error;

use crate::args::{Args, Build, Format, Patience};
use crate::output::{Failure, answer, answer_json};
use crate::summary;
use crate::terminal::Terminal;

pub(crate) fn run(command: &Build, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let workshop = workshop(args, &command.patience, terminal)?;
    let request = BuildRequest {
        recipe: command.recipe.clone(),
        outputs: command.outputs.clone(),
        platforms: command.platforms.clone(),
        locked: command.locked,
        steps: !command.no_steps,
        provenance: command.provenance,
        allow_missing: command.allow_missing.iter().map(ToString::to_string).collect(),
    };
    if let Some(what) = &command.explain {
        return explain(&workshop, &request, what, args.story.format);
    }
    let built = pipeline::build(&workshop, &request)?;
    terminal.finish();
    match args.story.format {
        Format::Text => answer(&summary::of_build(&built, args.story.quiet, args.story.verbose)),
        Format::Json => answer_json("bareboat.build/1", &built),
    }
}

/// Tells why something is in the image, or is not.
pub(crate) fn explain(
    workshop: &Workshop<'_>,
    request: &BuildRequest,
    what: &str,
    format: Format,
) -> Result<(), Failure> {
    let explanation = pipeline::explain(workshop, request, what)?;
    match format {
        Format::Text => answer(&summary::explanation(&explanation)),
        Format::Json => answer_json("bareboat.explain/1", &explanation),
    }
}

/// Opens the cache and makes ready for the network, as the command line says.
pub(crate) fn workshop<'a>(
    args: &Args,
    patience: &Patience,
    terminal: &'a Terminal,
) -> Result<Workshop<'a>, Failure> {
    let place = &args.place;
    let threads = place.threads.map(usize::from);
    let http = http_options(args, patience.timeout)?;
    let registries = Registries::new(registry_options(&http, args, terminal));
    Ok(Workshop::new(place.store()?, http, registries, threads, terminal)?)
}

/// How the network is used, if at all.
pub(crate) fn http_options(args: &Args, timeout: Option<u64>) -> Result<HttpOptions, Error> {
    let timeout = match timeout {
        Some(seconds) => Some(seconds),
        None => from_env("BAREBOAT_TIMEOUT", 1..=3600, "seconds")?,
    };
    let retries = match args.place.retries {
        Some(number) => Some(number),
        None => from_env("BAREBOAT_RETRIES", 0..=100, "a number")?,
    };
    let usual = HttpOptions::default();
    Ok(HttpOptions {
        timeout: timeout.map_or(usual.timeout, Duration::from_secs),
        retries: retries.unwrap_or(usual.retries),
        offline: args.place.offline,
        ..usual
    })
}

/// How registries are spoken to.
pub(crate) fn registry_options(http: &HttpOptions, args: &Args, terminal: &Terminal) -> RegistryOptions {
    let (http, progress) = (http.clone(), Arc::new(terminal.clone()));
    RegistryOptions { http, plain_http: args.place.plain_http, progress, ..RegistryOptions::default() }
}

/// Read here and not by clap, whose messages would speak of an option that nobody gave.
fn from_env<T: FromStr + PartialOrd + Display>(
    name: &str,
    range: RangeInclusive<T>,
    what: &str,
) -> Result<Option<T>, Error> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
    number.map(Some).ok_or_else(|| {
        let value = bareboat_model::escape(&value.to_string_lossy());
        let (from, to) = (range.start(), range.end());
        Error::new(format!("cannot use {name}: it is `{value}`, expected {what} from {from} to {to}"))
    })
}
