//! What a command works on: a recipe with all that it builds on, and the platforms.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use bareboat_model::{Arch, Error, Platform, Result};

use super::{Workshop, locking};
use crate::base_image::Bases;
use crate::lock::BaseImage;
use crate::recipe::{self, Base, Loaded};

/// A recipe, what it builds on, and for which platforms.
pub(super) struct Project {
    pub(super) loaded: Loaded,
    pub(super) bases: Bases,
    pub(super) platforms: Vec<Platform>,
    recipe: PathBuf,
}

impl Project {
    /// Reads the recipe and what it builds on, for the platforms `asked` for, else the recipe's, else this machine's.
    pub(super) fn load(workshop: &Workshop<'_>, recipe: &Path, asked: &[Platform]) -> Result<Self> {
        let loaded = recipe::load(recipe)?;
        let locked = match loaded.recipe.base {
            // Whoever needs the lock says what is wrong with it.
            Base::Image(_) => locking::read(&locking::lock_file(&loaded, recipe)).ok().flatten(),
            _ => None,
        };
        let base = locked.and_then(|lock| lock.base);
        Self::of(workshop, loaded, recipe, asked, base.as_ref())
    }

    /// As [`Project::load`]; `base` is the image that is to be built on, if it is in a registry.
    pub(super) fn of(
        workshop: &Workshop<'_>,
        loaded: Loaded,
        recipe: &Path,
        asked: &[Platform],
        base: Option<&BaseImage>,
    ) -> Result<Self> {
        let platforms = platforms(&loaded, asked)?;
        let bases = Bases::load(&loaded, &platforms, base, &workshop.outside())?;
        Ok(Self { loaded, bases, platforms, recipe: recipe.to_owned() })
    }

    /// Where the lock is, or would be.
    pub(super) fn lock_file(&self) -> PathBuf {
        locking::lock_file(&self.loaded, &self.recipe)
    }

    /// The base images of more platforms than these.
    pub(super) fn bases_for(
        &self,
        workshop: &Workshop<'_>,
        platforms: &[Platform],
    ) -> Result<Cow<'_, Bases>> {
        match self.bases.locked.is_none() || platforms == self.platforms {
            true => Ok(Cow::Borrowed(&self.bases)),
            false => {
                let locked = self.bases.locked.as_ref();
                Bases::load(&self.loaded, platforms, locked, &workshop.outside()).map(Cow::Owned)
            }
        }
    }
}

fn platforms(loaded: &Loaded, asked: &[Platform]) -> Result<Vec<Platform>> {
    let mut platforms = if asked.is_empty() { loaded.recipe.platforms.clone() } else { asked.to_vec() };
    if platforms.is_empty() {
        let arch = Arch::host().ok_or_else(|| {
            Error::new(format!("images for this machine ({}) cannot be built", std::env::consts::ARCH))
                .with_hint("name a platform with --platform linux/amd64 or linux/arm64")
        })?;
        platforms.push(Platform { arch });
    }
    platforms.sort_unstable();
    platforms.dedup();
    Ok(platforms)
}
