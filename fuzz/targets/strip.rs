//! Stripping: every loaded byte stays, and a stripped file has nothing more to strip.
#![no_main]

use std::borrow::Cow;

use bareboat_formats::elf::{loaded_bytes_are_identical, parse, strip};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Cow::Owned(stripped)) = strip(bytes) else { return };
    assert!(stripped.len() < bytes.len());
    loaded_bytes_are_identical(bytes, &stripped).expect("loaded bytes stay");
    assert_eq!(parse(bytes), parse(&stripped), "the dynamic linker sees the same");
    // A section header table inside the loaded part was copied with it; its successor is behind.
    assert!(matches!(strip(&stripped), Ok(Cow::Borrowed(_))));
});
