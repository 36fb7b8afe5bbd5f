//! Following symbolic links inside the tree, the way the kernel would with the tree as its root.

use std::collections::VecDeque;

use bareboat_model::{Error, ImagePath, Result, escape};

use super::{Kind, Tree};

/// Linux follows at most 40 links in one lookup (`MAXSYMLINKS`, path_resolution(7)).
const MOST_LINKS: usize = 40;

fn steps(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|step| !matches!(*step, b"" | b"."))
}

impl Tree {
    /// The path with every link followed, the last one too. What does not exist stands for itself.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn real_path(&self, path: &ImagePath) -> Result<ImagePath> {
        self.follow(path.as_bytes())
    }

    /// The same for a path as programs write it, from the root and perhaps with `.` and `..`.
    ///
    /// # Errors
    /// When links lead in a circle, or the path is none.
    pub fn follow(&self, path: &[u8]) -> Result<ImagePath> {
        let mut todo: VecDeque<Vec<u8>> = steps(path).map(<[u8]>::to_vec).collect();
        let mut real: Vec<Vec<u8>> = Vec::new();
        let mut followed = 0;
        while let Some(name) = todo.pop_front() {
            if name == b".." {
                real.pop(); // at the root, `..` is the root itself
                continue;
            }
            real.push(name);
            let here = ImagePath::parse(&real.join(&b'/'))?;
            let Some(Kind::Symlink(target)) = self.get(&here).map(|node| &node.kind) else { continue };
            followed += 1;
            if followed > MOST_LINKS {
                return Err(Error::new(format!(
                    "links lead in a circle at `{here}`, on the way to `/{}`",
                    escape(&String::from_utf8_lossy(path)).trim_start_matches('/')
                )));
            }
            real.pop();
            if target.starts_with(b"/") {
                real.clear();
            }
            for step in steps(target).rev() {
                todo.push_front(step.to_vec());
            }
        }
        ImagePath::parse(&real.join(&b'/'))
    }

    /// The path with the links of its directories followed, but not its own.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn real_parent(&self, path: &ImagePath) -> Result<ImagePath> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => self.real_path(&parent)?.join(name),
            _ => Ok(ImagePath::ROOT),
        }
    }
}
