//! Settings that differ, one by one: a variable of the environment, a port, a label.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_formats::oci::{Extra, History, ImageConfig};
use serde::Serialize;
use serde_json::Value;

use super::Side;

/// A setting that differs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Setting {
    /// Which: `entrypoint`, `env`, `label`, …
    pub setting: String,
    /// The name, where there are several: of the variable, the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the image before has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What the image after has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Dates in labels and annotations (annotations.md, "Pre-Defined Annotation Keys").
const CREATED: &str = "org.opencontainers.image.created";

/// The settings of an image: by what and by name.
type Settings = BTreeMap<(String, Option<String>), String>;

pub(super) fn compare(before: &Side<'_>, after: &Side<'_>, semantic: bool) -> Vec<Setting> {
    let (old, new) = (settings(before, semantic), settings(after, semantic));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differ = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let mut found: Vec<Setting> = differ
        .map(|name| Setting {
            setting: name.0.clone(),
            name: name.1.clone(),
            before: old.get(name).cloned(),
            after: new.get(name).cloned(),
        })
        .collect();
    if !semantic {
        found.extend(history(&before.config.history, &after.config.history));
    }
    found.sort_by_key(|setting| (place(&setting.setting), setting.clone()));
    found
}

/// Those that say what runs come first.
fn place(setting: &str) -> usize {
    let order = [
        "platform",
        "entrypoint",
        "cmd",
        "user",
        "workdir",
        "env",
        "port",
        "volume",
        "stop signal",
        "label",
        "author",
        "annotation",
    ];
    order.iter().position(|name| *name == setting).unwrap_or(order.len())
}

fn settings(side: &Side<'_>, semantic: bool) -> Settings {
    let mut found = Settings::new();
    let config = side.config;
    single(config, &mut found);
    let run = &config.config;
    for variable in &run.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        put(&mut found, "env", Some(name), value);
    }
    run.exposed_ports.iter().for_each(|port| put(&mut found, "port", Some(port), "exposed"));
    run.volumes.iter().for_each(|volume| put(&mut found, "volume", Some(volume), "yes"));
    let dated = |name: &str| semantic && name == CREATED;
    for (what, values) in [("label", &run.labels), ("annotation", &side.manifest.annotations)] {
        for (name, value) in values.iter().filter(|(name, _)| !dated(name)) {
            put(&mut found, what, Some(name), value);
        }
    }
    extra(&mut found, &run.extra);
    extra(&mut found, &config.extra);
    if !semantic {
        extra(&mut found, &side.manifest.extra);
        if let Some(created) = &config.created {
            put(&mut found, "created", None, created);
        }
    }
    found
}

/// Settings of which there is one; none where it is empty.
fn single(config: &ImageConfig, found: &mut Settings) {
    let run = &config.config;
    let platform = [Some(&config.os), Some(&config.architecture), config.variant.as_ref()];
    let platform: Vec<&str> = platform.into_iter().flatten().map(String::as_str).collect();
    put(found, "platform", None, &platform.join("/"));
    let list = |values: &[String]| if values.is_empty() { String::new() } else { json(&values) };
    for (what, value) in [
        ("entrypoint", list(&run.entrypoint)),
        ("cmd", list(&run.cmd)),
        ("user", run.user.clone()),
        ("workdir", run.working_dir.clone()),
        ("stop signal", run.stop_signal.clone().unwrap_or_default()),
        ("author", config.author.clone().unwrap_or_default()),
    ] {
        if !value.is_empty() {
            put(found, what, None, &value);
        }
    }
}

fn put(found: &mut Settings, what: &str, name: Option<&str>, value: &str) {
    found.insert((what.to_owned(), name.map(str::to_owned)), value.to_owned());
}

/// What the specification does not have, such as Docker's health checks.
fn extra(found: &mut Settings, extra: &Extra) {
    for (name, value) in extra.iter().filter(|(_, value)| !value.is_null()) {
        put(found, &name.to_ascii_lowercase(), None, &json(value));
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_value(value).as_ref().map(Value::to_string).unwrap_or_default()
}

/// Where two histories part: they are long, and after the first difference most of the rest differs.
fn history(before: &[History], after: &[History]) -> Option<Setting> {
    let longest = before.len().max(after.len());
    let at = (0..longest).find(|&at| before.get(at) != after.get(at))?;
    let told = |entries: &[History]| {
        let entry = entries.get(at)?;
        let made = entry.created_by.as_deref().or(entry.comment.as_deref()).unwrap_or_default();
        let created = entry.created.as_deref().map(|created| format!("{created} ")).unwrap_or_default();
        Some(format!("{created}{}", made.trim()))
    };
    let name = Some(format!("entry {}", at + 1));
    Some(Setting { setting: "history".to_owned(), name, before: told(before), after: told(after) })
}
