//! How images are named. What is read and shown must be read the same.
#![no_main]

use bareboat_model::{Location, Reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        let shown = reference.to_string();
        assert_eq!(shown.parse::<Reference>().expect("what is shown can be read"), reference, "{shown}");
        assert!(!shown.contains(|c: char| c.is_control() || c.is_whitespace()), "{shown}");
    }
    if let Ok(location) = text.parse::<Location>() {
        let shown = location.to_string();
        assert_eq!(shown.parse::<Location>().expect("what is shown can be read"), location, "{shown}");
    }
});
