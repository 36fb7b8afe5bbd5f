//! Making room: what was not used for long goes, the least recently used first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bareboat_model::{Context, Result};

use super::{SCRATCH, Store, Thing, ThingKind, folder, things};
use crate::files::{ScratchFolder, sweep, sweep_folders};

/// A broken download that nobody has gone on with for a day is what makes room first.
const PARTIAL_KEPT: Duration = Duration::from_hours(24);

/// What may stay.
#[derive(Clone, Copy, Default, Debug)]
pub struct Keep {
    /// What was used within this time, unless it is too much; `None`: however long ago.
    pub used_within: Option<Duration>,
    /// No more bytes than these.
    pub at_most: Option<u64>,
}

impl Keep {
    /// Nothing.
    pub const NOTHING: Self = Self { used_within: Some(Duration::ZERO), at_most: Some(0) };
}

/// How many things, and how much they take up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was removed and what stays.
#[derive(Default, Debug)]
pub struct Cleaned {
    /// What went, or would go.
    pub removed: BTreeMap<ThingKind, Amount>,
    /// What stays.
    pub kept: Amount,
    /// What should have gone and stays because others may be using it.
    pub in_use: Amount,
}

impl Amount {
    /// One more.
    pub fn add(&mut self, thing: &Thing) {
        self.count += 1;
        self.bytes += thing.bytes;
    }
}

impl Store {
    /// Removes what need not be kept; with `dry_run`, only tells what that would be. A thing that was removed is fetched or
    /// made again by who needs it.
    ///
    /// It may be broken off at any moment: things go by being renamed, into a folder that the next run sweeps.
    ///
    /// # Errors
    /// When the store cannot be read, or something in it cannot be removed.
    pub fn clean(&self, keep: Keep, dry_run: bool) -> Result<Cleaned> {
        if !self.dir.is_dir() {
            return Ok(Cleaned::default());
        }
        let alone = self.is_alone();
        let cleaned = self.clean_as(keep, dry_run, alone);
        self.let_others_in();
        let (cleaned, removed) =
            cleaned.context(|| format!("cannot clean the cache `{}`", self.dir.display()))?;
        // The renamed things, now that nobody has to wait for it.
        drop(removed);
        Ok(cleaned)
    }

    fn clean_as(&self, keep: Keep, dry_run: bool, alone: bool) -> Result<(Cleaned, Option<ScratchFolder>)> {
        let (going, kept) = sort_out(self.things()?, keep);
        let mut cleaned = Cleaned { kept, ..Cleaned::default() };
        if dry_run {
            going.iter().for_each(|thing| cleaned.removed.entry(thing.kind).or_default().add(thing));
            return Ok((cleaned, None));
        }
        self.sweep_leftovers();
        let aside = self.scratch_folder()?;
        for (number, thing) in going.iter().enumerate() {
            let to = aside.path().join(number.to_string());
            let gone = match alone {
                true => Some(move_away(&thing.path, &to)?),
                false => self.if_calm(&thing.path, || move_away(&thing.path, &to))?,
            };
            match gone {
                Some(true) => cleaned.removed.entry(thing.kind).or_default().add(thing),
                // Somebody else removed it.
                Some(false) => {}
                None => {
                    cleaned.in_use.add(thing);
                    cleaned.kept.add(thing);
                }
            }
        }
        if alone {
            self.remove_empty_folders();
        }
        Ok((cleaned, Some(aside)))
    }

    /// What killed runs left. What is being written is locked by its writer, and stays.
    fn sweep_leftovers(&self) {
        sweep(&self.dir.join("tmp"), SCRATCH);
        for folder in below(&self.dir).filter(|path| path.file_name().is_some_and(things::is_folder_kind)) {
            sweep_folders(&folder, folder::UNFINISHED);
        }
    }

    /// Only while nobody else is there, who might be about to put something into one.
    fn remove_empty_folders(&self) {
        let fanned_out = |folder: PathBuf| {
            below(&folder).for_each(|path| drop(fs::remove_dir(path)));
            // It is empty now, or something is in it: both are well.
            drop(fs::remove_dir(folder));
        };
        fanned_out(self.dir.join("blobs/sha256"));
        below(&self.dir.join("entries")).for_each(fanned_out);
    }
}

fn below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// `false` if there is nothing any more.
fn move_away(from: &Path, to: &Path) -> Result<bool> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true).context(|| format!("cannot remove `{}`", from.display())),
    }
}

/// What goes, the longest unused first, and how much stays.
fn sort_out(mut things: Vec<Thing>, keep: Keep) -> (Vec<Thing>, Amount) {
    let mut left = Amount::default();
    things.iter().for_each(|thing| left.add(thing));
    // Sorted by path before: what was used at the same time goes in an order that is always the same.
    things.sort_by_key(|thing| std::cmp::Reverse(thing.unused));
    things.retain(|thing| {
        let longest = if thing.kind == ThingKind::Partial { PARTIAL_KEPT } else { Duration::MAX };
        let too_old = keep.used_within.is_some_and(|within| thing.unused >= within.min(longest));
        let too_much = keep.at_most.is_some_and(|most| left.bytes > most);
        let goes = too_old || too_much;
        if goes {
            left.count -= 1;
            left.bytes -= thing.bytes;
        }
        goes
    });
    (things, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(name: &str, bytes: u64, days: u64) -> Thing {
        let unused = Duration::from_hours(24 * days);
        Thing { kind: ThingKind::Layer, bytes, unused, digest: None, path: name.into() }
    }

    #[test]
    fn broken_downloads_go_after_a_day() {
        let partial = |name, days| Thing { kind: ThingKind::Partial, ..thing(name, 10, days) };
        let keep = Keep { used_within: Some(Duration::from_hours(24 * 30)), at_most: None };
        let (going, _) = sort_out(vec![partial("new", 0), partial("old", 1), thing("layer", 10, 1)], keep);
        assert_eq!(going.iter().map(|thing| thing.path.to_str().unwrap()).collect::<Vec<_>>(), ["old"]);
    }

    #[test]
    fn the_longest_unused_goes_first() {
        for (days, most, expected) in [
            (None, None, ""),
            (Some(30), None, "old"),
            (Some(10), None, "old older"),
            (None, Some(100), "old older"),
            (None, Some(160), "old"),
            (None, Some(161), "old"),
            (None, Some(1000), ""),
            (Some(30), Some(5), "old older used new"),
            (Some(0), Some(0), "old older used new"),
        ] {
            let things = vec![
                thing("new", 10, 0),
                thing("old", 100, 90),
                thing("older", 60, 29),
                thing("used", 90, 9),
            ];
            let keep = Keep { used_within: days.map(|days| Duration::from_hours(24 * days)), at_most: most };
            let (going, kept) = sort_out(things, keep);
            let names: Vec<_> = going.iter().map(|thing| thing.path.to_string_lossy()).collect();
            assert_eq!(names.join(" "), expected, "{days:?} {most:?}");
            assert_eq!(kept.count, 4 - going.len() as u64);
            assert_eq!(kept.bytes, 260 - going.iter().map(|thing| thing.bytes).sum::<u64>());
        }
    }
}
