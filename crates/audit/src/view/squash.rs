//! The listings of all layers on one another: what the image is, and what each layer did.

use std::collections::HashMap;

use bareboat_formats::oci::Descriptor;
use bareboat_formats::overlay::{self, Did, Overlay, Placed};
use bareboat_model::{Context, Digest, ImagePath, Result};

use super::changes::Names;
use super::listing::{Entry, IMPLIED, Listing};
use super::{At, Layer, Node, View};

/// What the overlay holds: an entry, and where it is.
#[derive(Clone)]
struct Mounted<'a> {
    entry: &'a Entry,
    at: At,
}

impl overlay::Node for Mounted<'_> {
    fn is_directory(&self) -> bool {
        self.entry.kind.is_directory()
    }

    fn link(&self) -> Option<&[u8]> {
        self.entry.kind.link()
    }

    fn implied(layer: usize) -> Self {
        Self { entry: &IMPLIED, at: At { layer: layer as u32, entry: None } }
    }
}

/// Puts the layers on one another, which takes at most `memory` bytes more.
///
/// # Errors
/// When they cannot be mounted (links lead in a circle, or a hard link names nothing), or hold too much.
pub(super) fn view(layers: Vec<(Descriptor, Digest, Listing)>, memory: usize) -> Result<View> {
    let (named, listings): (Vec<_>, Vec<_>) =
        layers.into_iter().map(|(descriptor, diff_id, listing)| ((descriptor, diff_id), listing)).unzip();
    let mut overlay = Overlay::new(memory);
    let mut names = Names::of(&listings);
    let mut changes = Vec::new();
    for (number, listing) in listings.iter().enumerate() {
        let places = put_on(&mut overlay, listing, number, &named[number].0)?;
        let touched = overlay.end_layer().into_iter().map(|touched| {
            let after = overlay.get(&touched.path).map(node);
            (touched.path, touched.before.as_ref().map(node), after)
        });
        changes.push(names.end_layer(&listings, number, touched, &places));
    }
    let files = overlay.into_nodes().map(|(path, placed)| (path, node(&placed))).collect();
    let (names, lost) = names.finish();
    let layers = named.into_iter().zip(listings).zip(names).zip(changes).zip(lost);
    let layers = layers.map(|(((((descriptor, diff_id), listing), names), changes), lost)| Layer {
        descriptor,
        diff_id,
        listing,
        names,
        changes,
        lost,
    });
    Ok(View { layers: layers.collect(), files })
}

/// Gives where entries are that links lead elsewhere than the layer says.
fn put_on<'a>(
    overlay: &mut Overlay<Mounted<'a>>,
    listing: &'a Listing,
    number: usize,
    layer: &Descriptor,
) -> Result<HashMap<u32, ImagePath>> {
    let mut places = HashMap::new();
    for (index, entry) in (0..).zip(&listing.entries) {
        let step = overlay.take(entry, Mounted { entry, at: At::new(number, index) }).context(|| {
            format!("cannot put `{}` of layer {} ({}) in place", entry.path, number + 1, layer.digest)
        })?;
        if let Did::Put(place) = step.did
            && place != entry.path
        {
            places.insert(index, place);
        }
    }
    Ok(places)
}

fn node(placed: &Placed<Mounted<'_>>) -> Node {
    Node { layer: placed.layer as u32, at: placed.node.at }
}
