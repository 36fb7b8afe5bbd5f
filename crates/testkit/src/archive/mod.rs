//! A signed Debian archive in memory: suites with their packages become the files of a mirror.

mod release;

use bareboat_model::{Digest, Timestamp};
use md5::Digest as _;

use crate::{Compression, Deb, Files, Key};

/// Several suites that share one pool, as a mirror's top folder has them.
///
/// ```
/// use bareboat_testkit::{Archive, DebBuilder, Suite};
/// let hello = DebBuilder::new("hello", "1.0").tree("/usr/bin/hello 0755 \"hi\"").build();
/// let files = Archive::new().suite(Suite::new("trixie").package(&hello)).build();
/// assert!(files.contains_key("dists/trixie/InRelease"));
/// assert!(files.contains_key("pool/main/h/hello/hello_1.0_all.deb"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Archive {
    suites: Vec<Suite>,
}

/// One suite: what its Release says, who signs it, and what is in it.
#[derive(Clone, Debug)]
pub struct Suite {
    folder: String,
    name: String,
    codename: String,
    label: String,
    date: Timestamp,
    valid_until: Option<Timestamp>,
    keys: Vec<Key>,
    in_release: bool,
    by_hash: bool,
    all_apart: bool,
    compressions: Vec<Compression>,
    architectures: Vec<String>,
    component: String,
    entries: Vec<IndexEntry>,
}

/// A package and the stanza that the index has of it.
#[derive(Clone, Debug)]
struct IndexEntry {
    component: String,
    deb: Deb,
    stanza: String,
}

impl Archive {
    /// An archive without suites.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a suite.
    #[must_use]
    pub fn suite(mut self, suite: Suite) -> Self {
        self.suites.push(suite);
        self
    }

    /// The files of the mirror: `dists/…` and `pool/…`.
    pub fn build(&self) -> Files {
        let mut files = Files::new();
        for suite in &self.suites {
            for entry in &suite.entries {
                files.insert(entry.deb.pool_path(&entry.component), entry.deb.bytes.clone());
            }
            let dists = suite.dists();
            files.extend(
                dists.into_iter().map(|(path, bytes)| (format!("dists/{}/{path}", suite.folder), bytes)),
            );
        }
        files
    }
}

impl Suite {
    /// An empty suite for amd64 and arm64, signed by [`Key::archive`] on [`release_date`](crate::release_date), with
    /// `.xz` and `.gz` indexes, by-hash paths and no Valid-Until. `folder` is its name below `dists/`;
    /// `Suite`, `Codename` and `Label` are derived from it as Debian does.
    pub fn new(folder: &str) -> Self {
        let label = if folder.ends_with("-security") { "Debian-Security" } else { "Debian" };
        Self {
            folder: folder.to_owned(),
            name: folder.replace("trixie", "stable").replace("bookworm", "oldstable"),
            codename: folder.to_owned(),
            label: label.to_owned(),
            date: crate::release_date(),
            valid_until: None,
            keys: vec![Key::archive()],
            in_release: true,
            by_hash: true,
            all_apart: false,
            compressions: vec![Compression::Xz, Compression::Gz],
            architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
            component: "main".to_owned(),
            entries: Vec::new(),
        }
    }

    /// The `Codename` field, for a mirror that serves something else than its path says.
    #[must_use]
    pub fn codename(mut self, codename: &str) -> Self {
        codename.clone_into(&mut self.codename);
        self
    }

    /// The `Suite` field, such as `stable`.
    #[must_use]
    pub fn suite_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The `Date` field and the date of the signature.
    #[must_use]
    pub fn date(mut self, date: Timestamp) -> Self {
        self.date = date;
        self
    }

    /// Adds a `Valid-Until` field.
    #[must_use]
    pub fn valid_until(mut self, moment: Timestamp) -> Self {
        self.valid_until = Some(moment);
        self
    }

    /// Signed by all of `keys` instead of [`Key::archive`]. With no key there is only a bare `Release`.
    /// `Release.gpg` is by the first key.
    #[must_use]
    pub fn signed_by(mut self, keys: &[Key]) -> Self {
        self.keys = keys.to_vec();
        self
    }

