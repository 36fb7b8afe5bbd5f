//! Recipes.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = bareboat_build::recipe::parse(text, Path::new("bareboat.toml"));
});
