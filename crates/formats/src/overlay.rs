//! Layers on top of one another in memory, as an engine mounts them (OCI image specification, layer.md).
//!
//! Every path is taken through the links that lie below it, as a mounted root would; so no layer reaches outside, and two
//! names of one place are one.

use std::collections::{BTreeMap, HashSet};

use bareboat_model::{Error, ImagePath, Result};

use crate::whiteout::Whiteout;

/// Images with a million files have some 60 MB of paths.
const MOST_PATH_BYTES: usize = 512 << 20;

/// What a path takes beside its bytes, at least: a short member of a tar may imply a hundred directories.
const A_NODE: usize = 256;

/// What stands at a path of an [`Overlay`].
pub trait Node: Clone {
    /// Whether others can lie below it.
    fn is_directory(&self) -> bool;
    /// The target of what is a symbolic link, as written.
    fn link(&self) -> Option<&[u8]>;
    /// A directory that the layer of this number does not name, but puts something below.
    fn implied(layer: usize) -> Self;
}

/// The files of some layers, put on one another one at a time.
#[derive(Debug)]
pub struct Overlay<N> {
    nodes: BTreeMap<ImagePath, Placed<N>>,
    layer: usize,
    path_bytes: usize,
    /// What the layer that is being put on touched, with what was there before it.
    touched: BTreeMap<ImagePath, Option<N>>,
    /// Below which nothing older than that layer is left: a layer may say so a million times.
    emptied: HashSet<ImagePath>,
}

#[derive(Debug)]
struct Placed<N> {
    node: N,
    /// Whiteouts speak of lower layers only.
    layer: usize,
}

impl<N: Node> Default for Overlay<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Node> Overlay<N> {
    /// Nothing but the root.
    pub fn new() -> Self {
        let root = Placed { node: N::implied(0), layer: 0 };
        let nodes = BTreeMap::from([(ImagePath::ROOT, root)]);
        Self { nodes, layer: 0, path_bytes: 0, touched: BTreeMap::new(), emptied: HashSet::new() }
    }

    /// What is at the path, which has no links on its way.
    pub fn get(&self, path: &ImagePath) -> Option<&N> {
        Some(&self.nodes.get(path)?.node)
    }

