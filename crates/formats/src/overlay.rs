//! Layers on top of one another in memory, as an engine mounts them (OCI image specification, layer.md).
//!
//! Every path is taken through the links that lie below it, as a mounted root would; so no layer reaches outside, and two
//! names of one place are one. Nothing is known here of disks: each step says what it did, for whoever has to follow it.

use std::collections::{BTreeMap, HashSet};

use bareboat_model::{Error, ImagePath, Result};

use crate::entry::{AN_ALLOCATION, Entry, Kind};
use crate::whiteout::{self, Whiteout};

/// What stands at a path of an [`Overlay`].
pub trait Node: Clone {
    /// Whether others can lie below it.
    fn is_directory(&self) -> bool;
    /// The target of what is a symbolic link, as written.
    fn link(&self) -> Option<&[u8]>;
    /// A directory that the layer of this number does not name, but puts something below.
    fn implied(layer: usize) -> Self;
}

impl<C: Clone> Node for Entry<C> {
    fn is_directory(&self) -> bool {
        self.kind.is_directory()
    }

    fn link(&self) -> Option<&[u8]> {
        self.kind.link()
    }

    fn implied(_layer: usize) -> Self {
        Self::implied(ImagePath::ROOT)
    }
}

/// The files of some layers, put on one another one at a time.
#[derive(Debug)]
pub struct Overlay<N> {
    nodes: BTreeMap<ImagePath, Placed<N>>,
    layer: usize,
    /// What the layer that is being put on touched, with what was there before it: the first of a path counts.
    touched: Vec<Touched<N>>,
    /// Below which nothing older than that layer is left: a layer may say so a million times.
    emptied: HashSet<ImagePath>,
    memory_left: usize,
}

/// What is at a path, and which layer put it there: whiteouts speak of lower ones only.
#[derive(Clone, Debug)]
pub struct Placed<N> {
    /// What it is.
    pub node: N,
    /// Counted from 0 for the lowest.
    pub layer: usize,
}

/// A path that a layer touched.
#[derive(Debug)]
pub struct Touched<N> {
    /// Where.
    pub path: ImagePath,
    /// What was there before the layer. What is there now may be the same.
    pub before: Option<Placed<N>>,
}

/// What became of a member, and what else that took. A disk that follows does it in this order: what is gone, what is made,
/// and then the member itself.
#[derive(Debug)]
pub struct Step<N> {
    /// What was there and is no more, each after what lay in it.
    pub gone: Vec<(ImagePath, N)>,
    /// Directories that no layer names, each before those in it.
    pub made: Vec<ImagePath>,
    /// What the member itself did.
    pub did: Did,
}

/// What a member of a layer did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Did {
    /// It stands at this place, where nothing is in its way any more.
    Put(ImagePath),
    /// It is a directory on a directory: what is in there stays.
    Merged(ImagePath),
    /// It gives a file another name.
    Linked {
        /// The new one.
        place: ImagePath,
        /// The one that it had.
        original: ImagePath,
    },
    /// It takes something away, or names a file as it is named already.
    Nothing,
}

impl<N: Node> Overlay<N> {
    /// What a node takes. Maps that are filled in order are half full.
    const COST: usize = 2 * (size_of::<ImagePath>() + size_of::<Placed<N>>());
    /// What it takes to know that a directory was emptied. Its path may be no entry's own.
    const EMPTIED: usize = 2 * size_of::<ImagePath>() + AN_ALLOCATION;

    /// Nothing but the root. No more than `memory` bytes, as far as they can be told, are taken by what is put in.
    pub fn new(memory: usize) -> Self {
        let root = Placed { node: N::implied(0), layer: 0 };
        let nodes = BTreeMap::from([(ImagePath::ROOT, root)]);
        Self { nodes, layer: 0, touched: Vec::new(), emptied: HashSet::new(), memory_left: memory }
    }

