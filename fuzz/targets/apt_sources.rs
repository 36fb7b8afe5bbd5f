//! APT's source lists in both formats.
#![no_main]

use bareboat_formats::apt_sources::{parse_list, parse_sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for source in [parse_list(text), parse_sources(text)].into_iter().flatten().flatten() {
        assert!(!source.uris.is_empty() && !source.suites.is_empty());
        assert!(source.line <= text.lines().count());
    }
});
