//! Names in a layer that take something away instead of bringing it (OCI image specification, layer.md, "Whiteouts").

use bareboat_model::{Error, ImagePath, Result};

/// A file whose name begins so takes away what has the rest of the name in lower layers.
const PREFIX: &[u8] = b".wh.";
/// Takes away all that lower layers have in the directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Names of this kind are notes of one storage driver (aufs), and mean nothing to others.
const NOTE: &[u8] = b".wh..wh.";

/// What a whiteout takes away from lower layers. Links in the path are not followed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whiteout {
    /// What is at this path, and all below it.
    Path(ImagePath),
    /// All below this directory, but not the directory itself.
    Below(ImagePath),
    /// Nothing.
    Note,
}

/// Whether a layer's member of this path is no file, but a whiteout.
pub fn is_one(path: &ImagePath) -> bool {
    path.file_name().is_some_and(|name| name.starts_with(PREFIX))
}

/// Reads a whiteout; none for the path of a file.
///
/// ```
/// use bareboat_formats::whiteout::{self, Whiteout};
/// use bareboat_model::ImagePath;
/// let path = |text| ImagePath::absolute(text).unwrap();
/// assert_eq!(whiteout::parse(&path("/etc/.wh.motd")).unwrap(), Some(Whiteout::Path(path("/etc/motd"))));
/// ```
///
/// # Errors
/// When it takes away nothing that has a name.
pub fn parse(path: &ImagePath) -> Result<Option<Whiteout>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let Some(gone) = name.strip_prefix(PREFIX) else { return Ok(None) };
    if name == OPAQUE {
        return Ok(Some(Whiteout::Below(folder)));
    }
    if name.starts_with(NOTE) {
        return Ok(Some(Whiteout::Note));
    }
    // `.wh.` alone, or with a dot or two, would name the folder itself or the one above.
    if matches!(gone, b"" | b"." | b"..") {
        return Err(Error::new(format!("`{path}` takes nothing away that has a name")));
    }
    Ok(Some(Whiteout::Path(folder.join(gone)?)))
}