    /// What is at the path, which has no links on its way.
    pub fn get(&self, path: &ImagePath) -> Option<&Placed<N>> {
        self.nodes.get(path)
    }

    /// The same, to complete what is known of it.
    pub fn get_mut(&mut self, path: &ImagePath) -> Option<&mut Placed<N>> {
        self.nodes.get_mut(path)
    }

    /// Everything, by path.
    pub fn into_nodes(self) -> impl Iterator<Item = (ImagePath, Placed<N>)> {
        self.nodes.into_iter()
    }

    /// Does what a member of the layer says. `node` is what is put where it is no whiteout and no hard link.
    ///
    /// # Errors
    /// When links lead in a circle, a hard link names no file, the root would be no directory, or all together is too much.
    pub fn take<C>(&mut self, entry: &Entry<C>, node: N) -> Result<Step<N>> {
        let mut step = Step { gone: Vec::new(), made: Vec::new(), did: Did::Nothing };
        match &entry.kind {
            Kind::Whiteout => step.gone = self.take_away(&entry.path)?,
            Kind::HardLink(target) => self.link(&entry.path, target, &mut step)?,
            _ => self.put(&entry.path, node, &mut step)?,
        }
        Ok(step)
    }

    /// Ends a layer: gives what it touched, by path.
    pub fn end_layer(&mut self) -> Vec<Touched<N>> {
        self.layer += 1;
        self.memory_left += self.emptied.len() * Self::EMPTIED;
        self.emptied.clear();
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_by(|a, b| a.path.cmp(&b.path));
        touched.dedup_by(|later, first| later.path == first.path);
        touched
    }

    /// The path with the links of its directories followed. Whatever is here is here by such a path, so one below a directory
    /// of it is one already; members deep down would take long otherwise.
    fn real(&self, path: &ImagePath) -> Result<ImagePath> {
        match path.parent().and_then(|parent| self.nodes.get(&parent)) {
            Some(parent) if parent.node.is_directory() => Ok(path.clone()),
            _ => path.follow_parent(|path| self.link_at(path)),
        }
    }

    fn link_at(&self, path: &ImagePath) -> Option<&[u8]> {
        self.nodes.get(path)?.node.link()
    }

    fn is_directory(&self, path: &ImagePath) -> bool {
        self.nodes.get(path).is_some_and(|placed| placed.node.is_directory())
    }

    /// Puts a member in place. A directory on a directory leaves what is in it.
    fn put(&mut self, path: &ImagePath, node: N, step: &mut Step<N>) -> Result<()> {
        let place = self.real(path)?;
        if place != *path {
            self.charge(Self::own(&place))?;
        }
        if node.is_directory() && self.is_directory(&place) {
            step.did = Did::Merged(place.clone());
        } else {
            self.make_room(&place, step)?;
            step.did = Did::Put(place.clone());
        }
        self.insert(place, node)
    }

    /// Gives what is at `target` another name. It must still be there when room was made for that.
    fn link(&mut self, path: &ImagePath, target: &ImagePath, step: &mut Step<N>) -> Result<()> {
        let missing = || Error::new(format!("it is a hard link to `{target}`, which is no file"));
        let original = self.real(target)?;
        let placed = self.nodes.get(&original).filter(|placed| !placed.node.is_directory());
        let node = placed.ok_or_else(missing)?.node.clone();
        let place = self.real(path)?;
        if place == original {
            return Ok(());
        }
        self.make_room(&place, step)?;
        if step.gone.iter().any(|(gone, _)| *gone == original) {
            return Err(missing());
        }
        self.insert(place.clone(), node)?;
        step.did = Did::Linked { place, original };
        Ok(())
    }

    fn take_away(&mut self, whiteout: &ImagePath) -> Result<Vec<(ImagePath, N)>> {
        Ok(match whiteout::parse(whiteout)? {
            Some(Whiteout::Below(folder)) => {
                let folder = folder.follow(|path| self.link_at(path))?;
                self.remove_older(&folder, false)?
            }
            Some(Whiteout::Path(path)) => {
                let path = self.real(&path)?;
                self.remove_older(&path, true)?
            }
            Some(Whiteout::Note) | None => Vec::new(),
        })
    }

