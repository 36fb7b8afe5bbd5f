//! Locks. What is read and rendered must be read the same.
#![no_main]

use std::path::Path;

use bareboat_build::lock::Lock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = Path::new("bareboat.lock");
    let Ok(lock) = Lock::parse(text, file) else { return };
    let rendered = lock.render();
    let again = Lock::parse(&rendered, file).expect("a rendered lock is a lock");
    assert_eq!(again, lock);
    assert_eq!(again.render(), rendered);
});
