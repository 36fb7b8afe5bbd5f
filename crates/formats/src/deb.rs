//! Debian packages (deb(5)): what the control archive says, then the files, in one pass.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use bareboat_model::{Context, Error, ImagePath, Result, escape};

use crate::ar;
use crate::compress::{Compression, decoder};
use crate::tar::{self, Limits, Member, MemberKind};

/// What is read of one file of the control archive: md5sums of some 150,000 files.
const LARGEST_CONTROL_FILE: u64 = 16 << 20;

/// What a whole control archive may unpack to, and how many files it may hold.
const CONTROL_LIMITS: Limits = Limits { members: 1000, unpacked: 64 << 20 };

/// The maintainer scripts (deb-preinst(5) and its sisters), and debconf's.
const SCRIPTS: [&str; 5] = ["preinst", "postinst", "prerm", "postrm", "config"];

/// What a package says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Control {
    /// The stanza of the file `control`, as it is.
    pub fields: String,
    /// The file `md5sums`, as it is, when there is one.
    pub md5sums: Option<Vec<u8>>,
    /// The configuration files that the package ships.
    pub conffiles: Vec<ImagePath>,
    /// The maintainer scripts by name: preinst, postinst, prerm, postrm, config.
    pub scripts: BTreeMap<String, Vec<u8>>,
    /// The file `triggers`, as it is, when there is one.
    pub triggers: Option<Vec<u8>>,
    /// The file `templates`, as it is, when there is one: debconf's questions.
    pub templates: Option<Vec<u8>>,
    /// When the package was built, in seconds since 1970-01-01 UTC: the date of its first ar member.
    pub built: i64,
}

/// A package of which the control archive was read, and the files not yet.
///
/// ```no_run
/// # fn main() -> bareboat_model::Result<()> {
/// use bareboat_formats::{deb::Package, tar::Limits};
/// let file = std::fs::File::open("hello.deb")?;
/// let package = Package::open(file, &Limits::default())?;
/// let stanza = package.control().fields.clone();
/// let control = package.unpack(|member, _content| {
///     let _ = member.path;
///     Ok(())
/// })?;
/// assert_eq!(control.fields, stanza);
/// # Ok(())
/// # }
/// ```
pub struct Package<R> {
    archive: ar::Reader<R>,
    limits: Limits,
    control: Control,
}

impl<R: Read + Send> Package<R> {
    /// Reads up to the end of the control archive.
    ///
    /// # Errors
    /// When this is no package of format 2, or its control archive is broken or too large.
    pub fn open(reader: R, limits: &Limits) -> Result<Self> {
        let mut archive = ar::Reader::new(reader)?;
        let built = read_version(&mut archive)?;
        let compression = next_tar(&mut archive, "control.tar", &[Compression::Bzip2])?;
        let mut control = read_control(archive.content(), compression).context(|| "control archive")?;
        control.built = built;
        Ok(Self { archive, limits: *limits, control })
    }

    /// What the package says of itself.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Reads the files and gives each to `each`, as [`tar::read`] does; then checks that the package is whole.
    ///
    /// # Errors
    /// When the data archive is missing, broken or beyond the limits. What `each` fails with is passed on
    /// as it is.
    pub fn unpack(mut self, each: impl FnMut(Member, &mut dyn Read) -> Result<()>) -> Result<Control> {
        let compression = next_tar(&mut self.archive, "data.tar", &[])?;
        let reader = decoder(compression, BufReader::with_capacity(BUFFER, self.archive.content()))?;
        tar::read(reader, &self.limits, each)?;
        // deb(5): what follows the data is for programs of the future.
        while self.archive.next_member()?.is_some() {}
        Ok(self.control)
    }
}

/// How much is read at once from below a decoder.
const BUFFER: usize = 64 << 10;

/// The first member must say that this is format 2. Its date is the package's.
fn read_version<R: Read>(archive: &mut ar::Reader<R>) -> Result<i64> {
    let header = archive.next_member()?.ok_or_else(|| Error::new("the package is empty"))?;
    if header.name != "debian-binary" {
        return Err(Error::new(format!(
            "no Debian package: its first member is `{}`, expected `debian-binary`",
            escape(&header.name)
        )));
    }
    // "2.0\n"; deb(5) allows further lines.
    let mut version = Vec::new();
    archive.content().take(64).read_to_end(&mut version)?;
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with("2.") {
        let found = escape(version.lines().next().unwrap_or_default());
        return Err(Error::new(format!("the package has format `{found}`, expected 2.0")));
    }
    Ok(header.mtime)
}

