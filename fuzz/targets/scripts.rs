//! Shell scripts, and what packages declare in sysusers.d and tmpfiles.d.
#![no_main]

use bareboat_formats::{sh, sysusers_d, tmpfiles_d};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lines = text.lines().count() + 1;
    if let Ok(list) = sh::parse(text) {
        assert!(list.iter().all(|command| (1..=lines).contains(&command.line)));
    }
    let _ = sysusers_d::parse(text);
    let _ = tmpfiles_d::parse(text);
});
