//! What lets a changed byte get further than the first check that every made-up file fails.

use bareboat_model::Digest;

const BLOCK: usize = 512;

/// A tar whose headers, known by their magic, have the checksums that they should have.
pub fn with_right_sums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    for header in tar.chunks_exact_mut(BLOCK).filter(|block| &block[257..262] == b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

/// What stands between the documents of an image in one input.
pub const BETWEEN: &str = "\n====\n";

/// The documents of an image as the files of an archive. Each can name those before it and be right: `@0` becomes the first one's
/// digest and size, as a descriptor has them, and `#0` its path. The last two are the archive's lists.
pub fn archive(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    let parts: Vec<&str> = text.split(BETWEEN).take(8).collect();
    for (number, part) in parts.iter().enumerate() {
        let mut content = (*part).to_owned();
        for (earlier, (path, text)) in files.iter().enumerate() {
            let (digest, size) = (Digest::of(text.as_bytes()), text.len());
            content =
                content.replace(&format!("@{earlier}"), &format!(r#""digest":"{digest}","size":{size}"#));
            content = content.replace(&format!("#{earlier}"), path);
        }
        let path = match parts.len() - number {
            1 => "manifest.json".to_owned(),
            2 => "index.json".to_owned(),
            _ => format!("blobs/sha256/{}", Digest::of(content.as_bytes()).hex()),
        };
        files.push((path, content));
    }
    files
}

/// A tar of such files.
pub fn tar_of(files: &[(String, String)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        for set in [tar::Header::set_uid, tar::Header::set_gid, tar::Header::set_mtime] {
            set(&mut header, 0);
        }
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).expect("a tar in memory");
    }
    tar.into_inner().expect("a tar in memory")
}