    /// Sees to it that `place` is free and that its directories are there.
    fn make_room(&mut self, place: &ImagePath, step: &mut Step<N>) -> Result<()> {
        self.remove(place, &mut step.gone)?;
        let missing: Vec<ImagePath> = std::iter::successors(place.parent(), ImagePath::parent)
            .take_while(|directory| !self.is_directory(directory))
            .collect();
        for directory in missing.into_iter().rev() {
            self.remove(&directory, &mut step.gone)?;
            self.charge(Self::own(&directory))?;
            self.insert(directory.clone(), N::implied(self.layer))?;
            step.made.push(directory);
        }
        Ok(())
    }

    fn insert(&mut self, place: ImagePath, node: N) -> Result<()> {
        let before = self.nodes.insert(place.clone(), Placed { node, layer: self.layer });
        if before.is_none() {
            self.charge(Self::COST)?;
        }
        if before.as_ref().is_none_or(|before| before.layer < self.layer) {
            self.touch(place, before)?;
        }
        Ok(())
    }

    fn remove_older(&mut self, path: &ImagePath, itself: bool) -> Result<Vec<(ImagePath, N)>> {
        let mut above = std::iter::successors(path.parent(), ImagePath::parent);
        if above.any(|above| self.emptied.contains(&above)) {
            return Ok(Vec::new());
        }
        let again = !self.emptied.insert(path.clone());
        if !again {
            self.charge(Self::EMPTIED)?;
        }
        let older: Vec<ImagePath> = self
            .below(path, itself)
            .take(if again { usize::from(itself) } else { usize::MAX })
            .filter(|(path, placed)| !path.is_root() && placed.layer < self.layer)
            .map(|(path, _)| path.clone())
            .collect();
        let mut gone = Vec::with_capacity(older.len());
        for path in older.into_iter().rev() {
            // What this layer put into an older directory keeps it.
            if self.below(&path, false).next().is_none() {
                self.remove_one(path, &mut gone);
            }
        }
        Ok(gone)
    }

    fn remove(&mut self, path: &ImagePath, gone: &mut Vec<(ImagePath, N)>) -> Result<()> {
        if path.is_root() {
            return Err(Error::new("the root can only be a directory"));
        }
        if self.nodes.contains_key(path) {
            let all: Vec<ImagePath> = self.below(path, true).map(|(path, _)| path.clone()).collect();
            all.into_iter().rev().for_each(|path| self.remove_one(path, gone));
        }
        Ok(())
    }

    fn below<'a>(
        &'a self,
        directory: &'a ImagePath,
        itself: bool,
    ) -> impl Iterator<Item = (&'a ImagePath, &'a Placed<N>)> {
        below(&self.nodes, directory).filter(move |(path, _)| itself || *path != directory)
    }

    fn remove_one(&mut self, path: ImagePath, gone: &mut Vec<(ImagePath, N)>) {
        let Some(placed) = self.nodes.remove(&path) else { return };
        self.memory_left += Self::COST;
        gone.push((path.clone(), placed.node.clone()));
        if placed.layer < self.layer {
            self.touched.push(Touched { path, before: Some(placed) });
        }
    }

    fn touch(&mut self, path: ImagePath, before: Option<Placed<N>>) -> Result<()> {
        self.touched.push(Touched { path, before });
        // For good: whoever asks what a layer touched keeps that.
        self.charge(2 * size_of::<Touched<N>>())
    }

    fn charge(&mut self, bytes: usize) -> Result<()> {
        let left = self.memory_left.checked_sub(bytes);
        self.memory_left =
            left.ok_or_else(|| Error::new("the layers have more paths than are held in memory"))?;
        Ok(())
    }

    /// What a path takes that is none of an entry's: those share theirs.
    fn own(path: &ImagePath) -> usize {
        AN_ALLOCATION + path.as_bytes().len()
    }
}

