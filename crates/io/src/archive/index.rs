//! Package indexes: the smallest form that the Release file names, fetched by hash, verified, and unpacked.

use std::io::{BufReader, Read, Write};

use bareboat_formats::compress::{Compression, Limited, decoder};
use bareboat_formats::release::IndexFile;
use bareboat_model::{Arch, Context, Digest, Error, Progress, Result, escape};

use super::release::{Suite, shown};
use crate::http::{Download, Fetched, Http};
use crate::store::Store;

/// The forms that an index may be served in, the smallest first. Debian's mirrors do not have the plain one,
/// although the Release file names it.
const FORMS: [(&str, Compression); 4] = [
    (".xz", Compression::Xz),
    (".zst", Compression::Zstd),
    (".gz", Compression::Gzip),
    ("", Compression::None),
];

/// Debian's largest has 55 MB.
const LARGEST: u64 = 512 << 20;

const ENTRY: &str = "index";
/// An index that is kept as it is served.
const PACKED: &str = "packed-index";
const PACKAGES: &str = "Packages";

/// The text of the `Packages` index of one component for one architecture, with what is for all
/// architectures.
///
/// # Errors
/// When the suite has no such index, or it cannot be fetched or is not what the Release file says.
pub fn fetch_index(
    http: &Http,
    store: &Store,
    suite: &Suite,
    component: &str,
    arch: Arch,
    progress: &dyn Progress,
) -> Result<String> {
    let failing =
        || format!("cannot use the {} index of `{}` in {}", arch.debian(), escape(component), suite.archive);
    let mut text = Vec::new();
    for architecture in architectures(suite, component, arch).context(failing)? {
        let folder = format!("{component}/binary-{architecture}");
        let part = Index { http, store, suite, folder, name: PACKAGES.to_owned() }
            .fetch(progress)
            .context(failing)?;
        if text.is_empty() {
            text = part;
        } else {
            text.extend_from_slice(b"\n\n");
            text.extend_from_slice(&part);
        }
    }
    String::from_utf8(text)
        .map_err(|error| Error::new(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to())))
        .context(failing)
}

/// Whose indexes to read. An archive lists the packages for all architectures in an index of their own only
/// if it counts `all` among its architectures and does not say otherwise, as Debian does
/// (`No-Support-for-Architecture-all`). Debian's security archive names such an index, does not count `all`,
/// and has everything in the others.
fn architectures(suite: &Suite, component: &str, arch: Arch) -> Result<Vec<&'static str>> {
    let release = &suite.release;
    let has = |architecture: &str| {
        let name = format!("{component}/binary-{architecture}/Packages");
        FORMS.iter().any(|(end, _)| release.files.contains_key(&format!("{name}{end}")))
    };
    let counts_all = release.architectures.iter().any(|one| one == "all");
    let all_apart = counts_all && !release.no_support_for_architecture_all;
    let mut found = Vec::new();
    if has(arch.debian()) {
        found.push(arch.debian());
    }
    if has("all") && (all_apart || found.is_empty()) {
        found.push("all");
    }
    if found.is_empty() {
        let known = |names: &[String]| escape(&names.join(", "));
        return Err(Error::new(format!(
            "{} lists none; it has the components {} and the architectures {}",
            shown(&suite.archive),
            known(&release.components),
            known(&release.architectures)
        )));
    }
    Ok(found)
}

/// One index file.
pub(super) struct Index<'a> {
    pub(super) http: &'a Http,
    pub(super) store: &'a Store,
    pub(super) suite: &'a Suite,
    /// Such as `main/binary-amd64`.
    pub(super) folder: String,
    /// Such as `Packages`.
    pub(super) name: String,
}

