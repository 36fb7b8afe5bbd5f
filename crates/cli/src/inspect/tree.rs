//! `--tree`: the files of an image, drawn.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use bareboat_audit::inspect::{hard_links, sizes};
use bareboat_audit::view::{FileId, Item, Kind, View};
use bareboat_model::{Context as _, Error, ImagePath, Result, escape};
use serde::Serialize;

use super::attributes::attributes;
use crate::summary::{count, size};

/// What is at the path once links are followed.
fn root<'a>(view: &'a View, path: &ImagePath) -> Result<(ImagePath, Item<'a>)> {
    let found = view.lookup(path).and_then(|it| it.ok_or_else(|| Error::new("there is no such file")));
    found.context(|| format!("cannot draw `{path}` of the image"))
}

/// The drawing: the bytes of each, its name, and where a link leads.
pub(super) fn text(view: &View, path: &ImagePath, depth: usize, verbose: bool) -> Result<String> {
    let (root, item) = root(view, path)?;
    let mut inside: BTreeMap<ImagePath, Vec<(&ImagePath, Item<'_>)>> = BTreeMap::new();
    for (path, item) in view.files().filter(|(path, _)| path.is_within(&root) && **path != root) {
        inside.entry(path.parent().unwrap_or_default()).or_default().push((path, item));
    }
    let drawing = Drawing { sizes: sizes(view), names: hard_links(view), inside, verbose };
    let mut out = String::new();
    drawing.line(&mut out, "", &root.to_string(), &root, &item, depth == 0);
    drawing.below(&mut out, &root, "", depth);
    Ok(out)
}

struct Drawing<'a> {
    sizes: BTreeMap<ImagePath, (u64, u64)>,
    names: HashMap<FileId, Vec<&'a ImagePath>>,
    inside: BTreeMap<ImagePath, Vec<(&'a ImagePath, Item<'a>)>>,
    /// Whether permissions and owners are told.
    verbose: bool,
}

impl Drawing<'_> {
    /// No deeper than paths are.
    fn below(&self, out: &mut String, folder: &ImagePath, indent: &str, depth: usize) {
        let Some(left) = depth.checked_sub(1) else { return };
        let inside = self.inside.get(folder).map(Vec::as_slice).unwrap_or_default();
        for (number, (path, item)) in inside.iter().enumerate() {
            let is_last = number + 1 == inside.len();
            let (branch, further) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
            let name = path.to_string();
            let name = name.rsplit('/').next().unwrap_or_default();
            self.line(out, &format!("{indent}{branch}"), name, path, item, left == 0);
            self.below(out, path, &format!("{indent}{further}"), left);
        }
    }

    fn line(
        &self,
        out: &mut String,
        indent: &str,
        name: &str,
        path: &ImagePath,
        item: &Item<'_>,
        is_leaf: bool,
    ) {
        let (bytes, files) = match &item.entry.kind {
            Kind::Directory => self.sizes.get(path).copied().unwrap_or_default(),
            _ => (item.size(), 0),
        };
        let after = match &item.entry.kind {
            Kind::Directory if is_leaf && files > 0 => format!("{} ({})", slash(name), count(files, "file")),
            Kind::Directory => slash(name),
            Kind::Symlink(target) => format!("{name} -> {}", escape(&String::from_utf8_lossy(target))),
            Kind::Device(_) | Kind::Pipe => format!("{name} ({})", item.entry.kind.word()),
            _ => match first_name(&self.names, path, item) {
                Some(first) => format!("{name} (the same file as {first})"),
                None => name.to_owned(),
            },
        };
        let attributes = if self.verbose { attributes(item.entry) + "  " } else { String::new() };
        let _ = writeln!(out, "{attributes}{:>9}  {indent}{after}", size(bytes));
    }
}

/// The first name of a file that has several, unless it is this one.
fn first_name<'a>(
    names: &HashMap<FileId, Vec<&'a ImagePath>>,
    path: &ImagePath,
    item: &Item<'_>,
) -> Option<&'a ImagePath> {
    names.get(&item.id())?.first().copied().filter(|first| *first != path)
}

fn slash(name: &str) -> String {
    if name.ends_with('/') { name.to_owned() } else { format!("{name}/") }
}

/// The same for programs, without a limit to the depth.
#[derive(Serialize)]
pub(super) struct Told {
    files: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    path: String,
    kind: &'static str,
    bytes: u64,
    mode: String,
    uid: u32,
    gid: u32,
    mtime: i64,
    layer: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// The first name of the file, if this is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<String>,
}

impl Told {
    pub(super) fn new(view: &View, path: &ImagePath) -> Result<Self> {
        let (root, _) = root(view, path)?;
        let names = hard_links(view);
        let files = view.files().filter(|(path, _)| path.is_within(&root)).map(|(path, item)| Line {
            path: path.to_string(),
            kind: item.entry.kind.word(),
            bytes: item.size(),
            mode: format!("{:04o}", item.entry.mode),
            uid: item.entry.uid,
            gid: item.entry.gid,
            mtime: item.entry.mtime,
            layer: item.layer + 1,
            target: item.entry.kind.link().map(|target| String::from_utf8_lossy(target).into_owned()),
            digest: match &item.entry.kind {
                Kind::File(content) => Some(content.digest.to_string()),
                _ => None,
            },
            same_as: first_name(&names, path, &item).map(ToString::to_string),
        });
        Ok(Self { files: files.collect() })
    }
}
