//! What the recipe itself puts into the image: deckhand, files of this machine, links, directories, certificates.

mod capability;
pub mod deckhand;
mod doubts;
mod entry;

use bareboat_model::{Context, Error, ImagePath, Platform, Result, escape};
use globset::GlobSet;

use crate::effects::{Accounts, Certificate};
use crate::recipe::{Loaded, Place, Recipe};
use crate::tree::{Entry, Node, Owner, Precedence, Tree};
use bareboat_io::files::{HostFiles, HostKind};

pub use doubts::{command, doubts};

/// The largest that one file of certificates may be.
const LARGEST_PEM: u64 = 16 << 20;

/// Places deckhand, `[[files]]`, `[links]` and `[directories]`, of the bases first. Files are dated `mtime`.
///
/// # Errors
/// When a file is missing or changes while it is read, or cannot be where the recipe wants it.
pub fn place_all(
    tree: &mut Tree,
    loaded: &Loaded,
    platform: Platform,
    accounts: &Accounts,
    mtime: i64,
) -> Result<()> {
    let recipe = &loaded.recipe;
    if let Some(wanted) = recipe.deckhand.as_ref().filter(|wanted| wanted.aboard) {
        deckhand::place(tree, owner(loaded, &wanted.place, "deckhand = true"), platform, mtime)?;
    }
    for entry in &recipe.files {
        let owner = owner(loaded, &entry.place, &format!("files from {}", entry.from));
        entry::place(tree, entry, &owner, accounts, mtime)
            .context(|| format!("cannot take the files at {}", entry.place))?;
    }
    for (path, target) in &recipe.links {
        let owner = Owner::Recipe(Entry { text: "the recipe's [links]".into(), tier: 0 });
        let node = Node::symlink(target.as_bytes(), mtime, owner);
        tree.place(path, node, &packages_do_not_come_here)
            .context(|| format!("cannot make the link `{path}`"))?;
    }
    for (path, directory) in &recipe.directories {
        let owner = Owner::Recipe(Entry { text: "the recipe's [directories]".into(), tier: 0 });
        let (uid, gid) =
            accounts.resolve(&directory.owner).context(|| format!("cannot make the directory `{path}`"))?;
        tree.set_directory(path, Node { uid, gid, ..Node::directory(directory.mode.bits(), owner) })?;
    }
    Ok(())
}

/// Reads the certificates that the recipe adds.
///
/// # Errors
/// When a file is missing or too large.
pub fn certificates(recipe: &Recipe) -> Result<Vec<Certificate>> {
    let mut certificates = Vec::new();
    for wanted in &recipe.certificates {
        let doing = || format!("cannot add the certificates at {}", wanted.place);
        let files = HostFiles::new(wanted.place.folder()).context(doing)?;
        for found in files.resolve(&wanted.from, &GlobSet::empty()).context(doing)? {
            let name = found.path.display().to_string();
            match found.kind {
                HostKind::File { size, .. } if size > LARGEST_PEM => {
                    return Err(Error::new(format!(
                        "`{name}` has {size} bytes, at most {LARGEST_PEM} are read"
                    ))
                    .context(doing()));
                }
                HostKind::File { .. } => {
                    let mut pem = Vec::new();
                    let file = files.open(&found.path).context(doing)?;
                    std::io::Read::read_to_end(&mut std::io::Read::take(file, LARGEST_PEM), &mut pem)
                        .context(doing)?;
                    let file = escape(&name);
                    let name = format!("`{file}` at {}", wanted.place);
                    certificates.push(Certificate { name, file, pem });
                }
                HostKind::Directory { .. } | HostKind::Symlink(_) => {}
            }
        }
    }
    Ok(certificates)
}

/// In whose name an entry at `place` stands: its recipe's file says how far up the chain of bases it is.
fn owner(loaded: &Loaded, place: &Place, text: &str) -> Owner {
    let tier = loaded.tiers.iter().rposition(|tier| tier.origin == place.file);
    Owner::Recipe(Entry {
        text: format!("{}: {text}", place.file.display()).into(),
        tier: tier.unwrap_or(loaded.tiers.len()),
    })
}

/// Between two entries of recipes the later wins, and a recipe goes over a package: no package is a newcomer here.
fn packages_do_not_come_here(_: &ImagePath, _: &Owner, _: &Owner) -> Precedence {
    Precedence::Refuse
}
