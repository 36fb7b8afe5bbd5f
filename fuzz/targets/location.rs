//! Names of images. What is read and written down must be read the same.
#![no_main]

use bareboat_model::{Location, Reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        let written = reference.to_string();
        assert_eq!(written.parse::<Reference>().expect("a written name is a name"), reference);
        assert!(written.len() < text.len() + 64 && !written.contains(char::is_whitespace));
    }
    if let Ok(location) = text.parse::<Location>() {
        assert_eq!(location.to_string().parse::<Location>().expect("a written place is a place"), location);
    }
});
