//! What each layer did to those below it, and which contents are carried for nothing.

use std::collections::HashMap;

use bareboat_model::ImagePath;

use super::listing::{Entry, Kind};
use super::{At, Item, Layer, Lost, Node, View, entry};

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
        let (content, link, kind) = match (&one.kind, &other.kind) {
            (Kind::File { digest: one, .. }, Kind::File { digest: other, .. }) => {
                (one != other, false, false)
            }
            (Kind::Symlink(one), Kind::Symlink(other)) => (false, one != other, false),
            (one, other) => (false, false, one != other),
        };
        Self {
            kind,
            content,
            link,
            // Links have no permissions of their own; tools write what they like (symlink(7)).
            mode: one.mode != other.mode && !(one.kind.link().is_some() && other.kind.link().is_some()),
            owner: (one.uid, one.gid) != (other.uid, other.gid),
            xattrs: one.xattrs != other.xattrs,
            time: one.mtime != other.mtime,
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

/// How many names each content has, as far as the layers are put on.
#[derive(Default)]
pub(super) struct Names(HashMap<At, u32>);

impl Names {
    /// Notes what the last of the layers did. `places` has where its entries are, if not where they say.
    pub(super) fn end_layer(
        &mut self,
        layers: &mut [Layer],
        touched: impl Iterator<Item = (ImagePath, Option<Node>, Option<Node>)>,
        places: &HashMap<u32, ImagePath>,
    ) {
        let by = layers.len().saturating_sub(1);
        let mut changes = Vec::new();
        // What lost a name, where that was, and whether something else is there now.
        let mut loose = Vec::new();
        for (path, before, after) in touched {
            let Some(happened) = happened(layers, before, after) else { continue };
            if let Some(after) = after {
                *self.0.entry(after.at).or_default() += 1;
            }
            if let Some(before) = before {
                if let Some(names) = self.0.get_mut(&before.at) {
                    *names = names.saturating_sub(1);
                }
                loose.push((before.at, path.clone(), after.is_some()));
            }
            changes.push(Change { path, happened, before, after });
        }
        for (at, path, replaced) in loose {
            if self.0.get(&at) == Some(&0) {
                self.0.remove(&at);
                lose(layers, at, Lost { path, size: entry(layers, at).kind.size(), by, replaced });
            }
        }
        self.lose_own(layers, by, places);
        if let Some(layer) = layers.last_mut() {
            layer.changes = changes;
        }
    }

    /// Contents that the layer's own tar replaced, and so never had a name when it was done.
    fn lose_own(&self, layers: &mut [Layer], by: usize, places: &HashMap<u32, ImagePath>) {
        let Some(layer) = layers.last_mut() else { return };
        for (index, found) in (0..).zip(&layer.listing.entries) {
            let at = At { layer: by as u32, entry: Some(index) };
            if found.kind.is_file() && !self.0.contains_key(&at) {
                let path = places.get(&index).unwrap_or(&found.path).clone();
                layer.lost.push(Lost { path, size: found.kind.size(), by, replaced: true });
            }
        }
    }
}

fn lose(layers: &mut [Layer], at: At, lost: Lost) {
    let is_file = entry(layers, at).kind.is_file();
    if let Some(layer) = layers.get_mut(at.layer as usize).filter(|_| is_file) {
        layer.lost.push(lost);
    }
}

/// None when there was nothing and is nothing.
fn happened(layers: &[Layer], before: Option<Node>, after: Option<Node>) -> Option<Happened> {
    Some(match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => Happened::Added,
        (Some(_), None) => Happened::Removed,
        (Some(before), Some(after)) => {
            let differences = Differences::between(entry(layers, before.at), entry(layers, after.at));
            if differences.is_none() { Happened::Repeated } else { Happened::Changed(differences) }
        }
    })
}
