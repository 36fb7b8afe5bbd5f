//! The text of Release files.
#![no_main]

use bareboat_formats::release::Release;
use bareboat_model::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(release) = Release::parse(text) else { return };
    assert!(
        release.files.keys().all(|path| !path.starts_with('/') && path.split('/').all(|name| name != ".."))
    );
    let _ = release.check_dates(Timestamp::from_seconds(1_763_164_800));
});
