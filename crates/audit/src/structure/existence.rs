//! `fileExistenceTests`: a file is there, or is not, with the mode and the owner it should have.

use std::collections::BTreeMap;

use bareboat_model::Result;

use super::expand::expand;
use super::path::image_path;
use super::permissions::go_mode;
use super::report::Failure;
use super::schema::{Executor, ExistenceTest};
use super::subject::{Entry, Files};

pub(super) fn check(
    test: &ExistenceTest,
    files: &dyn Files,
    env: &BTreeMap<String, String>,
) -> Result<Vec<Failure>> {
    let written = match test.expands {
        true => expand(&test.path, |name| env.get(name).cloned().unwrap_or_default()),
        false => test.path.clone(),
    };
    let what = format!("`{written}`");
    let entry = match image_path(&written) {
        Ok(path) => files.look(&path)?,
        // A value in the environment made it something that no file can be called.
        Err(error) if test.should_exist => {
            return Ok(vec![Failure::new(what, "it to exist", error.to_string())]);
        }
        Err(_) => None,
    };
    Ok(match entry {
        None if test.should_exist => vec![Failure::new(what, "it to exist", "nothing")],
        Some(entry) if !test.should_exist => vec![Failure::new(what, "nothing", go_mode(&entry))],
        // Of what is not to be there, nothing else is asked.
        None => Vec::new(),
        Some(entry) => about(&what, test, &entry),
    })
}

fn about(what: &str, test: &ExistenceTest, entry: &Entry) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mode = go_mode(entry);
    if let Some(expected) = test.permissions.as_ref().filter(|expected| **expected != mode) {
        failures.push(Failure::new(format!("permissions of {what}"), expected, &mode));
    }
    if let Some(executor) = test.executable_by {
        let (bits, whom) = match executor {
            Executor::Owner => (0o100, "its owner"),
            Executor::Group => (0o010, "its group"),
            Executor::Other => (0o001, "others"),
            Executor::Any => (0o111, "anybody"),
        };
        if entry.mode & bits == 0 {
            let expected = format!("executable by {whom}");
            failures.push(Failure::new(format!("permissions of {what}"), expected, &mode));
        }
    }
    for (name, expected, found) in [("owner", test.uid, entry.uid), ("group", test.gid, entry.gid)] {
        if let Some(expected) = expected.filter(|&expected| expected != found) {
            failures.push(Failure::new(format!("{name} of {what}"), expected.to_string(), found.to_string()));
        }
    }
    failures
}
