//! The indexes of a recipe's archives: fetched and verified all at once, and kept as text while packages are
//! chosen from them.

use std::collections::BTreeMap;

use bareboat_formats::packages::Package;
use bareboat_io::archive::{Archive, Suite, fetch_index, fetch_release, no_such_suite};
use bareboat_model::{Arch, Context, Error, Platform, Result, Timestamp};

use super::{Sources, archives, convert};
use crate::lock::{LockedPackage, SuiteRelease};
use crate::recipe::Loaded;
use crate::resolve::{Origin, Resolution, Universe};

pub(super) struct Indexes {
    suites: Vec<Suite>,
    /// By platform: the number of the suite, and the text.
    texts: BTreeMap<Arch, Vec<(usize, String)>>,
}

impl Indexes {
    pub(super) fn read(loaded: &Loaded, platforms: &[Platform], sources: &Sources<'_>) -> Result<Self> {
        let archives = archives(loaded, sources.progress)?;
        let now = now();
        let suites = all_at_once(archives, |archive| {
            let suite = fetch_release(sources.http, sources.store, &archive, now, sources.progress)?;
            suite.ok_or_else(|| missing(loaded, &archive))
        })?;
        let mut wanted = Vec::new();
        for platform in platforms {
            for (number, suite) in suites.iter().enumerate() {
                let components = suite.archive.components.iter();
                wanted.extend(components.map(|component| (platform.arch, number, component.as_str())));
            }
        }
        let texts = all_at_once(wanted, |(arch, number, component)| {
            let text =
                fetch_index(sources.http, sources.store, &suites[number], component, arch, sources.progress)?;
            Ok((arch, number, text))
        })?;
        let mut by_arch: BTreeMap<Arch, Vec<(usize, String)>> = BTreeMap::new();
        for (arch, number, text) in texts {
            by_arch.entry(arch).or_default().push((number, text));
        }
        Ok(Self { suites, texts: by_arch })
    }

    pub(super) fn universe<'a>(
        &'a self,
        platform: Platform,
        kept: &'a BTreeMap<String, LockedPackage>,
        installed: &[Package<'a>],
    ) -> Result<Universe<'a>> {
        let arch = platform.arch;
        let mut builder = Universe::builder(arch);
        for (number, text) in self.texts.get(&arch).into_iter().flatten() {
            let failing =
                || format!("cannot read the {} index of {}", arch.debian(), self.suites[*number].archive);
            builder.add_index(*number, text).context(failing)?;
        }
        for package in kept.values() {
            builder.add_locked(convert::as_index_entry(package))?;
        }
        installed.iter().try_for_each(|package| builder.add_installed(package.clone()))?;
        builder.build()
    }

    /// The chosen packages as the lock names them. `before` is what the lock held of them.
    pub(super) fn lock(
        &self,
        resolution: &Resolution<'_>,
        before: Option<&BTreeMap<String, LockedPackage>>,
    ) -> Result<BTreeMap<String, LockedPackage>> {
        let locked = |candidate: &crate::resolve::Candidate<'_>| match candidate.origin {
            Origin::Index(number) => {
                let suite = self.suites.get(number).ok_or_else(|| Error::new("an index without a suite"))?;
                convert::as_locked(candidate, &suite.archive.name)
            }
            Origin::Lock => {
                let kept = before.and_then(|before| before.get(candidate.name()));
                kept.cloned().ok_or_else(|| Error::new(format!("`{}` is not in the lock", candidate.name())))
            }
            Origin::Image => Err(Error::new(format!("`{}` is in the base image only", candidate.name()))),
        };
        resolution
            .packages
            .iter()
            .map(|selected| Ok((selected.package.name().to_owned(), locked(selected.package)?)))
            .collect()
    }

    pub(super) fn has_archive(&self, name: &str) -> bool {
        self.suites.iter().any(|suite| suite.archive.name == name)
    }

    pub(super) fn releases(&self) -> Vec<SuiteRelease> {
        let release = |suite: &Suite| SuiteRelease {
            archive: suite.archive.name.clone(),
            suite: suite.archive.suite.clone(),
            date: suite.release.date,
            sha256: suite.digest,
        };
        self.suites.iter().map(release).collect()
    }
}

fn missing(loaded: &Loaded, archive: &Archive) -> Error {
    let error = no_such_suite(archive);
    match &loaded.recipe.suite_place {
        Some(place) if archive.suite.starts_with(loaded.suite()) => {
            error.context(format!("cannot use suite `{}`, asked for at {place}", loaded.suite()))
        }
        _ => error,
    }
}

/// The one place that looks at the clock: whether a Release is still valid. It decides whether there is an
/// answer, never which.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Does all of `work` at once, each in its own thread: there are a handful, and they wait for the network. Gives
/// the results in order, or the first failure.
fn all_at_once<T: Send, R: Send>(work: Vec<T>, each: impl Fn(T) -> Result<R> + Sync) -> Result<Vec<R>> {
    std::thread::scope(|scope| {
        let running: Vec<_> = work.into_iter().map(|one| scope.spawn(|| each(one))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<R>>| {
            thread.join().unwrap_or_else(|_| Err(Error::new("a download ended in a bug")))
        };
        running.into_iter().map(join).collect()
    })
}