/// Goes to the tar that must come next, past members that deb(5) lets readers ignore, and tells its compression.
fn next_tar<R: Read>(
    archive: &mut ar::Reader<R>,
    name: &str,
    unsupported: &[Compression],
) -> Result<Compression> {
    let header = loop {
        match archive.next_member()? {
            None => return Err(Error::new(format!("the package has no `{name}`"))),
            Some(header) if header.name.starts_with('_') => {}
            Some(header) => break header,
        }
    };
    let compression = Compression::of_name(&header.name);
    let extension = header.name.strip_prefix(name);
    match extension {
        Some("") => Ok(Compression::None),
        Some(".gz" | ".xz" | ".zst" | ".bz2") if !unsupported.contains(&compression) => Ok(compression),
        Some(_) => Err(Error::new(format!("`{}` has an unknown compression", escape(&header.name)))),
        None => Err(Error::new(format!("found member `{}`, expected `{name}`", escape(&header.name)))),
    }
}

fn read_control(reader: impl Read + Send, compression: Compression) -> Result<Control> {
    let mut files = BTreeMap::new();
    let reader = decoder(compression, BufReader::with_capacity(BUFFER, reader))?;
    tar::read(reader, &CONTROL_LIMITS, |member, content| {
        if let MemberKind::File { size } = member.kind {
            if size > LARGEST_CONTROL_FILE {
                return Err(Error::new(format!(
                    "`{}` has {size} bytes, at most {LARGEST_CONTROL_FILE} are read",
                    member.path
                )));
            }
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            files.insert(member.path.as_bytes().to_vec(), bytes);
        }
        Ok(())
    })?;
    collect(files)
}

