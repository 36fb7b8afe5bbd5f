//! Debian packages: `ar`, the control archive, the data archive in each compression.
#![no_main]

use std::io::{Cursor, Read, Write, sink};

use bareboat_formats::deb::Package;
use bareboat_formats::tar::Limits;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { members: 1000, unpacked: 16 << 20 };

fuzz_target!(|bytes: &[u8]| {
    let Ok(package) = Package::open(Cursor::new(bytes), &LIMITS) else { return };
    let control = package.control().clone();
    let unpacked = package.unpack(|_, content: &mut dyn Read| {
        let copied = std::io::copy(content, &mut sink())?;
        assert!(copied <= LIMITS.unpacked);
        sink().flush()?;
        Ok(())
    });
    if let Ok(after) = unpacked {
        assert_eq!(after, control);
    }
});