    /// Leaves `InRelease` out, so that only `Release` with `Release.gpg` is there.
    #[must_use]
    pub fn without_in_release(mut self) -> Self {
        self.in_release = false;
        self
    }

    /// Leaves the by-hash paths and `Acquire-By-Hash` out.
    #[must_use]
    pub fn without_by_hash(mut self) -> Self {
        self.by_hash = false;
        self
    }

    /// Puts packages of architecture `all` into `binary-all` only. Debian has them in each
    /// architecture's index as well and says so by `No-Support-for-Architecture-all`.
    #[must_use]
    pub fn all_apart(mut self) -> Self {
        self.all_apart = true;
        self
    }

    /// In which forms each index is there. The plain one is listed in any case, as Debian does.
    #[must_use]
    pub fn compressions(mut self, compressions: &[Compression]) -> Self {
        self.compressions = compressions.to_vec();
        self
    }

    /// For which architectures there are indexes, `all` not counted.
    #[must_use]
    pub fn architectures(mut self, architectures: &[&str]) -> Self {
        self.architectures = architectures.iter().map(|&arch| arch.to_owned()).collect();
        self
    }

    /// The component that packages added from now on belong to; `main` before.
    #[must_use]
    pub fn component(mut self, component: &str) -> Self {
        component.clone_into(&mut self.component);
        self
    }

    /// Adds a package.
    #[must_use]
    pub fn package(self, deb: &Deb) -> Self {
        self.package_listed_as(deb, str::to_owned)
    }

    /// Adds several packages.
    #[must_use]
    pub fn packages<'a>(self, debs: impl IntoIterator<Item = &'a Deb>) -> Self {
        debs.into_iter().fold(self, Self::package)
    }

    /// Adds a package with an edited stanza in the index: an index that lies.
    #[must_use]
    pub fn package_listed_as(mut self, deb: &Deb, edit: impl FnOnce(&str) -> String) -> Self {
        let stanza = edit(&stanza(deb, &self.component));
        self.entries.push(IndexEntry { component: self.component.clone(), deb: deb.clone(), stanza });
        self
    }

    /// Everything below `dists/FOLDER/`.
    fn dists(&self) -> Files {
        let mut indexes = Files::new();
        for component in self.components() {
            for arch in self.architectures.iter().map(String::as_str).chain(["all"]) {
                let path = format!("{component}/binary-{arch}/Packages");
                indexes.insert(path, self.index(&component, arch).into_bytes());
            }
        }
        let mut listed = Files::new();
        for (path, bytes) in indexes {
            for &compression in
                self.compressions.iter().filter(|&&compression| compression != Compression::None)
            {
                listed.insert(format!("{path}{}", compression.extension()), compression.compress(&bytes));
            }
            listed.insert(path, bytes);
        }
        for component in self.components() {
            for arch in &self.architectures {
                let contents = Compression::Gz.compress(self.contents(&component, arch).as_bytes());
                listed.insert(format!("{component}/Contents-{arch}.gz"), contents);
            }
        }
        let mut files = self.signed(&release::text(self, &listed));
        let plain = self.compressions.contains(&Compression::None);
        let served = listed.into_iter().filter(|(path, _)| plain || !path.ends_with("/Packages"));
        for (path, bytes) in served {
            if self.by_hash {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let by_hash = format!("{folder}/by-hash/SHA256/{}", Digest::of(&bytes).hex());
                files.insert(by_hash, bytes.clone());
            }
            files.insert(path, bytes);
        }
        files
    }

    fn signed(&self, release: &str) -> Files {
        let mut files = Files::from_iter([("Release".to_owned(), release.as_bytes().to_vec())]);
        if let Some(key) = self.keys.first() {
            files.insert("Release.gpg".to_owned(), key.detached(release, self.date));
            if self.in_release {
                let keys: Vec<&Key> = self.keys.iter().collect();
                files.insert("InRelease".to_owned(), crate::keys::clearsign(release, &keys, self.date));
            }
        }
        files
    }

    fn components(&self) -> Vec<String> {
        let mut components: Vec<String> = self.entries.iter().map(|entry| entry.component.clone()).collect();
        components.push("main".to_owned());
        components.sort();
        components.dedup();
        components
    }

    /// Which packages have which files.
    fn contents(&self, component: &str, arch: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.component == component) {
            if entry.deb.arch == arch || entry.deb.arch == "all" {
                let line = |path: &String| format!("{path}\ttests/{}\n", entry.deb.name);
                lines.extend(entry.deb.paths.iter().map(line));
            }
        }
        lines.sort();
        lines.concat()
    }

    fn index(&self, component: &str, arch: &str) -> String {
        let belongs = |deb: &Deb| deb.arch == arch || (deb.arch == "all" && !self.all_apart);
        let mut entries: Vec<&IndexEntry> =
            self.entries.iter().filter(|entry| entry.component == component && belongs(&entry.deb)).collect();
        entries.sort_by_key(|entry| (&entry.deb.name, &entry.deb.version));
        entries.iter().map(|entry| format!("{}\n", entry.stanza)).collect()
    }
}

