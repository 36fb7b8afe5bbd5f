//! The loader's cache. What is read and written settles after one round.
#![no_main]

use bareboat_formats::ld_so_cache::{parse, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(cache) = parse(bytes) else { return };
    let generator = cache.generator.as_deref();
    let written = write(&cache.libraries, generator).expect("names that were read can be written");
    let again = parse(&written).expect("what was written can be read");
    assert_eq!(again.libraries.len(), cache.libraries.len());
    assert_eq!(again.generator, cache.generator);
    assert_eq!(write(&again.libraries, generator).expect("written once"), written);
});
