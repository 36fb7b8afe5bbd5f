//! Following symbolic links inside an image, the way the kernel would with the image as its root.

use std::collections::VecDeque;

use crate::{Error, ImagePath, Result, escape};

/// Linux follows at most 40 links in one lookup (`MAXSYMLINKS`, path_resolution(7)).
const MOST_LINKS: usize = 40;

fn steps(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|step| !matches!(*step, b"" | b"."))
}

impl ImagePath {
    /// The path with every link followed, the last one too. `link` gives the target of what is a link, and nothing for
    /// all else. What does not exist stands for itself.
    ///
    /// ```
    /// use bareboat_model::ImagePath;
    /// let path = ImagePath::absolute("/lib/x").unwrap();
    /// let link = |path: &ImagePath| (path.as_bytes() == b"lib").then_some(&b"usr/lib"[..]);
    /// assert_eq!(path.follow(link).unwrap().to_string(), "/usr/lib/x");
    /// ```
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn follow<T: AsRef<[u8]>>(&self, link: impl Fn(&Self) -> Option<T>) -> Result<Self> {
        Self::follow_bytes(self.as_bytes(), link)
    }

    /// The same for a path as programs write it, from the root and perhaps with `.` and `..`.
    ///
    /// # Errors
    /// When links lead in a circle, or the path is none.
    pub fn follow_bytes<T: AsRef<[u8]>>(path: &[u8], link: impl Fn(&Self) -> Option<T>) -> Result<Self> {
        let mut ahead: VecDeque<Vec<u8>> = steps(path).map(<[u8]>::to_vec).collect();
        let mut real = Self::ROOT;
        let mut followed = 0;
        while let Some(name) = ahead.pop_front() {
            if name == b".." {
                real = real.parent().unwrap_or_default(); // at the root, `..` is the root itself
                continue;
            }
            let named = real.child(&name);
            let Some(target) = link(&named) else {
                real = named;
                continue;
            };
            let target = target.as_ref();
            followed += 1;
            if followed > MOST_LINKS {
                return Err(Error::new(format!(
                    "links lead in a circle at `{named}`, on the way to `/{}`",
                    escape(&String::from_utf8_lossy(path)).trim_start_matches('/')
                )));
            }
            if target.starts_with(b"/") {
                real = Self::ROOT;
            }
            for step in steps(target).rev() {
                ahead.push_front(step.to_vec());
            }
        }
        // Only here, as it looks at the whole path.
        Self::parse(real.as_bytes())
    }

    /// The path with the links of its directories followed, but not its own.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn follow_parent<T: AsRef<[u8]>>(&self, link: impl Fn(&Self) -> Option<T>) -> Result<Self> {
        match (self.parent(), self.file_name()) {
            (Some(parent), Some(name)) => parent.follow(link)?.join(name),
            _ => Ok(Self::ROOT),
        }
    }
}
