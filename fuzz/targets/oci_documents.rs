//! Manifests, indexes and configs. What is read and written must be read the same, unknown fields and all.
#![no_main]

use bareboat_formats::oci::{ImageConfig, Index, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes) {
        let written = manifest.to_bytes().expect("what was read can be written");
        assert_eq!(Manifest::parse(&written).expect("a written manifest is one"), manifest);
        assert!(Index::parse(bytes).is_err(), "a manifest and an index at once");
    }
    if let Ok(index) = Index::parse(bytes) {
        let written = index.to_bytes().expect("what was read can be written");
        assert_eq!(Index::parse(&written).expect("a written index is one"), index);
    }
    if let Ok(config) = ImageConfig::parse(bytes) {
        let written = config.to_bytes().expect("what was read can be written");
        assert_eq!(ImageConfig::parse(&written).expect("a written config is one"), config);
    }
});
