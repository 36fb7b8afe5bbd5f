//! What tells of packages in an image: databases, manifests, archives, programs. The first line is the path.
#![no_main]

use bareboat_audit::packages::interest;
use bareboat_model::ImagePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return };
    let Ok(path) = ImagePath::parse(&bytes[..end]) else { return };
    let mut content = &bytes[end + 1..];
    if let Some(reader) = interest(&path, 0o755, content.len() as u64) {
        let _ = reader.read(&mut content);
    }
});
