//! The listings of all layers on one another: what the image is, and what each layer did.

use std::collections::HashMap;

use bareboat_formats::oci::Descriptor;
use bareboat_formats::overlay::{self, Overlay};
use bareboat_formats::whiteout::Whiteout;
use bareboat_model::{Context, Digest, Error, ImagePath, Result};

use super::changes::Names;
use super::listing::{Entry, Kind, Listing};
use super::{At, Layer, Node, View};

/// What the overlay holds: a [`Node`] and what mounting has to know of it.
#[derive(Clone)]
struct Mounted {
    node: Node,
    what: What,
}

#[derive(Clone)]
enum What {
    Directory,
    Link(Vec<u8>),
    Other,
}

impl overlay::Node for Mounted {
    fn is_directory(&self) -> bool {
        matches!(self.what, What::Directory)
    }

    fn link(&self) -> Option<&[u8]> {
        match &self.what {
            What::Link(target) => Some(target),
            _ => None,
        }
    }

    fn implied(layer: usize) -> Self {
        let layer = layer as u32;
        Self { node: Node { layer, at: At { layer, entry: None } }, what: What::Directory }
    }
}

/// Puts the layers on one another.
///
/// # Errors
/// When they cannot be mounted: links lead in a circle, or a hard link names nothing.
pub(super) fn view(listings: impl Iterator<Item = (Descriptor, Digest, Listing)>) -> Result<View> {
    let mut overlay: Overlay<Mounted> = Overlay::new();
    let mut layers: Vec<Layer> = Vec::new();
    let mut names = Names::default();
    for (number, (descriptor, diff_id, listing)) in listings.enumerate() {
        // Where links lead elsewhere than the layer says.
        let mut places = HashMap::new();
        for (index, entry) in listing.entries.iter().enumerate() {
            let at = At { layer: number as u32, entry: Some(index as u32) };
            let place = put(&mut overlay, entry, at).context(|| {
                format!(
                    "cannot put `{}` of layer {} ({}) in place",
                    entry.path,
                    number + 1,
                    descriptor.digest
                )
            })?;
            if let Some(place) = place.filter(|place| *place != entry.path) {
                places.insert(index as u32, place);
            }
        }
        let touched = overlay.end_layer();
        layers.push(Layer { descriptor, diff_id, listing, changes: Vec::new(), lost: Vec::new() });
        let touched = touched.into_iter().map(|(path, before)| {
            let after = overlay.get(&path).map(|now| now.node);
            (path, before.map(|before| before.node), after)
        });
        names.end_layer(&mut layers, touched, &places);
    }
    let files = overlay.into_nodes().into_iter().map(|(path, mounted)| (path, mounted.node)).collect();
    Ok(View { layers, files })
}

/// Gives the place where the entry is now; none if it is a whiteout.
fn put(overlay: &mut Overlay<Mounted>, entry: &Entry, at: At) -> Result<Option<ImagePath>> {
    let what = match &entry.kind {
        Kind::Whiteout => return overlay.take_away(&Whiteout::Path(entry.path.clone())).map(|()| None),
        Kind::Opaque => return overlay.take_away(&Whiteout::Below(entry.path.clone())).map(|()| None),
        Kind::HardLink(target) => return link(overlay, &entry.path, target, at.layer).map(Some),
        Kind::Directory => What::Directory,
        Kind::Symlink(target) => What::Link(target.clone()),
        Kind::File { .. } | Kind::Device | Kind::Pipe => What::Other,
    };
    overlay.put(&entry.path, Mounted { node: Node { layer: at.layer, at }, what }).map(Some)
}

/// Gives what is at `target` another name.
fn link(
    overlay: &mut Overlay<Mounted>,
    path: &ImagePath,
    target: &ImagePath,
    layer: u32,
) -> Result<ImagePath> {
    let original = overlay.real(target)?;
    let found = overlay.get(&original).filter(|node| !overlay::Node::is_directory(*node)).cloned();
    let missing = || Error::new(format!("it is a hard link to `{target}`, which is no file"));
    let mut mounted = found.ok_or_else(missing)?;
    if overlay.real(path)? == original {
        return Ok(original);
    }
    mounted.node.layer = layer;
    overlay.put(path, mounted)
}