/// What a `Packages` file says of a package: its control fields, and where and what its file is.
fn stanza(deb: &Deb, component: &str) -> String {
    let md5: String = md5::Md5::digest(&deb.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}Filename: {}\nSize: {}\nMD5sum: {md5}\nSHA256: {}\n",
        deb.control,
        deb.pool_path(component),
        deb.bytes.len(),
        Digest::of(&deb.bytes).hex()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DebBuilder;

    fn text<'a>(files: &'a Files, path: &str) -> &'a str {
        std::str::from_utf8(files.get(path).unwrap_or_else(|| panic!("no {path}"))).unwrap()
    }

    #[test]
    fn packages_of_all_architectures_are_in_every_index_unless_told_otherwise() {
        let data = DebBuilder::new("data", "1").build();
        let both = Suite::new("trixie").compressions(&[Compression::None]).package(&data);
        let path = |arch: &str| format!("dists/trixie/main/binary-{arch}/Packages");
        let files = Archive::new().suite(both.clone()).build();
        for arch in ["amd64", "arm64", "all"] {
            assert!(text(&files, &path(arch)).contains("Package: data"), "{arch}");
        }
        let files = Archive::new().suite(both.all_apart()).build();
        assert_eq!(text(&files, &path("amd64")), "");
        assert!(text(&files, &path("all")).contains("Package: data"));
    }

    #[test]
    fn every_index_is_served_under_its_hash_too() {
        let files = Archive::new().suite(Suite::new("trixie")).build();
        let bytes = &files["dists/trixie/main/binary-amd64/Packages.xz"];
        let by_hash = format!("dists/trixie/main/binary-amd64/by-hash/SHA256/{}", Digest::of(bytes).hex());
        assert_eq!(files[&by_hash], *bytes);
    }

    #[test]
    fn an_edited_stanza_leaves_the_package_as_it_is() {
        let deb = DebBuilder::new("a", "1").build();
        let suite = Suite::new("trixie")
            .compressions(&[Compression::None])
            .package_listed_as(&deb, |stanza| stanza.replace("Size: ", "Size: 9"));
        let files = Archive::new().suite(suite).build();
        assert_eq!(files["pool/main/a/a/a_1_all.deb"], deb.bytes);
        let index = text(&files, "dists/trixie/main/binary-amd64/Packages");
        assert!(index.contains(&format!("\nSize: 9{}\n", deb.bytes.len())));
    }

    #[test]
    fn an_unsigned_suite_has_a_bare_release() {
        let files = Archive::new().suite(Suite::new("trixie").signed_by(&[])).build();
        assert!(files.contains_key("dists/trixie/Release"));
        assert!(!files.contains_key("dists/trixie/Release.gpg"));
        assert!(!files.contains_key("dists/trixie/InRelease"));
    }
}
