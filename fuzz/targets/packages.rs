//! Packages indexes, with the relations in them.
#![no_main]

use bareboat_formats::packages::parse;
use bareboat_model::parse_relations;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for package in parse(text).take_while(Result::is_ok).flatten() {
        assert!(!package.path.starts_with('/') && package.path.split('/').all(|name| name != ".."));
        for relations in
            [package.pre_depends, package.depends, package.provides, package.conflicts, package.breaks]
        {
            let _ = parse_relations(relations);
        }
    }
});
