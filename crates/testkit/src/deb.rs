//! Builds `.deb` files in memory: honest ones by default, dishonest ones on request.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bareboat_model::Timestamp;
use md5::Digest as _;

use crate::compress::Compression;
use crate::tree::{Kind, Name, Tree};

/// A package: its file, and what an index says about it.
#[derive(Clone, Debug)]
pub struct Deb {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, `all` included.
    pub arch: String,
    /// The source package's name.
    pub source: String,
    /// The fields of its control file, one stanza that ends with a newline.
    pub control: String,
    /// The paths of its files and links, without a leading slash: what the suite's `Contents` index says of it.
    pub paths: Vec<String>,
    /// The `.deb` itself. Damage it at will: an index built afterwards names the damaged bytes' digest.
    pub bytes: Vec<u8>,
}

impl Deb {
    /// `hello_1.0-1_amd64.deb`; an epoch is not part of file names.
    pub fn file_name(&self) -> String {
        let version = self.version.split_once(':').map_or(&*self.version, |(_, version)| version);
        format!("{}_{version}_{}.deb", self.name, self.arch)
    }

    /// Where Debian's pool has it, such as `pool/main/h/hello/hello_1.0-1_amd64.deb`.
    pub fn pool_path(&self, component: &str) -> String {
        let letters = if self.source.starts_with("lib") { 4 } else { 1 };
        let prefix = &self.source[..letters.min(self.source.len())];
        format!("pool/{component}/{prefix}/{}/{}", self.source, self.file_name())
    }
}

/// Describes a package; [`DebBuilder::build`] makes it.
///
/// ```
/// use bareboat_testkit::DebBuilder;
/// let deb = DebBuilder::new("hello", "1.0-1").arch("amd64").depends("libc6 (>= 2.36)")
///     .tree("/usr/bin/hello 0755 \"hello\\n\"")
///     .build();
/// assert_eq!(deb.file_name(), "hello_1.0-1_amd64.deb");
/// ```
#[derive(Clone, Debug)]
pub struct DebBuilder {
    name: String,
    version: String,
    arch: String,
    fields: Vec<(String, String)>,
    tree: Tree,
    scripts: BTreeMap<String, Vec<u8>>,
    conffiles: Vec<String>,
    compression: Compression,
    control_compression: Compression,
    data_tar: Option<Vec<u8>>,
    data_member: Option<(String, Vec<u8>)>,
    date: Timestamp,
}

