//! Test files of container-structure-test, in YAML or JSON, and Go's regular expressions in them.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = bareboat_audit::structure::parse(text, Path::new("test.yaml"));
});
