//! What `containerRunOptions` takes of this machine: variables, files, folders. A test file comes with a pull request as
//! easily as with the project, so none of it is had unless the person at the command line allows it.

use std::path::Path;

use bareboat_io::files::read_bounded;
use bareboat_model::{Context, Error, Result, escape};

use super::env_file;
use super::schema::{BindMount, RunOptions};

const LARGEST_ENV_FILE: u64 = 1 << 20;

/// What containers get of this machine.
#[derive(Clone, Default, Debug)]
pub struct FromHost {
    /// Variables, the later over the earlier.
    pub env: Vec<(String, String)>,
    /// Folders and files.
    pub mounts: Vec<BindMount>,
}

impl FromHost {
    /// Gathers what the options ask for. Paths are relative to the working directory, as in the original.
    ///
    /// # Errors
    /// When it is not allowed, or not there, or not to be had without an engine.
    pub fn gather(options: &RunOptions, allowed: bool) -> Result<Self> {
        not_without_engine(options)?;
        if !allowed {
            refuse(options)?;
        }
        let mut gathered = Self::default();
        if let Some((file, place)) = &options.env_file {
            let read = read_env_file(file);
            gathered.env.extend(read.context(|| {
                format!("cannot test with `{place}`: cannot read the variables in `{}`", shown(file))
            })?);
        }
        for name in options.host_env.keys() {
            // As in the original, one that is not set or empty is left out.
            if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
                gathered.env.push((name.clone(), value));
            }
        }
        for (mount, place) in &options.mounts {
            let there = std::fs::symlink_metadata(&mount.source).map_err(Error::from);
            there
                .context(|| format!("cannot test with `{place}`: cannot mount `{}`", shown(&mount.source)))?;
            gathered.mounts.push(mount.clone());
        }
        Ok(gathered)
    }
}

fn shown(path: &Path) -> String {
    escape(&path.display().to_string())
}

fn not_without_engine(options: &RunOptions) -> Result<()> {
    if let Some(place) = &options.terminal {
        return Err(Error::new(format!("cannot test with `{place}`: `allocateTty` needs an engine"))
            .with_hint("take it out: the programs' output is read from pipes"));
    }
    if let Some((name, place)) = options.capabilities.first_key_value() {
        let name = escape(name);
        return Err(Error::new(format!(
            "cannot test with `{place}`: the capability `{name}` needs an engine"
        ))
        .with_hint("take it out: programs run without privileges"));
    }
    Ok(())
}

fn refuse(options: &RunOptions) -> Result<()> {
    let env_file =
        options.env_file.iter().map(|(file, place)| (place, format!("the file `{}`", shown(file))));
    let variables =
        options.host_env.iter().map(|(name, place)| (place, format!("the variable `{}`", escape(name))));
    let mounts = options.mounts.iter().map(|(mount, place)| (place, format!("`{}`", shown(&mount.source))));
    match env_file.chain(variables).chain(mounts).next() {
        None => Ok(()),
        Some((place, what)) => {
            Err(Error::new(format!("cannot test with `{place}`: it asks for {what} of this machine"))
                .with_hint(
                    "--allow-host gives test files what they name; give it only to files that you trust",
                ))
        }
    }
}

fn read_env_file(file: &Path) -> Result<Vec<(String, String)>> {
    let bytes = read_bounded(file, LARGEST_ENV_FILE)?.ok_or_else(|| Error::new("there is no such file"))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::new("it is not UTF-8"))?;
    Ok(env_file::parse(&text)?.into_iter().collect())
}