    /// Everything, by path.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&ImagePath, &N)> {
        self.nodes.iter().map(|(path, placed)| (path, &placed.node))
    }

    /// Everything, by path.
    pub fn into_nodes(self) -> BTreeMap<ImagePath, N> {
        self.nodes.into_iter().map(|(path, placed)| (path, placed.node)).collect()
    }

    /// The path with the links of its directories followed. Whatever is here is here by such a path, so one below a directory
    /// of it is one already; members deep down would take long otherwise.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn real(&self, path: &ImagePath) -> Result<ImagePath> {
        match path.parent().and_then(|parent| self.nodes.get(&parent)) {
            Some(parent) if parent.node.is_directory() => Ok(path.clone()),
            _ => path.follow_parent(|path| self.get(path)?.link()),
        }
    }

    /// Puts a member of the layer in place, and says where that is. A directory on a directory leaves what is in it.
    ///
    /// # Errors
    /// When links lead in a circle, the root would be no directory, or all paths together are too long.
    pub fn put(&mut self, path: &ImagePath, node: N) -> Result<ImagePath> {
        let place = self.real(path)?;
        let merges = node.is_directory() && self.get(&place).is_some_and(Node::is_directory);
        if !merges {
            self.make_room(&place)?;
        }
        self.insert(place.clone(), node)?;
        Ok(place)
    }

    /// Takes away what lower layers have there.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn take_away(&mut self, whiteout: &Whiteout) -> Result<()> {
        match whiteout {
            Whiteout::Below(folder) => {
                let folder = folder.follow(|path| self.get(path)?.link())?;
                self.remove_older(&folder, false);
            }
            Whiteout::Path(path) => {
                let path = self.real(path)?;
                self.remove_older(&path, true);
            }
            Whiteout::Note => {}
        }
        Ok(())
    }

    /// Ends a layer: gives what it touched, each with what was there before the layer. What is there now may be the same.
    pub fn end_layer(&mut self) -> BTreeMap<ImagePath, Option<N>> {
        self.layer += 1;
        self.emptied.clear();
        std::mem::take(&mut self.touched)
    }

    /// Sees to it that `place` is free and that its directories are there.
    fn make_room(&mut self, place: &ImagePath) -> Result<()> {
        self.remove(place)?;
        let missing: Vec<ImagePath> = std::iter::successors(place.parent(), ImagePath::parent)
            .take_while(|directory| !self.get(directory).is_some_and(Node::is_directory))
            .collect();
        for directory in missing.into_iter().rev() {
            self.remove(&directory)?;
            self.insert(directory, N::implied(self.layer))?;
        }
        Ok(())
    }

    fn insert(&mut self, place: ImagePath, node: N) -> Result<()> {
        self.path_bytes += place.as_bytes().len() + A_NODE;
        if self.path_bytes > MOST_PATH_BYTES {
            return Err(Error::new(format!("all paths together take more than {MOST_PATH_BYTES} bytes")));
        }
        let before = self.nodes.insert(place.clone(), Placed { node, layer: self.layer });
        self.touched.entry(place).or_insert_with(|| before.map(|before| before.node));
        Ok(())
    }

    fn remove_older(&mut self, path: &ImagePath, itself: bool) {
        let mut above = std::iter::successors(path.parent(), ImagePath::parent);
        if above.any(|above| self.emptied.contains(&above)) {
            return;
        }
        let most = if self.emptied.insert(path.clone()) { usize::MAX } else { usize::from(itself) };
        let gone: Vec<ImagePath> = self
            .below(path, itself)
            .take(most)
            .filter(|(path, placed)| !path.is_root() && placed.layer < self.layer)
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone.into_iter().rev() {
            // What this layer put into an older directory keeps it.
            if self.below(&path, false).next().is_none() {
                self.remove_one(path);
            }
        }
    }

    fn remove(&mut self, path: &ImagePath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new("the root can only be a directory"));
        }
        if self.nodes.contains_key(path) {
            let gone: Vec<ImagePath> = self.below(path, true).map(|(path, _)| path.clone()).collect();
            gone.into_iter().for_each(|path| self.remove_one(path));
        }
        Ok(())
    }

    fn below(&self, directory: &ImagePath, itself: bool) -> impl Iterator<Item = (&ImagePath, &Placed<N>)> {
        let top = self.nodes.get_key_value(directory).filter(|_| itself);
        let below = self.nodes.range(directory.first_below()..);
        top.into_iter().chain(below.take_while(move |(path, _)| path.is_within(directory)))
    }

    fn remove_one(&mut self, path: ImagePath) {
        if let Some(before) = self.nodes.remove(&path) {
            self.touched.entry(path).or_insert(Some(before.node));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whiteout;

    #[derive(Clone)]
    enum Thing {
        File(usize),
        Directory,
        Link(Vec<u8>),
    }

    impl Node for Thing {
        fn is_directory(&self) -> bool {
            matches!(self, Self::Directory)
        }
        fn link(&self) -> Option<&[u8]> {
            match self {
                Self::Link(target) => Some(target),
                _ => None,
            }
        }
        fn implied(_layer: usize) -> Self {
            Self::Directory
        }
    }

    /// Layers of `path` (a file), `path/` (a directory) and `path->target`; and what the last one touched.
    fn stacked(layers: &[&str]) -> Result<(String, String)> {
        let mut overlay = Overlay::new();
        let mut touched = BTreeMap::new();
        for (number, layer) in layers.iter().enumerate() {
            for text in layer.split_whitespace() {
                let (path, thing) = match text.split_once("->") {
                    Some((path, target)) => (path, Thing::Link(target.into())),
                    None if text.ends_with('/') => (text, Thing::Directory),
                    None => (text, Thing::File(number)),
                };
                let path = ImagePath::absolute(path)?;
                match whiteout::parse(&path)? {
                    Some(whiteout) => overlay.take_away(&whiteout)?,
                    None => drop(overlay.put(&path, thing)?),
                }
            }
            touched = overlay.end_layer();
        }
        let nodes = overlay.iter().filter(|(path, _)| !path.is_root()).map(|(path, thing)| match thing {
            Thing::File(layer) => format!("{path}:{layer}"),
            Thing::Directory => format!("{path}/"),
            Thing::Link(_) => format!("{path}@"),
        });
        let nodes = nodes.collect::<Vec<_>>().join(" ");
        let was = |before: &Option<Thing>| if before.is_some() { "" } else { "+" };
        let touched = touched.iter().map(|(path, before)| format!("{}{path}", was(before)));
        Ok((nodes, touched.collect::<Vec<_>>().join(" ")))
    }

    #[test]
    fn layers_lie_on_one_another_as_mounted() {
        for (layers, expected, touched) in [
            (&["/a /b", "/b"][..], "/a:0 /b:1", "/b"),
            (&["/a /d/x /d/y", "/.wh.a /d/.wh.x"], "/d/ /d/y:0", "/a /d/x"),
            (&["/d/x /d/y", "/d/.wh..wh..opq /d/z"], "/d/ /d/z:1", "/d/x /d/y +/d/z"),
            (&["/d/x", "/d/z /d/.wh..wh..opq"], "/d/ /d/z:1", "/d/x +/d/z"),
            (&["/d/x", "/d/z /.wh.d"], "/d/ /d/z:1", "/d/x +/d/z"),
            (&["/d/x", "/d"], "/d:1", "/d /d/x"),
            (&["/d", "/d/x"], "/d/ /d/x:1", "/d +/d/x"),
            (&["/d/x", "/d/"], "/d/ /d/x:0", "/d"),
            (&["/.wh..wh.plnk/ /a"], "/a:0", "+/a"),
            (&["/a /.wh.a"], "/a:0", "+/a"),
            (&["/a", "/.wh.b /n/.wh..wh..opq"], "/a:0", ""),
            (&["/a", "/.wh..wh..opq"], "", "/a"),
            (&["/d/e/x /d/y", "/d/.wh.e /d/.wh..wh..opq /d/.wh.e /.wh.d"], "", "/d /d/e /d/e/x /d/y"),
            (&["/d/x", "/d/z /.wh.d /.wh.d /d/.wh..wh..opq", "/.wh.d"], "", "/d /d/z"),
            (&["/d/x /d.y /d-z", "/.wh.d"], "/d-z:0 /d.y:0", "/d /d/x"),
            (&["/usr/lib/ /lib->usr/lib", "/lib/x"], "/lib@ /usr/ /usr/lib/ /usr/lib/x:1", "+/usr/lib/x"),
            (&["/usr/lib/x /lib->usr/lib", "/lib/.wh.x"], "/lib@ /usr/ /usr/lib/", "/usr/lib/x"),
            (&["/usr/lib/ /lib->usr/lib", "/lib/"], "/lib/ /usr/ /usr/lib/", "/lib"),
            (&["/l->../../..", "/l/x"], "/l@ /x:1", "+/x"),
        ] {
            let found = stacked(layers).unwrap();
            assert_eq!((&*found.0, &*found.1), (expected, touched), "{layers:?}");
        }
    }

    #[test]
    fn whiteouts_that_come_again_and_names_beside_one_another_take_no_longer() {
        const MANY: usize = 30_000;
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
        ] {
            assert_eq!(stacked(layers).unwrap_err().to_string(), expected, "{layers:?}");
        }
    }
}
