//! Following symbolic links inside the tree.

use bareboat_model::{ImagePath, Result};

use super::{Kind, Tree};

impl Tree {
    /// The path with every link followed, the last one too. What does not exist stands for itself.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn real_path(&self, path: &ImagePath) -> Result<ImagePath> {
        path.follow(|path| self.link(path))
    }

    /// The same for a path as programs write it, from the root and perhaps with `.` and `..`.
    ///
    /// # Errors
    /// When links lead in a circle, or the path is none.
    pub fn follow(&self, path: &[u8]) -> Result<ImagePath> {
        ImagePath::follow_bytes(path, |path| self.link(path))
    }

    /// The path with the links of its directories followed, but not its own.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn real_parent(&self, path: &ImagePath) -> Result<ImagePath> {
        path.follow_parent(|path| self.link(path))
    }

    fn link(&self, path: &ImagePath) -> Option<&[u8]> {
        match &self.get(path)?.kind {
            Kind::Symlink(target) => Some(target),
            _ => None,
        }
    }
}
