//! `metadataTest`: what the image's config says.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::oci::Execution;

use super::report::Failure;
use super::schema::{Expected, ExpectedValue, MetadataTest};

pub(super) fn check(test: &MetadataTest, settings: &Execution) -> Vec<Failure> {
    let env = variables(&settings.env);
    let mut failures = values("variable", &test.env, &env);
    failures.extend(test.unbound.iter().filter_map(|name| {
        let value = env.get(name)?;
        Some(Failure::new(format!("variable `{name}`"), "it not to be set", quoted(value)))
    }));
    failures.extend(values("label", &test.labels, &settings.labels));
    failures.extend(test.cmd.as_ref().and_then(|cmd| whole("cmd", cmd, &settings.cmd)));
    failures
        .extend(test.entrypoint.as_ref().and_then(|words| whole("entrypoint", words, &settings.entrypoint)));
    failures.extend(test.workdir.as_ref().and_then(|path| exactly("workdir", path, &settings.working_dir)));
    failures.extend(test.user.as_ref().and_then(|user| exactly("user", user, &settings.user)));
    let port = |port: &str| settings.exposed_ports.iter().any(|exposed| is_port(port, exposed));
    let ports = listed(&settings.exposed_ports);
    failures.extend(presence("port", &test.exposed_ports, true, port, &ports));
    failures.extend(presence("port", &test.unexposed_ports, false, port, &ports));
    let volume = |volume: &str| settings.volumes.contains(volume);
    let volumes = listed(&settings.volumes);
    failures.extend(presence("volume", &test.volumes, true, volume, &volumes));
    failures.extend(presence("volume", &test.unmounted_volumes, false, volume, &volumes));
    failures
}

/// `NAME=value` lines by name; the last of a name counts.
pub(super) fn variables(lines: &[String]) -> BTreeMap<String, String> {
    let pair = |line: &String| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line.clone(), String::new()),
    };
    lines.iter().map(pair).collect()
}

/// The original only knows the number; here `8080/tcp` is understood as well.
fn is_port(asked: &str, exposed: &str) -> bool {
    asked == exposed || exposed.split('/').next() == Some(asked)
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}

fn listed(values: &BTreeSet<String>) -> String {
    match values.is_empty() {
        true => "none".to_owned(),
        false => values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "),
    }
}

fn values(what: &str, expected: &[Expected], found: &BTreeMap<String, String>) -> Vec<Failure> {
    let check = |one: &Expected| {
        let what = format!("{what} `{}`", one.key);
        let wanted = match &one.value {
            ExpectedValue::Exactly(value) => quoted(value),
            ExpectedValue::Matching(pattern) => format!("a match of `{}`", pattern.as_str()),
        };
        let Some(value) = found.get(&one.key) else { return Some(Failure::new(what, wanted, "nothing")) };
        let fits = match &one.value {
            ExpectedValue::Exactly(expected) => expected == value,
            ExpectedValue::Matching(pattern) => pattern.is_found_in(value),
        };
        (!fits).then(|| Failure::new(what, wanted, quoted(value)))
    };
    expected.iter().filter_map(check).collect()
}

fn whole(what: &str, expected: &[String], found: &[String]) -> Option<Failure> {
    (expected != found).then(|| Failure::new(what, format!("{expected:?}"), format!("{found:?}")))
}

fn exactly(what: &str, expected: &str, found: &str) -> Option<Failure> {
    (expected != found).then(|| Failure::new(what, quoted(expected), quoted(found)))
}

fn presence(
    what: &str,
    names: &[String],
    wanted: bool,
    is_there: impl Fn(&str) -> bool,
    all: &str,
) -> Vec<Failure> {
    let expected = if wanted { "it to be declared" } else { "it not to be declared" };
    let wrong = names.iter().filter(|name| is_there(name) != wanted);
    wrong.map(|name| Failure::new(format!("{what} `{name}`"), expected, all)).collect()
}
