//! What each layer did to those below it, and which contents are carried for nothing.

use std::collections::HashMap;

use bareboat_model::ImagePath;

use super::listing::{Entry, IMPLIED, Kind, Listing};
use super::{At, Item, Lost, Node, View};

/// What a layer did at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Where, with all links of its directories followed.
    pub path: ImagePath,
    /// What.
    pub happened: Happened,
    before: Option<Node>,
    after: Option<Node>,
}

/// What became of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happened {
    /// There was nothing.
    Added,
    /// There is something else, or it is otherwise: never without a difference.
    Changed(Differences),
    /// It came again just as it was: its content is carried twice.
    Repeated,
    /// There is nothing any more.
    Removed,
}

/// In what two entries differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Differences {
    /// One is a file, say, and the other a directory. Contents and targets are not compared then.
    pub kind: bool,
    /// The bytes of two files.
    pub content: bool,
    /// Where two symbolic links lead.
    pub link: bool,
    /// Which device it is.
    pub device: bool,
    /// The permissions.
    pub mode: bool,
    /// User or group.
    pub owner: bool,
    /// Extended attributes.
    pub xattrs: bool,
    /// The date.
    pub time: bool,
}

impl Differences {
    /// What differs between two entries, neither of them a hard link.
    pub fn between(one: &Entry, other: &Entry) -> Self {
        let same = Self::default();
        let unlike = match (&one.kind, &other.kind) {
            (Kind::File(one), Kind::File(other)) => Self { content: one.digest != other.digest, ..same },
            (Kind::Symlink(one), Kind::Symlink(other)) => Self { link: one != other, ..same },
            (Kind::Device(one), Kind::Device(other)) => Self { device: one != other, ..same },
            (one, other) => Self { kind: one != other, ..same },
        };
        Self {
            // Links have no permissions of their own; tools write what they like (symlink(7)).
            mode: one.mode != other.mode && !(one.kind.link().is_some() && other.kind.link().is_some()),
            owner: (one.uid, one.gid) != (other.uid, other.gid),
            xattrs: one.xattrs != other.xattrs,
            time: one.mtime != other.mtime,
            ..unlike
        }
    }

    /// Whether nothing differs.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Whether nothing but the date differs: so it is with the directories above whatever a layer brings.
    pub fn is_only_time(self) -> bool {
        self == Self { time: true, ..Self::default() }
    }

    /// A word for each difference.
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (self.kind, "kind"),
            (self.content, "content"),
            (self.link, "link"),
            (self.device, "device"),
            (self.mode, "mode"),
            (self.owner, "owner"),
            (self.xattrs, "xattrs"),
            (self.time, "time"),
        ];
        all.into_iter().filter_map(|(is, word)| is.then_some(word)).collect()
    }
}

impl View {
    /// What was there before the layer.
    pub fn before(&self, change: &Change) -> Option<Item<'_>> {
        change.before.map(|node| self.item(node))
    }

    /// What the layer left there.
    pub fn after(&self, change: &Change) -> Option<Item<'_>> {
        change.after.map(|node| self.item(node))
    }
}

/// How many names each entry has, as far as the layers are put on; and what has none any more.
pub(super) struct Names {
    /// Of each layer, for each of its entries.
    counts: Vec<Vec<u32>>,
    /// Of each layer, what was lost of it.
    lost: Vec<Vec<Lost>>,
}

impl Names {
    pub(super) fn of(listings: &[Listing]) -> Self {
        let counts = listings.iter().map(|listing| vec![0; listing.entries.len()]).collect();
        Self { counts, lost: listings.iter().map(|_| Vec::new()).collect() }
    }

    /// Gives both, by layer.
    pub(super) fn finish(self) -> (Vec<Vec<u32>>, Vec<Vec<Lost>>) {
        (self.counts, self.lost)
    }

    /// Tells what the layer of this number did. `places` has where its entries are, if not where they say.
    pub(super) fn end_layer(
        &mut self,
        listings: &[Listing],
        by: usize,
        touched: impl Iterator<Item = (ImagePath, Option<Node>, Option<Node>)>,
        places: &HashMap<u32, ImagePath>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        // What lost a name, where that was, and whether something else is there now.
        let mut loose = Vec::new();
        for (path, before, after) in touched {
            let Some(happened) = happened(listings, before, after) else { continue };
            if let Some(count) = after.and_then(|after| self.count(after.at)) {
                *count += 1;
            }
            if let Some(before) = before
                && let Some(count) = self.count(before.at)
            {
                *count = count.saturating_sub(1);
                loose.push((before.at, path.clone(), after.is_some()));
            }
            changes.push(Change { path, happened, before, after });
        }
        changes.shrink_to_fit();
        // Several names of a file may be gone: the first of them counts.
        loose.sort_by_key(|(at, ..)| *at);
        loose.dedup_by_key(|(at, ..)| *at);
        for (at, path, replaced) in loose {
            if self.count(at) == Some(&mut 0) {
                self.lose(at, entry(listings, at), path, by, replaced);
            }
        }
        self.lose_own(listings, by, places);
        changes
    }

    fn count(&mut self, at: At) -> Option<&mut u32> {
        self.counts.get_mut(at.layer as usize)?.get_mut(at.index()?)
    }

    /// Contents that the layer's own tar replaced, and so never had a name when it was done.
    fn lose_own(&mut self, listings: &[Listing], by: usize, places: &HashMap<u32, ImagePath>) {
        let Some(listing) = listings.get(by) else { return };
        for (index, found) in (0..).zip(&listing.entries) {
            let at = At::new(by, index);
            if self.count(at) == Some(&mut 0) {
                let path = places.get(&index).unwrap_or(&found.path).clone();
                self.lose(at, found, path, by, true);
            }
        }
    }

    fn lose(&mut self, at: At, entry: &Entry, path: ImagePath, by: usize, replaced: bool) {
        if let (Some(content), Some(lost)) = (entry.kind.content(), self.lost.get_mut(at.layer as usize)) {
            lost.push(Lost { path, size: content.size, by, replaced });
        }
    }
}

/// None when there was nothing and is nothing.
fn happened(listings: &[Listing], before: Option<Node>, after: Option<Node>) -> Option<Happened> {
    Some(match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => Happened::Added,
        (Some(_), None) => Happened::Removed,
        (Some(before), Some(after)) => {
            let differences = Differences::between(entry(listings, before.at), entry(listings, after.at));
            if differences.is_none() { Happened::Repeated } else { Happened::Changed(differences) }
        }
    })
}

fn entry(listings: &[Listing], at: At) -> &Entry {
    listings.get(at.layer as usize).and_then(|listing| listing.entries.get(at.index()?)).unwrap_or(&IMPLIED)
}
