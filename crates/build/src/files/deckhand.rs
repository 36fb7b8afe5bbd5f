//! deckhand, the helper for images without a shell, which a recipe takes aboard with `deckhand = true`.
//!
//! The program is a part of this one: `build.rs` compiles it from the folder `deckhand/`.

use bareboat_model::{Arch, Error, ImagePath, Platform, Result};
use serde::Serialize;

use super::packages_do_not_come_here;
use crate::recipe::Recipe;
use crate::tree::{Content, Node, Owner, Tree};

// AMD64 and ARM64: the programs, where the compiler of this bareboat had what it takes.
include!(concat!(env!("OUT_DIR"), "/deckhand.rs"));

/// Where it is in an image.
pub const PATH: &str = "/usr/local/bin/deckhand";

/// deckhand in an image, for the summary.
#[derive(Clone, Debug, Serialize)]
pub struct Aboard {
    /// Where it is.
    pub path: &'static str,
    /// How large it is.
    pub bytes: u64,
}

/// The program for an architecture.
///
/// # Errors
/// When this bareboat was compiled without it.
pub fn program(arch: Arch) -> Result<&'static [u8]> {
    match arch {
        Arch::Amd64 => carried(AMD64, arch, "x86_64-unknown-linux-gnu"),
        Arch::Arm64 => carried(ARM64, arch, "aarch64-unknown-linux-gnu"),
    }
}

fn carried(program: Option<&'static [u8]>, arch: Arch, target: &str) -> Result<&'static [u8]> {
    program.ok_or_else(|| {
        let missing =
            format!("cannot take deckhand aboard for `linux/{arch}`: this bareboat was compiled without it");
        Error::new(missing).with_hint(format!("compile it again after `rustup target add {target}`"))
    })
}

/// What of deckhand the recipe's image for a platform holds.
///
/// # Errors
/// When the recipe wants it, and this bareboat was compiled without it.
pub fn aboard(recipe: &Recipe, platform: Platform) -> Result<Option<Aboard>> {
    match &recipe.deckhand {
        Some(wanted) if wanted.aboard => {
            Ok(Some(Aboard { path: PATH, bytes: program(platform.arch)?.len() as u64 }))
        }
        _ => Ok(None),
    }
}

/// Puts it into the tree, before anything else of the recipes, so that a file of theirs can take its place.
pub(super) fn place(tree: &mut Tree, owner: Owner, platform: Platform, mtime: i64) -> Result<()> {
    let node = Node::file(Content::from_bytes(program(platform.arch)?), 0o755, mtime, owner);
    tree.place(&ImagePath::absolute(PATH)?, node, &packages_do_not_come_here)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_compiled_in_is_refused_with_a_way_out() {
        let error = carried(None, Arch::Arm64, "aarch64-unknown-linux-gnu").unwrap_err();
        assert_eq!(
            format!("{error}"),
            "cannot take deckhand aboard for `linux/arm64`: this bareboat was compiled without it"
        );
        assert_eq!(
            error.hint(),
            Some("compile it again after `rustup target add aarch64-unknown-linux-gnu`")
        );
    }

    #[test]
    fn what_is_carried_is_a_program_for_its_machine() {
        for arch in Arch::ALL {
            if let Ok(program) = program(arch) {
                assert_eq!(&program[..4], b"\x7fELF", "{arch}");
                assert_eq!(u16::from_le_bytes([program[18], program[19]]), arch.elf_machine(), "{arch}");
            }
        }
    }
}