impl Index<'_> {
    fn fetch(&self, progress: &dyn Progress) -> Result<Vec<u8>> {
        let plain = self.listed("");
        if let Some(text) = self.unpacked_before(plain)? {
            return Ok(text);
        }
        let (end, compression, file) =
            self.smallest().ok_or_else(|| Error::new("the Release file does not list it"))?;
        let _guard = self.store.lock("download", &file.sha256)?;
        // The one who held the lock before may have fetched it.
        if let Some(text) = self.unpacked_before(plain)? {
            return Ok(text);
        }
        plain.iter().chain([&file]).try_for_each(check_size)?;
        let bytes = self.download(end, &file, progress)?;
        let text = unpack(compression, &bytes, plain.map_or(LARGEST, |plain| plain.size))?;
        if let Some(plain) = plain {
            self.check_unpacked(&plain, &text)?;
            self.store.write_entry(ENTRY, &plain.sha256, |file| Ok(file.write_all(&text)?))?;
        }
        Ok(text)
    }

    /// The index as it is served, verified; none when the suite has no such index.
    pub(super) fn packed(&self, progress: &dyn Progress) -> Result<Option<(Compression, Vec<u8>)>> {
        let Some((end, compression, file)) = self.smallest() else { return Ok(None) };
        check_size(&file)?;
        let _guard = self.store.lock("download", &file.sha256)?;
        if let Some(bytes) =
            self.store.read_entry(PACKED, &file.sha256)?.filter(|it| Digest::of(it) == file.sha256)
        {
            return Ok(Some((compression, bytes)));
        }
        let bytes = self.download(end, &file, progress)?;
        self.store.write_entry(PACKED, &file.sha256, |file| Ok(file.write_all(&bytes)?))?;
        Ok(Some((compression, bytes)))
    }

    fn smallest(&self) -> Option<(&'static str, Compression, IndexFile)> {
        FORMS.iter().find_map(|&(end, compression)| Some((end, compression, self.listed(end)?)))
    }

    fn listed(&self, end: &str) -> Option<IndexFile> {
        self.suite.release.files.get(&format!("{}/{}{end}", self.folder, self.name)).copied()
    }

    /// Unpacking Debian's largest takes half a second; hashing it a tenth of that.
    fn unpacked_before(&self, plain: Option<IndexFile>) -> Result<Option<Vec<u8>>> {
        let Some(plain) = plain else { return Ok(None) };
        let text = self.store.read_entry(ENTRY, &plain.sha256)?;
        Ok(text.filter(|text| Digest::of(text) == plain.sha256))
    }

    fn check_unpacked(&self, plain: &IndexFile, text: &[u8]) -> Result<()> {
        let found = Digest::of(text);
        if found == plain.sha256 {
            return Ok(());
        }
        let name = format!("{}/{}", self.folder, self.name);
        Err(Error::new(format!("expected {} for `{name}`, found {found}", plain.sha256)))
    }

    /// The bytes as they are served. They are not kept once they are unpacked.
    fn download(&self, end: &str, file: &IndexFile, progress: &dyn Progress) -> Result<Vec<u8>> {
        let partial = self.store.partial(&file.sha256)?;
        let bar = progress.begin(
            &format!("downloading the index of {}", escape(&self.suite.archive.suite)),
            Some(file.size),
        );
        for url in self.urls(end, file) {
            let wanted = Download { url: &url, size: file.size, digest: file.sha256, partial: &partial };
            if self.http.download(&wanted, &*bar)? == Fetched::Found {
                let bytes =
                    std::fs::read(&partial).context(|| format!("cannot read `{}`", partial.display()))?;
                // Best effort: what stays is swept by a later run.
                let _ = std::fs::remove_file(&partial);
                return Ok(bytes);
            }
        }
        let name = format!("{}/{}{end}", self.folder, self.name);
        Err(Error::new(format!("the mirror lacks `{}`, which its Release file lists", escape(&name)))
            .with_hint("the mirror may be in the middle of an update: try again in some minutes"))
    }

    /// By hash first, as a mirror's update cannot pull that away between Release and index. Some mirrors say
    /// that they have it and do not.
    fn urls(&self, end: &str, file: &IndexFile) -> Vec<String> {
        let archive = &self.suite.archive;
        let by_hash = format!("{}/by-hash/SHA256/{}", self.folder, file.sha256.hex());
        let by_name = format!("{}/{}{end}", self.folder, self.name);
        let by_hash = self.suite.release.acquire_by_hash.then(|| archive.in_suite(&by_hash));
        by_hash.into_iter().chain([archive.in_suite(&by_name)]).collect()
    }
}

fn check_size(listed: &IndexFile) -> Result<()> {
    match listed.size {
        size if size > LARGEST => Err(Error::new(format!("it has {size} bytes, expected at most {LARGEST}"))),
        _ => Ok(()),
    }
}

fn unpack(compression: Compression, bytes: &[u8], limit: u64) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(usize::try_from(limit.min(128 << 20)).unwrap_or_default());
    Limited::new(decoder(compression, BufReader::new(bytes))?, limit).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use bareboat_formats::openpgp::Keyring;
    use bareboat_formats::release::Release;

    use super::*;
    use crate::archive::Archive;

    fn suite(fields: &str, folders: &[&str]) -> Suite {
        let lines: String = folders
            .iter()
            .map(|folder| format!(" {} 0 main/binary-{folder}/Packages.xz\n", Digest::of(b"").hex()))
            .collect();
        let text = format!("{fields}Date: Sat, 15 Nov 2025 10:00:00 UTC\nSHA256:\n{lines}");
        let archive = Archive {
            name: "debian".into(),
            mirror: "http://mirror.test".into(),
            suite: "trixie".into(),
            components: vec!["main".into()],
            keyring: Keyring::debian().unwrap(),
            allow_sha1_bindings: false,
        };
        let release = Release::parse(&text).unwrap();
        Suite { archive, release, digest: Digest::of(text.as_bytes()), signers: Vec::new() }
    }

    #[test]
    fn the_index_for_all_is_read_only_where_the_others_lack_it() {
        let all = "Architectures: all amd64\n";
        let debian = "Architectures: all amd64\nNo-Support-for-Architecture-all: Packages\n";
        let security = "Architectures: amd64\n";
        for (fields, folders, expected) in [
            (all, &["all", "amd64"][..], &["amd64", "all"][..]),
            (all, &["amd64"], &["amd64"]),
            (debian, &["all", "amd64"], &["amd64"]),
            (security, &["all", "amd64"], &["amd64"]),
            (security, &["all"], &["all"]),
            (security, &["arm64"], &[]),
        ] {
            let found = architectures(&suite(fields, folders), "main", Arch::Amd64);
            assert_eq!(found.unwrap_or_default(), expected, "{fields} {folders:?}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        use bareboat_formats::compress::{LayerCompression, layer_encoder};
        let mut encoder = layer_encoder(LayerCompression::Gzip { level: 9 }, 1, Vec::new()).unwrap();
        std::io::copy(&mut std::io::repeat(0).take(1 << 20), &mut encoder).unwrap();
        let error = unpack(Compression::Gzip, &encoder.finish().unwrap(), 1 << 19).unwrap_err();
        assert_eq!(error.to_string(), "unpacks to more than 524288 bytes");
    }
}