fn collect(mut files: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Control> {
    let fields = files.remove(&b"control"[..]).ok_or_else(|| Error::new("it has no file `control`"))?;
    let fields = String::from_utf8(fields).map_err(|error| {
        Error::new(format!("its file `control` is not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
    })?;
    let conffiles = files.remove(&b"conffiles"[..]).map(|list| parse_conffiles(&list)).transpose()?;
    let scripts =
        SCRIPTS.iter().filter_map(|name| Some(((*name).to_owned(), files.remove(name.as_bytes())?)));
    Ok(Control {
        fields,
        conffiles: conffiles.unwrap_or_default(),
        scripts: scripts.collect(),
        md5sums: files.remove(&b"md5sums"[..]),
        triggers: files.remove(&b"triggers"[..]),
        templates: files.remove(&b"templates"[..]),
        built: 0,
    })
}

/// One path a line. A line `remove-on-upgrade PATH` names one that is no longer shipped (deb-conffiles(5)).
fn parse_conffiles(list: &[u8]) -> Result<Vec<ImagePath>> {
    let lines = list.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with(b"remove-on-upgrade "))
        .map(|(index, line)| ImagePath::parse(line).context(|| format!("conffiles, line {}", index + 1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::tar::{Entry, EntryKind, Writer};

    const EXTENSIONS: [&str; 5] = ["", ".gz", ".xz", ".zst", ".bz2"];
    const STANZA: &str = "Package: hello\nVersion: 1.0\n";

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for &(path, mut content) in files {
            let path = ImagePath::parse(path.as_bytes()).unwrap();
            let kind = EntryKind::File { size: content.len() as u64 };
            let entry =
                Entry { path: &path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 7, xattrs: &BTreeMap::new() };
            writer.append(&entry, &mut content).unwrap();
        }
        writer.finish().unwrap()
    }

    fn compress(extension: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match extension {
            "" => out.extend_from_slice(bytes),
            ".gz" => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
            ".xz" => out = liblzma::encode_all(bytes, 0).unwrap(),
            ".zst" => out = zstd::encode_all(bytes, 1).unwrap(),
            ".bz2" => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
            other => panic!("no compression {other}"),
        }
        out
    }

    fn package(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = b"!<arch>\n".to_vec();
        for (name, content) in members {
            let size = content.len();
            out.extend(format!("{name:<16}1700000000  0     0     100644  {size:<10}`\n").into_bytes());
            out.extend_from_slice(content);
            out.extend_from_slice(&b"\n"[..size % 2]);
        }
        out
    }

    /// Paths and contents, in the order of the archive.
    type Files = Vec<(String, Vec<u8>)>;

    fn read(bytes: &[u8]) -> Result<(Control, Files)> {
        let mut files = Files::new();
        let control = Package::open(bytes, &Limits::default())?.unpack(|member, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            files.push((member.path.to_string(), bytes));
            Ok(())
        })?;
        Ok((control, files))
    }

    fn control() -> Vec<u8> {
        tar(&[
            ("./control", STANZA.as_bytes()),
            ("./conffiles", b"/etc/hello\nremove-on-upgrade /etc/old\n"),
            ("./md5sums", b"5d41402abc4b2a76b9719d911017c592  usr/bin/hello\n"),
            ("./postinst", b"#!/bin/sh\n"),
            ("./shlibs", b"libhello 1 hello\n"),
            ("./triggers", b"activate-noawait ldconfig\n"),
        ])
    }

    fn data() -> Vec<u8> {
        tar(&[("./usr/bin/hello", b"hello"), ("./etc/hello", b"")])
    }

    #[test]
    fn packages_of_every_compression_are_read() {
        for extension in EXTENSIONS {
            let control_extension = if extension == ".bz2" { "" } else { extension };
            let bytes = package(&[
                ("debian-binary", b"2.0\n"),
                ("_ignored", b"by deb(5)"),
                (&format!("control.tar{control_extension}"), &compress(control_extension, &control())),
                ("_too", b""),
                (&format!("data.tar{extension}"), &compress(extension, &data())),
                ("signature", b"of the future"),
            ]);
            let (control, files) = read(&bytes).unwrap();
            let expected = Control {
                fields: STANZA.to_owned(),
                md5sums: Some(b"5d41402abc4b2a76b9719d911017c592  usr/bin/hello\n".to_vec()),
                conffiles: vec![ImagePath::parse(b"etc/hello").unwrap()],
                scripts: BTreeMap::from([("postinst".to_owned(), b"#!/bin/sh\n".to_vec())]),
                triggers: Some(b"activate-noawait ldconfig\n".to_vec()),
                templates: None,
                built: 1_700_000_000,
            };
            assert_eq!(control, expected, "{extension}");
            assert_eq!(
                files,
                [("/usr/bin/hello".to_owned(), b"hello".to_vec()), ("/etc/hello".to_owned(), Vec::new())]
            );
        }
    }

    #[test]
    fn a_package_cut_anywhere_is_an_error() {
        for extension in EXTENSIONS {
            let bytes = package(&[
                ("debian-binary", b"2.0\n"),
                ("control.tar", &tar(&[("control", STANZA.as_bytes())])),
                (&format!("data.tar{extension}"), &compress(extension, &data())),
            ]);
            assert!(read(&bytes).is_ok(), "{extension}");
            for end in 0..bytes.len() {
                assert!(read(&bytes[..end]).is_err(), "{extension} cut at {end}");
            }
        }
    }

    #[test]
    fn packages_that_are_none_are_refused() {
        let version = ("debian-binary", &b"2.0\n"[..]);
        let (control, data) = (control(), data());
        let control = ("control.tar", &control[..]);
        let data = ("data.tar", &data[..]);
        for (members, message) in [
            (vec![], "the package is empty"),
            (vec![control], "no Debian package: its first member is `control.tar`, expected `debian-binary`"),
            (vec![("debian-binary", &b"3.0\n"[..])], "the package has format `3.0`, expected 2.0"),
            (vec![version], "the package has no `control.tar`"),
            (vec![version, data], "found member `data.tar`, expected `control.tar`"),
            (vec![version, ("control.tar.bz2", b"")], "`control.tar.bz2` has an unknown compression"),
            (vec![version, control], "the package has no `data.tar`"),
            (vec![version, control, control], "found member `control.tar`, expected `data.tar`"),
            (vec![version, control, ("data.tar.lzma", b"")], "`data.tar.lzma` has an unknown compression"),
            (vec![version, control, ("data.tar.xz", b"no xz data")], "cannot unpack the xz data"),
            (
                vec![version, control, ("data.tar", b"no tar")],
                "member 1: the archive ends too early, at byte 6",
            ),
            (vec![version, ("control.tar", data.1)], "control archive: it has no file `control`"),
        ] {
            let error = read(&package(&members)).unwrap_err().to_string();
            assert!(error.contains(message), "{error}\nexpected {message}");
        }
    }

    #[test]
    fn control_archives_that_are_too_large_or_odd_are_refused() {
        let large = vec![b'x'; 17 << 20];
        let stanza = ("control", STANZA.as_bytes());
        for (files, message) in [
            (vec![("control", &large[..])], "`/control` has 17825792 bytes, at most 16777216 are read"),
            (vec![("control", b"Package: \xff")], "its file `control` is not UTF-8 at byte 9"),
            (
                vec![stanza, ("conffiles", b"/etc/a\n/../b\n")],
                "conffiles, line 2: path `/../b` leaves the root with `..`",
            ),
        ] {
            let control = compress(".gz", &tar(&files));
            let bytes = package(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control)]);
            assert_eq!(read(&bytes).unwrap_err().to_string(), format!("control archive: {message}"));
        }
    }

    #[test]
    fn bombs_are_refused_at_their_limits() {
        let zeros = vec![0; 16 << 20];
        let files = |count: usize| {
            let names: Vec<String> = (0..count).map(|number| format!("zeros{number}")).collect();
            let files: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &zeros[..])).collect();
            compress(".zst", &tar(&files))
        };
        let version = ("debian-binary", &b"2.0\n"[..]);
        let bytes = package(&[version, ("control.tar.zst", &files(5))]);
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.ends_with("unpacks to more than 67108864 bytes"), "{error}");

        let bytes = package(&[version, ("control.tar", &control()), ("data.tar.zst", &files(2))]);
        let limits = Limits { unpacked: 20 << 20, ..Limits::default() };
        let package = Package::open(&bytes[..], &limits).unwrap();
        let error = package.unpack(|_, _| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "member 2 (`/zeros1`): unpacks to more than 20971520 bytes");
    }
}
