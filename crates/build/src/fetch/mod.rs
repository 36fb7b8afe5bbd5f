//! Getting the packages that the lock names: from the cache, or from a mirror, and nothing that the lock
//! does not name by digest. Each package is unpacked as soon as it is there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};

use bareboat_formats::deb822;
use bareboat_io::archive;
use bareboat_io::http::Http;
use bareboat_io::store::Store;
use bareboat_model::{Bar, Error, Progress, Result, Silent, escape};

use crate::lock::LockedPackage;
use crate::unpack::{Unpacked, unpack};

/// More downloads at once gain nothing and annoy the mirror.
const DOWNLOADS: usize = 8;

/// Where packages can be got from.
pub struct Source<'a> {
    /// For downloads.
    http: &'a Http,
    /// Where they are kept.
    store: &'a Store,
    /// Tells the mirror of each archive, by the archive's name in the lock. Asked only when something must be fetched: a
    /// machine that has all packages need not know of any mirror.
    mirrors: &'a (dyn Fn() -> Result<BTreeMap<String, String>> + Sync),
    /// What it told.
    known: OnceLock<Result<BTreeMap<String, String>>>,
}

impl<'a> Source<'a> {
    /// Packages come through `http` from what `mirrors` tells into `store`.
    pub fn new(
        http: &'a Http,
        store: &'a Store,
        mirrors: &'a (dyn Fn() -> Result<BTreeMap<String, String>> + Sync),
    ) -> Self {
        Self { http, store, mirrors, known: OnceLock::new() }
    }

    fn known(&self) -> Result<&BTreeMap<String, String>> {
        self.known.get_or_init(self.mirrors).as_ref().map_err(Clone::clone)
    }

    fn is_out_of_reach(&self, package: &LockedPackage) -> bool {
        let mirror = self.known().ok().and_then(|mirrors| mirrors.get(&package.archive));
        mirror.is_none_or(|mirror| self.http.forbids(mirror))
    }

    fn fetch(&self, package: &LockedPackage, bar: &dyn Bar) -> Result<()> {
        let mirror = self.known()?.get(&package.archive).ok_or_else(|| {
            Error::new(format!(
                "cannot fetch `{}`: no mirror is known for archive `{}`",
                package.name, package.archive
            ))
        })?;
        let mirrors = [mirror.clone()];
        archive::fetch_package(
            self.http,
            self.store,
            &mirrors,
            &package.path,
            package.size,
            &package.sha256,
            bar,
        )
    }
}

/// Fetches and unpacks all of `packages`; the result is in the same order.
///
/// # Errors
/// With the first failure, in the order of `packages`. What was downloaded by then stays in the cache.
pub fn bring(
    source: &Source<'_>,
    packages: &[LockedPackage],
    threads: usize,
    progress: &dyn Progress,
) -> Result<Vec<Unpacked>> {
    let work = Work::new(source, packages, progress);
    let (ready, to_unpack) = mpsc::channel();
    let to_unpack = Mutex::new(to_unpack);
    for &present in &work.present {
        let _ = ready.send(present);
    }
    std::thread::scope(|scope| {
        for _ in 0..DOWNLOADS.min(work.missing.len()) {
            let ready = ready.clone();
            scope.spawn(|| work.download(ready));
        }
        drop(ready);
        for _ in 0..threads.clamp(1, packages.len().max(1)) {
            scope.spawn(|| work.unpack(&to_unpack));
        }
    });
    work.finish()
}

/// The package must be what the lock says it is: somebody may have edited the lock.
fn check(locked: &LockedPackage, unpacked: &Unpacked) -> Result<()> {
    let stanza = deb822::single(&unpacked.control)?;
    for (field, expected) in [
        ("Package", &*locked.name),
        ("Version", locked.version.as_str()),
        ("Architecture", &locked.architecture),
    ] {
        let found = stanza.get(field).unwrap_or_default();
        if found != expected {
            let found = escape(found);
            return Err(Error::new(format!(
                "cannot use package `{}`: expected {field} `{expected}` as in the lock, found `{found}`",
                locked.name
            ))
            .with_hint("if the lock was edited by hand, remove it and run `bareboat lock`"));
        }
    }
    Ok(())
}

struct Work<'a> {
    source: &'a Source<'a>,
    packages: &'a [LockedPackage],
    /// Indices into `packages`, the largest first: the long ones must not come last.
    missing: Vec<usize>,
    present: Vec<usize>,
    next: AtomicUsize,
    stop: AtomicBool,
    bar: Box<dyn Bar>,
    progress: &'a dyn Progress,
    done: Mutex<BTreeMap<usize, Result<Unpacked>>>,
}

impl<'a> Work<'a> {
    fn new(source: &'a Source<'a>, packages: &'a [LockedPackage], progress: &'a dyn Progress) -> Self {
        let mut order: Vec<usize> = (0..packages.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(packages[index].size));
        let has = |&index: &usize| source.store.has_blob(&packages[index].sha256, packages[index].size);
        let (present, missing): (Vec<usize>, Vec<usize>) = order.into_iter().partition(has);
        let bytes: u64 = missing.iter().map(|&index| packages[index].size).sum();
        // Without network the first of them fails.
        let online = !missing.iter().any(|&index| source.is_out_of_reach(&packages[index]));
        let bar: Box<dyn Bar> = if missing.is_empty() || !online {
            Box::new(Silent)
        } else {
            let packages = if missing.len() == 1 { "package" } else { "packages" };
            progress.begin(&format!("downloading {} {packages}", missing.len()), Some(bytes))
        };
        let (next, stop, done) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(BTreeMap::new()));
        Self { source, packages, missing, present, next, stop, bar, progress, done }
    }

    fn download(&self, ready: mpsc::Sender<usize>) {
        while !self.stop.load(Ordering::Relaxed) {
            let Some(&index) = self.missing.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return };
            match self.source.fetch(&self.packages[index], &*self.bar) {
                Ok(()) => drop(ready.send(index)),
                Err(error) => self.record(index, Err(error)),
            }
        }
    }

    fn unpack(&self, ready: &Mutex<mpsc::Receiver<usize>>) {
        while !self.stop.load(Ordering::Relaxed) {
            // The lock is held while waiting: whoever waits behind it waits for the same thing.
            let next = ready.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(index) = next else { return };
            let package = &self.packages[index];
            let unpacked = self.unpack_one(package);
            self.record(index, unpacked.and_then(|unpacked| check(package, &unpacked).map(|()| unpacked)));
        }
    }

    fn unpack_one(&self, package: &LockedPackage) -> Result<Unpacked> {
        let store = self.source.store;
        let unpacked = unpack(store, &package.sha256, &package.name);
        // Unpacking removes a blob that it finds damaged.
        let was_damaged = unpacked.is_err() && !store.has_blob(&package.sha256, package.size);
        if !was_damaged || self.source.is_out_of_reach(package) {
            return unpacked;
        }
        self.progress.warn(&format!("`{}` was damaged in the cache, and is fetched again", package.name));
        self.source.fetch(package, &Silent)?;
        unpack(store, &package.sha256, &package.name)
    }

    fn record(&self, index: usize, result: Result<Unpacked>) {
        if result.is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, result);
    }

    /// All results in order, or the first failure: without one, every package has its result.
    fn finish(self) -> Result<Vec<Unpacked>> {
        self.done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }
}
