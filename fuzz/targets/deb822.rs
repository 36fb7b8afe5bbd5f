//! Debian control syntax, with and without comments.
#![no_main]

use bareboat_formats::deb822::{parse, parse_with_comments, single};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for stanza in parse(text).take_while(Result::is_ok).flatten() {
        assert!(text.contains(stanza.raw()));
        assert!(stanza.line() <= text.lines().count());
        for field in stanza.fields() {
            assert_eq!(stanza.get(field.name), Some(field.value));
            let _ = field.lines().count();
        }
        // A stanza by itself says the same.
        let again = single(stanza.raw()).expect("a stanza that was read once is read again");
        assert_eq!(again.fields().len(), stanza.fields().len());
    }
    let _ = parse_with_comments(text).take_while(Result::is_ok).count();
});
