//! ELF files, as the dynamic linker sees them.
#![no_main]

use bareboat_formats::elf::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse(bytes);
});
