//! `containerRunOptions`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bareboat_formats::yaml::Node;
use bareboat_model::{Place, Result, escape};

use super::super::path::image_path;
use super::super::schema::{BindMount, RunOptions};
use super::values::{Source, Table};

pub(super) fn options(source: &Source<'_>, node: &Node) -> Result<RunOptions> {
    const KNOWN: [&str; 7] =
        ["user", "privileged", "allocateTty", "envVars", "envFile", "capabilities", "bindMounts"];
    let table = source.table(node, "containerRunOptions", &KNOWN)?;
    if table.boolean("privileged", false)? {
        let at = table.get("privileged").unwrap_or(node);
        return Err(source
            .wrong(at, "`privileged` needs an engine")
            .with_hint("take it out: tests run as the image's user, or as `user` says"));
    }
    let filled =
        |key: &str| Ok::<_, bareboat_model::Error>(table.string(key)?.filter(|text| !text.is_empty()));
    let place = |key: &str| source.place(table.get(key).unwrap_or(node));
    Ok(RunOptions {
        user: filled("user")?,
        terminal: table.boolean("allocateTty", false)?.then(|| place("allocateTty")),
        env_file: filled("envFile")?.map(|file| (PathBuf::from(file), place("envFile"))),
        host_env: names(&table, "envVars")?,
        capabilities: names(&table, "capabilities")?,
        mounts: table.list("bindMounts", |node| Ok((mount(source, node)?, source.place(node))))?,
    })
}

fn names(table: &Table<'_>, key: &str) -> Result<BTreeMap<String, Place>> {
    let named = |node| Ok((table.source.string(node, key)?.to_owned(), table.source.place(node)));
    Ok(table.list(key, named)?.into_iter().collect())
}

/// `HOST:PATH[:OPTIONS]`, as engines have it. Options but `ro` and `rw` are labels of security modules, which have no
/// meaning here.
fn mount(source: &Source<'_>, node: &Node) -> Result<BindMount> {
    let written = source.string(node, "bindMounts")?;
    let mut parts = written.splitn(3, ':');
    let (from, to, options) = (parts.next().unwrap_or_default(), parts.next(), parts.next().unwrap_or("rw"));
    let wrong = |why: &str| {
        source
            .wrong(node, &format!("`{}` {why}, expected `/HOST:/PATH` or `/HOST:/PATH:ro`", escape(written)))
    };
    let Some(to) = to.filter(|to| to.starts_with('/')) else {
        return Err(wrong("names no path in the image"));
    };
    if !from.starts_with('/') {
        return Err(wrong("is a volume of an engine"));
    }
    let mut read_only = false;
    for option in options.split(',') {
        match option {
            "ro" => read_only = true,
            "rw" | "z" | "Z" => {}
            _ => return Err(wrong("has an option that is not known")),
        }
    }
    let target = image_path(to).map_err(|error| wrong(&error.to_string()))?;
    Ok(BindMount { source: Path::new(from).to_owned(), target, read_only })
}