impl DebBuilder {
    /// A package without files, for all architectures, compressed as Debian does (xz).
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: "all".to_owned(),
            fields: Vec::new(),
            tree: Tree::new(),
            scripts: BTreeMap::new(),
            conffiles: Vec::new(),
            compression: Compression::Xz,
            control_compression: Compression::Xz,
            data_tar: None,
            data_member: None,
            date: crate::build_date(),
        }
    }

    /// `Architecture`: `all`, `amd64` or `arm64`.
    #[must_use]
    pub fn arch(mut self, arch: &str) -> Self {
        arch.clone_into(&mut self.arch);
        self
    }

    /// `Depends`, in Debian's syntax. No field when it is empty.
    #[must_use]
    pub fn depends(self, relations: &str) -> Self {
        self.field("Depends", relations)
    }

    /// Any other control field, such as `Source`, `Provides` or `Multi-Arch`. Left out when `value` is empty.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Adds files as [`Tree::parse`] reads them. Missing parent directories are added on building.
    #[must_use]
    pub fn tree(mut self, text: &str) -> Self {
        self.tree.extend(Tree::parse(text));
        self
    }

    /// Adds one regular file, for content that is no text.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        self.tree.file(path, mode, content);
        self
    }

    /// Adds a maintainer script or another control member: `postinst`, `preinst`, `triggers`, `templates`…
    #[must_use]
    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.scripts.insert(name.to_owned(), text.as_bytes().to_vec());
        self
    }

    /// Declares a file of the tree as configuration.
    #[must_use]
    pub fn conffile(mut self, path: &str) -> Self {
        self.conffiles.push(path.to_owned());
        self
    }

    /// How `data.tar` is compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How `control.tar` is compressed.
    #[must_use]
    pub fn control_compression(mut self, compression: Compression) -> Self {
        self.control_compression = compression;
        self
    }

    /// Takes `bytes` for the uncompressed `data.tar` instead of the tree's: damaged or hostile archives.
    #[must_use]
    pub fn data_tar_raw(mut self, bytes: Vec<u8>) -> Self {
        self.data_tar = Some(bytes);
        self
    }

    /// Takes this `ar` member for the data instead of anything made here, such as `data.tar.xz` with a bomb in it.
    #[must_use]
    pub fn data_member_raw(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.data_member = Some((name.to_owned(), bytes));
        self
    }

    /// When it was built; [`build_date`](crate::build_date) unless told.
    #[must_use]
    pub fn date(mut self, date: Timestamp) -> Self {
        self.date = date;
        self
    }

    /// Makes the package. The same description always gives the same bytes.
    ///
    /// # Panics
    /// When a conffile is not in the tree.
    pub fn build(&self) -> Deb {
        let tree = self.tree.clone().with_parents();
        let control = self.control(&tree);
        let control_tar = self.control_compression.compress(&self.control_tar(&control, &tree));
        let control_name = format!("control.tar{}", self.control_compression.extension());
        let (data_name, data) = self.data_member.clone().unwrap_or_else(|| {
            let tar = self.data_tar.clone().unwrap_or_else(|| tree.to_tar(self.date.seconds()));
            (format!("data.tar{}", self.compression.extension()), self.compression.compress(&tar))
        });
        let members =
            [("debian-binary", &b"2.0\n"[..]), (&*control_name, &control_tar[..]), (&*data_name, &data[..])];
        Deb {
            name: self.name.clone(),
            version: self.version.clone(),
            arch: self.arch.clone(),
            source: self.source(),
            control,
            paths: tree
                .entries
                .iter()
                .filter(|entry| entry.kind != Kind::Directory)
                .map(|entry| entry.path.to_string().trim_start_matches('/').to_owned())
                .collect(),
            bytes: ar(&members, self.date),
        }
    }

    /// The source package's name: the `Source` field without a version, else the package's own.
    fn source(&self) -> String {
        let field = self.fields.iter().find(|(name, _)| name == "Source");
        let source = field.map_or(&*self.name, |(_, value)| value);
        source.split(' ').next().unwrap_or(source).to_owned()
    }

    fn control(&self, tree: &Tree) -> String {
        let mut control = format!("Package: {}\n", self.name);
        let mut add = |name: &str, value: &str| {
            let _ = writeln!(control, "{name}: {value}");
        };
        let given = |name: &str| self.fields.iter().any(|(known, _)| known == name);
        if let Some((_, source)) = self.fields.iter().find(|(name, _)| name == "Source") {
            add("Source", source);
        }
        add("Version", &self.version);
        add("Architecture", &self.arch);
        for (name, value) in [
            ("Maintainer", "Test Kit <testkit@debian.test>"),
            ("Installed-Size", &*installed_size(tree).to_string()),
            ("Section", "misc"),
            ("Priority", "optional"),
        ] {
            if !given(name) {
                add(name, value);
            }
        }
        for (name, value) in self.fields.iter().filter(|(name, _)| name != "Source") {
            add(name, value);
        }
        if !given("Description") {
            add("Description", &format!("made by the test kit\n {} is not a real package.", self.name));
        }
        control
    }

    fn control_tar(&self, control: &str, tree: &Tree) -> Vec<u8> {
        let mut members = Tree::parse("/ 0755");
        members.file("/control", 0o644, control);
        members.file("/md5sums", 0o644, self.md5sums(tree));
        if !self.conffiles.is_empty() {
            members.file("/conffiles", 0o644, self.conffiles.join("\n") + "\n");
        }
        for (name, text) in &self.scripts {
            let is_script = matches!(&**name, "preinst" | "postinst" | "prerm" | "postrm" | "config");
            members.file(&format!("/{name}"), if is_script { 0o755 } else { 0o644 }, &text[..]);
        }
        members.to_tar(self.date.seconds())
    }

    /// As dh_md5sums makes it: regular files by path, configuration left out.
    fn md5sums(&self, tree: &Tree) -> Vec<u8> {
        for path in &self.conffiles {
            assert!(tree.get(path).is_some(), "conffile `{path}` is not in the package {}", self.name);
        }
        let mut lines = BTreeMap::new();
        for entry in &tree.entries {
            let (Kind::File(content), Name::Path(path)) = (&entry.kind, &entry.path) else { continue };
            let conffile =
                self.conffiles.iter().any(|conffile| conffile.as_bytes() == [b"/", &path[..]].concat());
            if !conffile {
                let hex: String =
                    md5::Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
                lines.insert(path.clone(), [hex.as_bytes(), b"  ", path, b"\n"].concat());
            }
        }
        lines.into_values().flatten().collect()
    }
}

