//! Files that differ.

use std::collections::HashSet;

use bareboat_model::{Digest, ImagePath};
use serde::Serialize;

use super::Side;
use crate::packages::Installed;
use crate::view::{Differences, FileId, Item, Kind};

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Only the image after has it.
    Added,
    /// Only the image before has it.
    Removed,
    /// It is otherwise.
    Changed,
}

/// A path at which the images differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FileChange {
    /// Where, as people are shown it.
    #[serde(serialize_with = "shown")]
    pub path: ImagePath,
    /// What became of it.
    pub change: What,
    /// What is changed: kind, content, link, device, mode, owner, xattrs, time.
    pub differences: Vec<&'static str>,
    /// What the image before has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<State>,
    /// What the image after has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<State>,
    /// The package that it belongs to, in the image after or else before; of a link, where no package names it, the one
    /// that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<Owner>,
}

/// The package that a file belongs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Owner {
    /// Its kind.
    pub kind: crate::packages::Kind,
    /// Its name.
    pub name: String,
}

/// What is at a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct State {
    /// `file`, `directory`, `symlink`, `device`, `pipe`.
    pub kind: &'static str,
    /// The bytes of a file.
    #[serde(rename = "bytes", skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The digest of a file's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Where a link leads, as people are shown it.
    #[serde(rename = "target", skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Which device: `char 1:3`, `block 8:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Permissions; told in octal, as `0644`.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The names of extended attributes.
    pub xattrs: Vec<String>,
    /// Seconds since the epoch.
    #[serde(rename = "mtime")]
    pub time: i64,
    /// Whether it is one more name of a file: its bytes were counted by the first one.
    #[serde(skip)]
    pub is_other_name: bool,
}

impl FileChange {
    /// How many bytes of files came and went, each file counted once however many names it has.
    pub fn bytes(&self) -> (u64, u64) {
        let size = |state: &Option<State>| {
            state.as_ref().filter(|state| !state.is_other_name).and_then(|state| state.size).unwrap_or(0)
        };
        (size(&self.after), size(&self.before))
    }

    /// Whether it is a directory in each image that has it.
    pub fn is_directory(&self) -> bool {
        [&self.before, &self.after].into_iter().flatten().all(|state| state.kind == "directory")
    }

    /// Whether nothing but its date is otherwise.
    pub fn is_only_time(&self) -> bool {
        self.differences == ["time"]
    }
}

fn shown<S: serde::Serializer>(path: &ImagePath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(path)
}

fn octal<S: serde::Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}

/// Walks both trees at once: both are in the order of their paths.
pub(super) fn compare(before: &Side<'_>, after: &Side<'_>, semantic: bool) -> Vec<FileChange> {
    let mut found = Vec::new();
    let (mut seen_before, mut seen_after) = (HashSet::new(), HashSet::new());
    let (mut old, mut new) = (before.view.files().peekable(), after.view.files().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let was = if order.is_le() { old.next() } else { None };
        let is = if order.is_ge() { new.next() } else { None };
        let Some(path) = was.or(is).map(|(path, _)| path) else { break };
        let is_other = |seen: &mut HashSet<FileId>, item: &Item<'_>| {
            item.entry.kind.content().is_some() && !seen.insert(item.id())
        };
        let other_before = was.is_some_and(|(_, item)| is_other(&mut seen_before, &item));
        let other_after = is.is_some_and(|(_, item)| is_other(&mut seen_after, &item));
        let change = change(path, was.map(|was| was.1), is.map(|is| is.1), semantic);
        if let Some(mut change) = change {
            let owner = owner(after, path).or_else(|| owner(before, path));
            change.before.iter_mut().for_each(|state| state.is_other_name = other_before);
            change.after.iter_mut().for_each(|state| state.is_other_name = other_after);
            change.package =
                owner.map(|one| Owner { kind: one.package.kind, name: one.package.name.clone() });
            found.push(change);
        }
    }
    found
}

/// The package that a path is of. What dpkg notes beside packages without dpkg (`status.d`) names files only: so a link that
/// a package most likely brought, as it leads from `/usr` to there (Debian policy 10.5), is of the package that it leads to.
fn owner<'a>(side: &Side<'a>, path: &ImagePath) -> Option<&'a Installed> {
    let found = side.inventory.owner(path);
    found.or_else(|| {
        let item = side.view.get(path)?;
        let is_packaged = path.is_within(&usr("usr")) && !path.is_within(&usr("usr/local"));
        if !is_packaged || item.entry.kind.link()?.starts_with(b"/") {
            return None;
        }
        let (real, _) = side.view.lookup(path).ok()??;
        side.inventory.owner(&real)
    })
}

fn usr(path: &str) -> ImagePath {
    ImagePath::parse(path.as_bytes()).unwrap_or_default()
}

fn change(
    path: &ImagePath,
    was: Option<Item<'_>>,
    is: Option<Item<'_>>,
    semantic: bool,
) -> Option<FileChange> {
    let (change, differences) = match (&was, &is) {
        (Some(was), Some(is)) => {
            let mut differences = Differences::between(was.entry, is.entry);
            // Unpacking anything below a directory dates it anew.
            let is_directory =
                matches!((&was.entry.kind, &is.entry.kind), (Kind::Directory, Kind::Directory));
            if semantic || is_directory {
                differences.time = false;
            }
            if differences.is_none() {
                return None;
            }
            (What::Changed, differences.words())
        }
        (None, _) => (What::Added, Vec::new()),
        (_, None) => (What::Removed, Vec::new()),
    };
    let [before, after] = [was, is].map(|item| item.map(state));
    Some(FileChange { path: path.clone(), change, differences, before, after, package: None })
}

fn state(item: Item<'_>) -> State {
    let entry = item.entry;
    let content = entry.kind.content();
    let text = |bytes: &[u8]| bareboat_model::escape(&String::from_utf8_lossy(bytes));
    State {
        kind: entry.kind.word(),
        size: content.map(|content| content.size),
        digest: content.map(|content| content.digest),
        link: entry.kind.link().map(text),
        device: entry.kind.device().map(ToString::to_string),
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        xattrs: entry.xattrs.iter().map(|(name, _)| text(name)).collect(),
        time: entry.mtime,
        is_other_name: false,
    }
}
