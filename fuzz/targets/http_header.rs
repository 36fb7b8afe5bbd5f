//! Headers of registries, and the manifests behind them.
#![no_main]

use bareboat_formats::http_header::{Challenge, challenge, next_link};
use bareboat_formats::oci::{ImageConfig, Index, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (Manifest::parse(bytes), Index::parse(bytes), ImageConfig::parse(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(Challenge::Bearer { realm, .. }) = challenge(text.lines()) {
        assert!(!realm.is_empty());
    }
    assert!(next_link(text).is_none_or(|next| text.contains(next)));
});
