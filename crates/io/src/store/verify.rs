//! Reading everything that can be held against a digest or an index, and removing what is not what it should be.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bareboat_model::{Bar, Context, Digest, Error, HashingReader, Progress, Result};

use super::in_use::is_held;
use super::{Entry, Store, Thing, ThingKind};

/// A thing that is not what its name, its seal or its index says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damaged {
    /// What it is.
    pub kind: ThingKind,
    /// A blob's digest; else where it is in the store.
    pub name: String,
    /// What is wrong with it.
    pub why: String,
    /// Whether it was removed: not while a program runs on it.
    pub removed: bool,
}

/// What came of looking at everything.
#[derive(Default, Debug)]
pub struct Verified {
    /// How many things were looked at.
    pub count: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// Those that are damaged.
    pub damaged: Vec<Damaged>,
}

/// Says what is wrong with a folder of the store, by what its maker knows of it.
pub type Judge<'a> = &'a (dyn Fn(&Path) -> Result<Option<Error>> + Sync);

impl Store {
    /// Reads everything but downloads under way, and removes what is damaged: blobs by their digest, what was computed by its
    /// seal, unpacked roots as `judge` has it.
    ///
    /// # Errors
    /// When the store cannot be read. What cannot be removed is told as damaged all the same.
    pub fn verify(&self, threads: usize, judge: Judge<'_>, progress: &dyn Progress) -> Result<Verified> {
        self.enter();
        let mut things = self.things()?;
        things.retain(|thing| {
            thing.digest.is_some() || thing.is_entry(&self.dir) || thing.kind == ThingKind::Root
        });
        // The largest first: the long ones must not come last.
        things.sort_by_key(|thing| std::cmp::Reverse(thing.bytes));
        let bytes = things.iter().map(|thing| thing.bytes).sum();
        let bar = progress.begin("reading the cache", Some(bytes));
        let damaged = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        let work = || -> Result<()> {
            while let Some(thing) = things.get(next.fetch_add(1, Ordering::Relaxed)) {
                let found = self
                    .look_at(thing, judge, &*bar)
                    .context(|| format!("cannot read `{}` in the cache", thing.path.display()))?;
                damaged.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads.clamp(1, things.len().max(1))).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
        let mut damaged = damaged.into_inner().unwrap_or_else(PoisonError::into_inner);
        damaged.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Verified { count: things.len() as u64, bytes, damaged })
    }

    fn look_at(&self, thing: &Thing, judge: Judge<'_>, bar: &dyn Bar) -> Result<Option<Damaged>> {
        let found = match thing.kind {
            ThingKind::Root => self.look_at_folder(thing, judge),
            _ => self.look_at_file(thing),
        };
        bar.advance(thing.bytes);
        let damaged = |(why, removed): (Error, bool)| {
            let (kind, name, why) = (thing.kind, thing.name(&self.dir), why.to_string());
            Damaged { kind, name, why, removed }
        };
        match found {
            // Somebody made room meanwhile.
            Err(_) if thing.path.symlink_metadata().is_err() => Ok(None),
            found => Ok(found?.map(damaged)),
        }
    }

    fn look_at_file(&self, thing: &Thing) -> Result<Option<(Error, bool)>> {
        let file = File::open(&thing.path)?;
        let identity = file.metadata()?;
        let Some(why) = wrong(thing, file)? else { return Ok(None) };
        // Nobody has put a good one in its place.
        let is_still = fs::metadata(&thing.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (identity.dev(), identity.ino()));
        // If it cannot be removed, whoever uses it finds the same.
        Ok(Some((why, is_still && fs::remove_file(&thing.path).is_ok())))
    }

    fn look_at_folder(&self, thing: &Thing, judge: Judge<'_>) -> Result<Option<(Error, bool)>> {
        let Some(why) = judge(&thing.path)? else { return Ok(None) };
        let held = is_held(&thing.path);
        let aside = self.scratch_folder()?;
        Ok(Some((why, !held && fs::rename(&thing.path, aside.path().join("damaged")).is_ok())))
    }
}

/// What is wrong with a blob or an entry.
fn wrong(thing: &Thing, file: File) -> Result<Option<Error>> {
    let Some(digest) = thing.digest else {
        return Ok(match Entry::of(file)? {
            Some(entry) => entry.read(|bytes| Ok(io::copy(bytes, &mut io::sink())?)).err(),
            None => Some(Error::new("it is not whole")),
        });
    };
    let found = digest_of(file)?;
    Ok((found != digest).then(|| Error::new(format!("its bytes are {found}"))))
}

fn digest_of(file: File) -> Result<Digest> {
    let mut reader = HashingReader::new(file);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.finish().0)
}
