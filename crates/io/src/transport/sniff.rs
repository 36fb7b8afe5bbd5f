//! What a file or folder is, for whoever named it without its transport.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::files::Files;
use super::layout::INDEX_FILE;

/// Where a tar header says what it is (POSIX.1-1988, "ustar Interchange Format").
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");

/// The transport that reads what is at `path`; none if there is nothing, or no image.
pub fn sniff(path: &Path) -> Option<&'static str> {
    let data = std::fs::metadata(path).ok()?;
    if data.is_dir() {
        return path.join(INDEX_FILE).is_file().then_some("oci");
    }
    if !data.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let mut start = Vec::new();
    (&file).take(512).read_to_end(&mut start).ok()?;
    if !start.get(TAR_MAGIC.0..)?.starts_with(TAR_MAGIC.1) {
        return None;
    }
    let files = Files::unnamed(&file).ok()?;
    let has = |name: &str| files.size(name).is_some();
    match (has("manifest.json"), has(INDEX_FILE)) {
        (true, _) => Some("docker-archive"),
        (false, true) => Some("oci-archive"),
        (false, false) => None,
    }
}
