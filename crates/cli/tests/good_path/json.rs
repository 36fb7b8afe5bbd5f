//! docs/json.md says what programs are told: no key of it is missing, and none more.

use std::collections::{BTreeMap, BTreeSet};

use bareboat_testkit::World;
use serde_json::Value;

use crate::bench::{Bench, said};
use crate::inspect::dive_image;

/// The keys that only images have which these tests do not make.
const RARE: [&str; 13] = [
    "config.author",
    "config.stop_signal",
    "packages.unread[].path",
    "packages.unread[].cause",
    "unread[].path",
    "unread[].cause",
    "unread[].before",
    "unread[].after",
    "files[].before.device",
    "files[].after.device",
    "packages.list[].architecture",
    "waste.paths[].in_base",
    "replaced",
];

/// The keys of each schema, from the tables.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md")).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut schema = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut schema);
        } else if let Some(row) = line.strip_prefix("| `") {
            let keys = row.split(" | ").next().unwrap().split("`, `").map(|key| key.trim_end_matches('`'));
            found.entry(schema.clone()).or_default().extend(keys.map(str::to_owned));
        }
    }
    found
}

/// Where values are; of lists and objects with nothing in them, with what would be there.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            let is_by_name = ["config.labels", "packages.counts"].contains(&path);
            for (key, value) in entries.iter().filter(|(key, _)| !path.is_empty() || *key != "schema") {
                let key = if is_by_name { "*" } else { key };
                keys(value, &if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }, found);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_object) => {
            values.iter().for_each(|value| keys(value, &format!("{path}[]"), found));
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

const BEFORE: &str = "name = \"shop\"\nbase = \"base\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n\
    [image]\nentrypoint = [\"/app/tool\"]\nenv = { OLD = \"1\" }\nlabels = { a = \"b\" }\n\
    [links]\n\"/app/link\" = \"tool\"\n[[files]]\nfrom = \"app\"\nto = \"/app\"\n";

#[test]
fn what_programs_are_told_is_written_down() {
    let bench = Bench::new(BEFORE);
    bench.write("app/tool", "#!no\n");
    bench.write("app/gone", "x");
    bench.says(&["build", "-o", "oci:before:1.0"]);
    bench.mirror.replace(World::after_security_update().files);
    std::fs::remove_file(bench.path("project/app/gone")).unwrap();
    bench.write("bareboat.toml", BEFORE.replace("OLD", "NEW").replace("\"tool\"\n", "\"gone\"\n"));
    bench.says(&["update"]);
    bench.says(&["build", "-o", "oci:after"]);
    bench.damage(&bench.packages()[..1]);
    let dive = format!("docker-archive:{}", dive_image("test-docker-image.tar").display());

    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let p = ["--platform", "linux/amd64"];
    for args in [
        &["inspect", "oci:after", p[0], p[1]][..],
        &["inspect", &dive, "--base", &dive, "--dive", "--ci", "--max-size", "1GB"],
        &["inspect", &dive, "--tree"],
        &["inspect", "oci:after", p[0], p[1], "--tree"],
        &["diff", "oci:before", "oci:after", p[0], p[1]],
        &["diff", "oci:after", "oci:before", p[0], p[1]],
        &["diff", "oci:before", "oci:after", p[0], p[1], "--file", "/app/gone"],
        &["copy", "oci:after", "oci:copy", p[0], p[1]],
        &["list", "oci:before"],
        &["cache"],
        &["cache", "verify"],
        &["cache", "gc", "--keep-days", "0", "--dry-run"],
        &["cache", "clear"],
    ] {
        let output = bench.command(args.iter().chain(&["--format", "json"])).output().unwrap();
        let json: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let schema = json["schema"].as_str().unwrap().replace("-clear/", "-gc/");
        keys(&json, "", told.entry(schema).or_default());
    }
    let documented = documented();
    assert_eq!(documented.keys().collect::<Vec<_>>(), told.keys().collect::<Vec<_>>());
    for (schema, told) in &told {
        let documented = &documented[schema];
        let is_known = |key: &String| {
            let begins =
                |one: &String| one.starts_with(&format!("{key}[]")) || one.starts_with(&format!("{key}."));
            documented.contains(key) || documented.iter().any(begins)
        };
        let unknown: Vec<_> = told.iter().filter(|key| !is_known(key)).collect();
        assert!(unknown.is_empty(), "{schema} says what docs/json.md does not: {unknown:?}");
        let missing: Vec<_> =
            documented.difference(told).filter(|key| !RARE.contains(&key.as_str())).collect();
        assert!(missing.is_empty(), "docs/json.md has what {schema} does not say: {missing:?}");
    }
}
