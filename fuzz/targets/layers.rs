//! Two layers on one another: what they carry is in the image or lost, and all that is told of them can be told.
#![no_main]

use bareboat_audit::inspect::{self, Options};
use bareboat_audit::view::{Kind, Listing, View};
use bareboat_formats::oci::{Descriptor, ImageConfig, LAYER};
use bareboat_formats::tar::Limits;
use bareboat_fuzz::with_right_sums;
use bareboat_model::Digest;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { members: 500, unpacked: 4 << 20 };

fuzz_target!(|bytes: &[u8]| {
    // The first two bytes say where the second layer begins.
    let Some((at, bytes)) = bytes.split_first_chunk::<2>() else { return };
    let (lower, upper) = bytes.split_at(usize::from(u16::from_le_bytes(*at)).min(bytes.len()));
    let layers = [lower, upper].map(with_right_sums).into_iter().filter_map(|tar| {
        Some((Descriptor::of(LAYER, &tar), Digest::of(&tar), Listing::of_tar(&*tar, &LIMITS).ok()?))
    });
    let Ok(view) = View::of_listings(layers.collect()) else { return };
    let carried: u64 = view.layers.iter().map(|layer| layer.listing.size()).sum();
    let lost: u64 = view.layers.iter().flat_map(|layer| &layer.lost).map(|lost| lost.size).sum();
    assert_eq!(carried, view.size() + lost);
    for (path, item) in view.files() {
        assert!(path.components().all(|name| name != b".." && !name.is_empty()));
        if let Some(parent) = path.parent() {
            assert!(view.get(&parent).is_some(), "{path} lies in nothing");
        }
        assert!(!matches!(item.entry.kind, Kind::Whiteout));
    }
    let packages = view.packages();
    let options = Options { dive: true, top: 5, ..Options::default() };
    let config = ImageConfig::default();
    let told = inspect::inspect("image", Digest::of(b""), &config, &view, &packages, &options)
        .expect("without a base, nothing can fail");
    let page = inspect::html(&told, &view, &packages, |bytes| bytes.to_string()).expect("a page is written");
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
});
