//! What tells of packages in an image: each kind of file, by the first byte.
#![no_main]

use bareboat_audit::packages::interest;
use bareboat_model::ImagePath;
use libfuzzer_sys::fuzz_target;

/// A path of each kind. Seeds are named after the places in this list.
const PATHS: [&str; 14] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/a:amd64.list",
    "var/lib/dpkg/status.d/a.md5sums",
    "lib/apk/db/installed",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "p/a-1.dist-info/METADATA",
    "p/a-1.dist-info/RECORD",
    "node_modules/a/package.json",
    "a.jar",
    "vendor/x/composer/installed.json",
    "a.deps.json",
    "bin/program",
    "p/a-1.egg-info",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, mut content)) = bytes.split_first() else { return };
    let path = PATHS[usize::from(*kind) % PATHS.len()];
    let path = ImagePath::parse(path.as_bytes()).expect("a path");
    let reader = interest(&path, 0o755, 1 << 20).expect("a file of interest");
    let found = reader.read(&mut content);
    // What is found can be kept, and is the same when it is read back.
    let json = serde_json::to_vec(&found).expect("JSON");
    let back: bareboat_audit::packages::Found = serde_json::from_slice(&json).expect("what was written");
    assert_eq!(back, found);
});
