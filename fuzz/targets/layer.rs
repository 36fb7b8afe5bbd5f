//! A layer on another one, looked into: whiteouts, links, what it replaces and wastes, in text and with dive's numbers.
#![no_main]

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bareboat_audit::inspect::{self, Options};
use bareboat_audit::view::{self, Layers};
use bareboat_formats::oci::{Descriptor, ImageConfig};
use bareboat_io::store::{Keep, Store};
use bareboat_model::{Digest, Result, Silent};
use bareboat_testkit::Tree;
use libfuzzer_sys::fuzz_target;

const BELOW: &str = "/usr/ 0755\n/usr/bin/ 0755\n/usr/bin/hello 0755 \"hi\"\n/bin -> usr/bin\n/usr/bin/hi => /usr/bin/hello\n/a/ 0755\n/a/b \"x\"\n";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

struct Blobs(BTreeMap<Digest, Vec<u8>>);

impl Layers for Blobs {
    fn open(&self, layer: &Descriptor) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Cursor::new(&self.0[&layer.digest])))
    }
}

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder can be made"));

static ROUNDS: AtomicU64 = AtomicU64::new(0);

fuzz_target!(|bytes: &[u8]| {
    let store = Store::open(FOLDER.path()).expect("the store can be opened");
    let below = Tree::parse(BELOW).to_tar(0);
    let layers: Vec<_> = [&below[..], bytes].map(|tar| (Descriptor::of(TAR, tar), Digest::of(tar))).into();
    let blobs = Blobs([(layers[0].0.digest, below.clone()), (layers[1].0.digest, bytes.to_vec())].into());
    if let Ok(view) = view::read(&layers, &blobs, &store, 1, &Silent) {
        let config = ImageConfig::parse(br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#);
        let options = Options { top: 10, packages: true, dive: true, ..Options::default() };
        let packages = view.packages();
        let config = config.expect("a config");
        inspect::inspect("image", Digest::of(b""), &config, &view, &packages, &options).expect("no base was named");
    }
    // Listings of what is never seen again.
    if ROUNDS.fetch_add(1, Ordering::Relaxed) % 500 == 0 {
        store.clean(Keep::NOTHING, false).expect("the store can be cleaned");
    }
});