/// In KiB, each file rounded up and one for each other member, as Debian Policy 5.6.20 has it.
fn installed_size(tree: &Tree) -> usize {
    let size = |kind: &Kind| if let Kind::File(content) = kind { content.len().div_ceil(1024) } else { 1 };
    tree.entries.iter().map(|entry| size(&entry.kind)).sum()
}

/// An `ar` archive of these members with root's, all of one date: deb(5).
pub fn ar(members: &[(&str, &[u8])], date: Timestamp) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let header =
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", date.seconds(), 0, 0, "100644", bytes.len());
        out.extend(header.as_bytes());
        out.extend_from_slice(bytes);
        if bytes.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> DebBuilder {
        DebBuilder::new("hello", "1:1.0-1")
            .arch("amd64")
            .field("Source", "libhello (1.0)")
            .depends("libc6")
            .tree("/etc/hello.conf 0644 \"x\\n\"\n/usr/bin/hello 0755 \"hello\\n\"")
            .conffile("/etc/hello.conf")
            .script("postinst", "#!/bin/sh\n")
    }

    #[test]
    fn the_same_description_gives_the_same_bytes() {
        for compression in Compression::ALL {
            let builder = hello().compression(compression);
            assert_eq!(builder.build().bytes, builder.build().bytes);
        }
    }

    #[test]
    fn control_fields_come_in_debians_order() {
        assert_eq!(
            hello().build().control,
            "Package: hello\nSource: libhello (1.0)\nVersion: 1:1.0-1\nArchitecture: amd64\n\
             Maintainer: Test Kit <testkit@debian.test>\nInstalled-Size: 6\nSection: misc\nPriority: optional\n\
             Depends: libc6\nDescription: made by the test kit\n hello is not a real package.\n"
        );
    }

    #[test]
    fn pool_paths_follow_the_source_package_and_drop_the_epoch() {
        assert_eq!(hello().build().pool_path("main"), "pool/main/libh/libhello/hello_1.0-1_amd64.deb");
    }

    #[test]
    fn checksums_leave_configuration_out() {
        let builder = hello();
        let sums = builder.md5sums(&builder.tree);
        assert_eq!(String::from_utf8(sums).unwrap(), "b1946ac92492d2347c6235b4d2611184  usr/bin/hello\n");
    }

    #[test]
    fn ar_members_start_at_even_offsets() {
        let bytes = ar(&[("a", b"1"), ("b", b"22")], Timestamp::EPOCH);
        assert_eq!(bytes.len(), 8 + 60 + 2 + 60 + 2);
        assert_eq!(bytes[8 + 60 + 1], b'\n');
    }
}
