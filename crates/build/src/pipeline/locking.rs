//! The lock beside a recipe: read it, see whether it serves, write it when it must change.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bareboat_io::files::{read_bounded, replace_file};
use bareboat_model::{Context, Error, Platform, Result, escape, nearest};

use super::project::Project;
use super::summary::LockSummary;
use super::{BuildRequest, Workshop};
use crate::lock::{self, Lock, base_reason, changes};
use crate::recipe::{self, Loaded};
use crate::relock::{Move, reasons, relock};

/// Makes sure that the recipe's lock serves, as `bareboat lock` does.
///
/// # Errors
/// When the packages cannot be chosen, or the lock cannot be read or written, or would have to change and may not.
pub fn lock(workshop: &Workshop<'_>, request: &BuildRequest) -> Result<LockSummary> {
    let project = Project::load(workshop, &request.recipe, &request.platforms)?;
    ensure(workshop, &project, request.locked).map(|(_, summary)| summary)
}

/// Moves the lock forward: `packages`, or all. Writes nothing when `dry_run`.
///
/// # Errors
/// As [`lock`], and when one of `packages` is not in the lock.
pub fn update(
    workshop: &Workshop<'_>,
    recipe: &Path,
    packages: &[String],
    dry_run: bool,
) -> Result<LockSummary> {
    let loaded = recipe::load(recipe)?;
    let file = lock_file(&loaded, recipe);
    let old = read(&file)?;
    let locked: Vec<Platform> = old.iter().flat_map(Lock::platforms).collect();
    // Some packages alone are moved upon the same base.
    let base = old.iter().filter(|_| !packages.is_empty()).find_map(|old| old.base.as_ref());
    let project = Project::of(workshop, loaded, recipe, &locked, base)?;
    let what = match (&old, packages) {
        (_, []) => Move::All,
        (Some(old), _) => only(old, packages, &file)?,
        (None, _) => {
            return Err(Error::new(format!("cannot update `{}`: there is no such lock", shown(&file)))
                .with_hint("write it first, with `bareboat lock`"));
        }
    };
    let Project { loaded, bases, platforms, .. } = &project;
    let new = relock(loaded, bases, platforms, old.as_ref(), &what, &workshop.sources())?;
    let moved = old.as_ref().and_then(|old| base_reason(bases.locked.as_ref(), old.base.as_ref()));
    let written = !dry_run && old.as_ref() != Some(&new);
    if written {
        write(&file, &new)?;
    }
    Ok(summary(file, written, moved.into_iter().collect(), old.as_ref(), &new))
}

fn only(old: &Lock, packages: &[String], file: &Path) -> Result<Move> {
    let known: BTreeSet<&str> =
        old.packages.values().flat_map(|packages| packages.keys()).map(String::as_str).collect();
    if let Some(unknown) = packages.iter().find(|name| !known.contains(name.as_str())) {
        let error =
            Error::new(format!("cannot update `{}`: it is not in `{}`", escape(unknown), shown(file)));
        return Err(match nearest(unknown, known) {
            _ if unknown.contains('/') => error.with_hint("a recipe is named with -f"),
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error,
        });
    }
    Ok(Move::Only(packages.iter().cloned().collect()))
}

pub(super) fn ensure(
    workshop: &Workshop<'_>,
    project: &Project,
    locked: bool,
) -> Result<(Lock, LockSummary)> {
    let Project { loaded, bases, platforms, .. } = project;
    let file = project.lock_file();
    let old = read(&file)?;
    let reasons = old.as_ref().map_or_else(Vec::new, |old| reasons(old, loaded, bases, platforms));
    match old {
        Some(old) if reasons.is_empty() => {
            let summary = summary(file, false, Vec::new(), Some(&old), &old);
            Ok((old, summary))
        }
        Some(_) if locked => Err(Error::new(format!(
            "cannot use `{}`: it does not satisfy the recipe: {}",
            shown(&file),
            reasons.join("; ")
        ))
        .with_hint("run `bareboat lock` and commit the lock")),
        None if locked => Err(Error::new(format!(
            "cannot read `{}`: there is no lock, and --locked forbids to write one",
            shown(&file)
        ))
        .with_hint("run `bareboat lock` and commit the lock")),
        old => {
            let all: BTreeSet<Platform> =
                old.iter().flat_map(Lock::platforms).chain(platforms.iter().copied()).collect();
            let all: Vec<Platform> = all.into_iter().collect();
            let bases = project.bases_for(workshop, &all)?;
            let new = relock(loaded, &bases, &all, old.as_ref(), &Move::Least, &workshop.sources())?;
            write(&file, &new)?;
            let summary = summary(file, true, reasons, old.as_ref(), &new);
            Ok((new, summary))
        }
    }
}

/// The lock that a build would follow, without writing it.
pub(super) fn current(workshop: &Workshop<'_>, project: &Project, locked: bool) -> Result<Lock> {
    let Project { loaded, bases, platforms, .. } = project;
    match read(&project.lock_file())? {
        Some(old) if reasons(&old, loaded, bases, platforms).is_empty() => Ok(old),
        _ if locked => ensure(workshop, project, locked).map(|(lock, _)| lock),
        old => relock(loaded, bases, platforms, old.as_ref(), &Move::Least, &workshop.sources()),
    }
}

/// `bareboat.lock` beside `bareboat.toml`, `x.lock` beside `x.toml`.
pub(super) fn lock_file(loaded: &Loaded, recipe: &Path) -> PathBuf {
    let name = recipe.file_name().filter(|_| !recipe.is_dir());
    loaded.folder.join(name.map_or_else(|| "bareboat.toml".into(), PathBuf::from)).with_extension("lock")
}

pub(super) fn read(file: &Path) -> Result<Option<Lock>> {
    let doing = || format!("cannot read `{}`", shown(file));
    let Some(bytes) = read_bounded(file, lock::LARGEST_FILE).context(doing)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| Error::new("it is not UTF-8 text")).context(doing)?;
    // A link may lead to anything, and messages end in logs.
    let untold = || Error::new("it is a link, and what it leads to is no lock").context(doing());
    Lock::parse(&text, file).map(Some).map_err(|error| if file.is_symlink() { untold() } else { error })
}

fn write(file: &Path, lock: &Lock) -> Result<()> {
    replace_file(file, |scratch| Ok(scratch.write_all(lock.render().as_bytes())?))
        .context(|| format!("cannot write `{}`", shown(file)))
}

/// Only what moved is told: a new lock is told by its size.
fn summary(
    file: PathBuf,
    written: bool,
    reasons: Vec<String>,
    old: Option<&Lock>,
    new: &Lock,
) -> LockSummary {
    LockSummary {
        file,
        written,
        reasons,
        changes: old.map_or_else(Vec::new, |old| changes(old, new)),
        packages: new.packages.iter().map(|(platform, packages)| (*platform, packages.len())).collect(),
    }
}

fn shown(file: &Path) -> String {
    escape(&file.display().to_string())
}