/// What is at `directory` and below it, by path.
pub fn below<'a, T>(
    nodes: &'a BTreeMap<ImagePath, T>,
    directory: &'a ImagePath,
) -> impl Iterator<Item = (&'a ImagePath, &'a T)> {
    let below = nodes.range(directory.first_below()..).take_while(move |(path, _)| path.is_within(directory));
    nodes.get_key_value(directory).into_iter().chain(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `path` (a file), `path/` (a directory), `path->target`, `path=>target` (a hard link) and `path!` (a device).
    fn entry(text: &str, layer: usize) -> Entry<usize> {
        let (path, kind) = if text.contains(".wh.") {
            (text, Kind::Whiteout)
        } else if let Some((path, target)) = text.split_once("=>") {
            (path, Kind::HardLink(ImagePath::absolute(target).unwrap()))
        } else if let Some((path, target)) = text.split_once("->") {
            (path, Kind::Symlink(target.into()))
        } else if let Some(path) = text.strip_suffix('!') {
            (path, Kind::Device(crate::tar::Device { block: false, major: 1, minor: 3 }))
        } else if text.ends_with('/') {
            (text, Kind::Directory)
        } else {
            (text, Kind::File(layer))
        };
        Entry { kind, ..Entry::implied(ImagePath::absolute(path).unwrap()) }
    }

    /// What a disk has that follows the steps, as [`Step`] says how.
    #[derive(Default)]
    struct Disk(BTreeMap<ImagePath, char>);

    impl Disk {
        fn follow(&mut self, step: &Step<Entry<usize>>, entry: &Entry<usize>) {
            for (path, _) in &step.gone {
                assert_eq!(below(&self.0, path).count(), 1, "{path} is empty when it goes");
                self.0.remove(path);
            }
            step.made.iter().for_each(|path| self.make(path, '/'));
            match &step.did {
                Did::Put(place) if place.is_root() => {}
                Did::Put(place) => self.make(place, sign(&entry.kind)),
                Did::Merged(place) => assert!(place.is_root() || self.0[place] == '/'),
                Did::Linked { place, original } => self.make(place, self.0[original]),
                Did::Nothing => {}
            }
        }

        fn make(&mut self, path: &ImagePath, what: char) {
            let parent = path.parent().unwrap();
            assert!(parent.is_root() || self.0[&parent] == '/', "{path} is made in a directory");
            assert!(self.0.insert(path.clone(), what).is_none(), "{path} is made where nothing is");
        }
    }

    fn sign<C>(kind: &Kind<C>) -> char {
        match kind {
            Kind::Directory => '/',
            Kind::Symlink(_) => '@',
            Kind::Device(_) => '!',
            _ => ':',
        }
    }

    /// What is there in the end, and what the last layer touched.
    fn stacked(layers: &[&str]) -> Result<(String, String)> {
        let mut overlay = Overlay::new(1 << 26);
        let (mut disk, mut touched) = (Disk::default(), Vec::new());
        for (number, layer) in layers.iter().enumerate() {
            for text in layer.split_whitespace() {
                let entry = entry(text, number);
                let step = overlay.take(&entry, entry.clone())?;
                disk.follow(&step, &entry);
            }
            touched = overlay.end_layer();
        }
        let touched = touched
            .iter()
            .map(|touched| format!("{}{}", if touched.before.is_some() { "" } else { "+" }, touched.path));
        let touched = touched.collect::<Vec<_>>().join(" ");
        let nodes: Vec<_> = overlay.into_nodes().filter(|(path, _)| !path.is_root()).collect();
        let on_disk: BTreeMap<_, _> =
            nodes.iter().map(|(path, placed)| (path.clone(), sign(&placed.node.kind))).collect();
        assert_eq!(disk.0, on_disk, "{layers:?}");
        let nodes = nodes.iter().map(|(path, placed)| match &placed.node.kind {
            Kind::File(content) if *content == placed.layer => format!("{path}:{content}"),
            Kind::File(content) => format!("{path}:{content}@{}", placed.layer),
            kind => format!("{path}{}", sign(kind)),
        });
        Ok((nodes.collect::<Vec<_>>().join(" "), touched))
    }

    #[test]
    fn layers_lie_on_one_another_as_mounted() {
        for (layers, expected, touched) in [
            // Files and directories, one on the other.
            (&["/a /b", "/b"][..], "/a:0 /b:1", "/b"),
            (&["/d/x", "/d"], "/d:1", "/d /d/x"),
            (&["/d", "/d/x"], "/d/ /d/x:1", "/d +/d/x"),
            (&["/d/x", "/d/"], "/d/ /d/x:0", "/d"),
            (&["/d/x", "/"], "/d/ /d/x:0", "/"),
            (&["/d/x/y /d.y", "/d!"], "/d! /d.y:0", "/d /d/x /d/x/y"),
            (&["/a/b/c", "/a/b /a/b/d"], "/a/ /a/b/ /a/b/d:1", "/a/b /a/b/c +/a/b/d"),
            // Whiteouts: of lower layers only, wherever in the tar they stand.
            (&["/a /d/x /d/y", "/.wh.a /d/.wh.x"], "/d/ /d/y:0", "/a /d/x"),
            (&["/d/x /d/y", "/d/.wh..wh..opq /d/z"], "/d/ /d/z:1", "/d/x /d/y +/d/z"),
            (&["/d/x", "/d/z /d/.wh..wh..opq"], "/d/ /d/z:1", "/d/x +/d/z"),
            (&["/d/x", "/d/x /d/.wh..wh..opq"], "/d/ /d/x:1", "/d/x"),
            (&["/d/x", "/d/z /.wh.d"], "/d/ /d/z:1", "/d/x +/d/z"),
            (&["/d/x", "/.wh.d /d/z"], "/d/ /d/z:1", "/d /d/x +/d/z"),
            (&["/d/x", "/.wh.d", "/d/x"], "/d/ /d/x:2", "+/d +/d/x"),
            (&["/d/x /d.y /d-z", "/.wh.d"], "/d-z:0 /d.y:0", "/d /d/x"),
            (&["/a", "/.wh.a /a"], "/a:1", "/a"),
            (&["/a /.wh.a"], "/a:0", "+/a"),
            (&["/a", "/.wh.b /n/.wh..wh..opq"], "/a:0", ""),
            (&["/a", "/.wh..wh..opq"], "", "/a"),
            (&["/d/e/x /d/y", "/d/.wh.e /d/.wh..wh..opq /d/.wh.e /.wh.d"], "", "/d /d/e /d/e/x /d/y"),
            (&["/d/x", "/d/z /.wh.d /.wh.d /d/.wh..wh..opq", "/.wh.d"], "", "/d /d/z"),
            (&["/.wh..wh.plnk/ /a"], "/a:0", "+/a"),
            // Links on the way.
            (&["/usr/lib/ /lib->usr/lib", "/lib/x"], "/lib@ /usr/ /usr/lib/ /usr/lib/x:1", "+/usr/lib/x"),
            (&["/usr/lib/x /lib->usr/lib", "/lib/.wh.x"], "/lib@ /usr/ /usr/lib/", "/usr/lib/x"),
            (&["/usr/lib/x /lib->usr/lib", "/lib/.wh..wh..opq"], "/lib@ /usr/ /usr/lib/", "/usr/lib/x"),
            (&["/usr/lib/x /lib->usr/lib", "/.wh.lib"], "/usr/ /usr/lib/ /usr/lib/x:0", "/lib"),
            (&["/usr/lib/ /lib->usr/lib", "/lib/"], "/lib/ /usr/ /usr/lib/", "/lib"),
            (&["/l->nowhere", "/l/x"], "/l@ /nowhere/ /nowhere/x:1", "+/nowhere +/nowhere/x"),
            (&["/l->f /f", "/l/x"], "/f/ /f/x:1 /l@", "/f +/f/x"),
            (&["/l->../../..", "/l/x"], "/l@ /x:1", "+/x"),
            // A path twice in a layer.
            (&["/a /a"], "/a:0", "+/a"),
            (&["/d/x /d /d/y"], "/d/ /d/y:0", "+/d +/d/x +/d/y"),
            // Hard links: of one layer and across them.
            (&["/a /b=>/a", "/b"], "/a:0 /b:1", "/b"),
            (&["/a", "/b=>/a"], "/a:0 /b:0@1", "+/b"),
            (&["/a /b=>/a", "/.wh.a"], "/b:0", "/a"),
            (&["/a", "/b=>/a /.wh.a"], "/b:0@1", "/a +/b"),
            (&["/a", "/a=>/a"], "/a:0", ""),
            (&["/l->a", "/m=>/l"], "/l@ /m@", "+/m"),
            (&["/n!", "/m=>/n"], "/m! /n!", "+/m"),
            (&["/usr/a /u->usr", "/u/b=>/u/a"], "/u@ /usr/ /usr/a:0 /usr/b:0@1", "+/usr/b"),
            (&["/a /d/x", "/d=>/a"], "/a:0 /d:0@1", "/d /d/x"),
        ] {
            let found = stacked(layers).unwrap();
            assert_eq!((&*found.0, &*found.1), (expected, touched), "{layers:?}");
        }
    }

    #[test]
    fn whiteouts_that_come_again_and_names_beside_one_another_take_no_longer() {
        const MANY: usize = 20_000;
        let files = |folder: &str| (0..MANY).map(|n| format!("{folder}{n}")).collect::<Vec<_>>().join(" ");
        let again = |text: &str| [text].repeat(MANY).join(" ");
        let started = std::time::Instant::now();
        for layers in [
            ["/d/x".to_owned(), format!("{} {}", files("/d/"), again("/d/.wh..wh..opq"))],
            ["/d/x".to_owned(), format!("{} {}", files("/d/"), again("/.wh.d"))],
            ["/b".to_owned(), format!("{} {}", files("/a-"), again("/a"))],
        ] {
            let (nodes, _) = stacked(&[&layers[0], &layers[1]]).unwrap();
            assert!(nodes.split(' ').count() > MANY);
        }
        // Each against all the others took minutes.
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
    }

    #[test]
    fn what_no_engine_could_mount_is_refused() {
        for (layers, expected) in [
            (&["/a->b /b->a", "/a/x"][..], "links lead in a circle at `/a`, on the way to `/a`"),
            (&["/a->b /b->a", "/a/.wh.x"], "links lead in a circle at `/a`, on the way to `/a`"),
            (&["/etc/.wh."], "`/etc/.wh.` takes nothing away that has a name"),
            (&["/etc/.wh.."], "`/etc/.wh..` takes nothing away that has a name"),
            (&["/a=>/a"], "it is a hard link to `/a`, which is no file"),
            (&["/d/ /a=>/d"], "it is a hard link to `/d`, which is no file"),
            (&["/d/x", "/d=>/d/x"], "it is a hard link to `/d/x`, which is no file"),
            (&["/a", "/a/b=>/a"], "it is a hard link to `/a`, which is no file"),
            (&["/a", "/.wh.a /b=>/a"], "it is a hard link to `/a`, which is no file"),
        ] {
            let said = stacked(layers).err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(said, expected, "{layers:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let name = |number| entry(&format!("/d{number}/x"), 0);
        let mut overlay = Overlay::new(100 << 10);
        let taken = (0..).position(|number| overlay.take(&name(number), name(number)).is_err());
        assert!(taken.is_some_and(|taken| (50..400).contains(&taken)), "{taken:?}");
    }
}
