//! Reading a .deb once: its contents go into one file of the store, and a list says what lies where.
//!
//! The next build reads only the list. Contents are checked against their digests whenever they are used
//! (see `tree::content`), so a cache that went bad is noticed and never gets into an image.

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use bareboat_formats::entry::Entry;
use bareboat_formats::{deb, tar, whiteout};
use bareboat_io::files::Scratch;
use bareboat_io::store::Store;
use bareboat_model::{Context, Digest, Error, HashingWriter, ImagePath, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// The kinds of store entries, with the version of what is written into them.
const LIST: &str = "unpacked-3";
pub(crate) const CONTENTS: &str = "contents-1";

/// The largest file of declarations that is kept.
const LARGEST_DECLARATION: u64 = 64 << 10;

const BUFFER: usize = 256 << 10;

/// One .deb, unpacked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unpacked {
    /// The stanza of its control file.
    pub control: String,
    /// Its md5sums file: bytes, because names need not be UTF-8.
    #[serde(with = "bareboat_model::bytes_as_text")]
    pub md5sums: Vec<u8>,
    /// Its configuration files.
    #[serde(with = "paths_as_text")]
    pub conffiles: Vec<ImagePath>,
    /// Its maintainer scripts by name, as text.
    pub scripts: BTreeMap<String, String>,
    /// Its triggers file.
    pub triggers: String,
    /// Its debconf templates.
    pub templates: String,
    /// What it declares in sysusers.d and tmpfiles.d: texts by path. Kept here so that a later build opens nothing.
    pub declarations: BTreeMap<String, String>,
    /// When it was built: the date that Debian gives a package.
    pub built: Timestamp,
    /// What it brings, in the order of the archive.
    pub members: Vec<Member>,
    /// How many bytes the contents are.
    contents_size: u64,
    /// Where the contents lie.
    #[serde(skip)]
    pub contents: PathBuf,
}

/// A member of a package, or of a layer of a base image: where it wants to be, not yet resolved through links.
pub type Member = Entry<Stored>;

/// The content of a regular file, in the file that all contents went into.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// The digest of the bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// Where they begin.
    pub offset: u64,
}

/// Gives back what the .deb `package` (a blob of the store) brings; unpacks it if that was not done before.
///
/// # Errors
/// When the blob is missing, is no .deb, or holds what no image may hold, such as a device.
pub fn unpack(store: &Store, package: &Digest, name: &str) -> Result<Unpacked> {
    if let Some(unpacked) = read_list(store, package)? {
        return Ok(unpacked);
    }
    unpack_afresh(store, package).context(|| format!("cannot unpack `{name}`"))
}

fn read_list(store: &Store, package: &Digest) -> Result<Option<Unpacked>> {
    let Some(bytes) = store.read_entry(LIST, package)? else { return Ok(None) };
    // A list that does not parse, or whose contents are gone, is as good as none.
    let Ok(mut unpacked) = serde_json::from_slice::<Unpacked>(&bytes) else { return Ok(None) };
    unpacked.contents = store.entry_path(CONTENTS, package);
    let contents = store.open_entry(CONTENTS, package)?;
    Ok(contents.is_some_and(|contents| contents.length == unpacked.contents_size).then_some(unpacked))
}

/// Refuses what no package has and an image would carry further: names that speak to whoever reads lists of them, and
/// attributes that speak to storage drivers.
fn check(member: &tar::Member) -> Result<()> {
    let path = &member.path;
    if path.as_bytes().iter().any(u8::is_ascii_control) {
        return Err(Error::new(format!("`{path}` has a control character in its name")));
    }
    if matches!(member.kind, tar::MemberKind::Device(_) | tar::MemberKind::Fifo) {
        let error = Error::new(format!("`{path}` is a device or a pipe, which no image may hold"));
        return Err(error.with_hint("runtimes provide /dev; such a package cannot be used"));
    }
    // OCI image specification, layer.md, "Whiteouts".
    if whiteout::is_one(path) {
        let error = Error::new(format!("`{path}` would take a file away instead of bringing one"));
        return Err(error.with_hint("in layers, names that begin with .wh. mean just that"));
    }
    match member.xattrs.keys().find(|name| *name != b"security.capability") {
        Some(name) => {
            let name = bareboat_model::escape(&String::from_utf8_lossy(name));
            Err(Error::new(format!("`{path}` has the extended attribute `{name}`, which no package brings")))
        }
        None => Ok(()),
    }
}

/// A file that declares users or directories, of a size that such files have.
fn declares(member: &tar::Member) -> bool {
    let below = |directory: &str| member.path.as_bytes().starts_with(directory.as_bytes());
    let named = below("usr/lib/sysusers.d/") || below("usr/lib/tmpfiles.d/");
    named && matches!(member.kind, tar::MemberKind::File { size } if size <= LARGEST_DECLARATION)
}

fn unpack_afresh(store: &Store, package: &Digest) -> Result<Unpacked> {
    let size = std::fs::metadata(store.blob_path(package)).map_or(0, |data| data.len());
    let mut members = Vec::new();
    let mut declarations = BTreeMap::new();
    let mut read = None;
    let mut contents_size = 0;
    store.write_entry(CONTENTS, package, |file| {
        let mut contents = Contents::new(BufWriter::with_capacity(BUFFER, file));
        store.read_blob(package, |blob| {
            let package = deb::Package::open(
                BufReader::with_capacity(BUFFER, blob),
                &tar::Limits::of_compressed(size),
            )?;
            let control = package.unpack(|member, bytes| {
                check(&member)?;
                if !declares(&member) {
                    members.push(contents.take(member, bytes)?);
                    return Ok(());
                }
                let path = member.path.to_string();
                let mut text = Vec::new();
                bytes.read_to_end(&mut text)?;
                members.push(contents.take(member, &mut text.as_slice())?);
                declarations.insert(path, String::from_utf8_lossy(&text).into_owned());
                Ok(())
            })?;
            read = Some(control);
            Ok(())
        })?;
        contents_size = contents.finish()?;
        Ok(())
    })?;
    let control = read.ok_or_else(|| Error::new("the package was not read"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let unpacked = Unpacked {
        control: control.fields,
        md5sums: control.md5sums.unwrap_or_default(),
        conffiles: control.conffiles,
        scripts: control.scripts.into_iter().map(|(name, script)| (name, text(script))).collect(),
        triggers: control.triggers.map(text).unwrap_or_default(),
        templates: control.templates.map(text).unwrap_or_default(),
        declarations,
        built: Timestamp::from_seconds(control.built),
        members,
        contents_size,
        contents: store.entry_path(CONTENTS, package),
    };
    let list = serde_json::to_vec(&unpacked).map_err(|error| Error::new(error.to_string()))?;
    store.write_entry(LIST, package, |file| Ok(file.write_all(&list)?))?;
    Ok(unpacked)
}

/// The file that all contents of a package or layer go into, one after another.
pub(crate) struct Contents<'a> {
    file: BufWriter<&'a mut Scratch>,
    end: u64,
}

impl<'a> Contents<'a> {
    pub(crate) fn new(file: BufWriter<&'a mut Scratch>) -> Self {
        Self { file, end: 0 }
    }

    /// Writes everything out; gives the size of all contents.
    pub(crate) fn finish(mut self) -> Result<u64> {
        self.file.flush()?;
        Ok(self.end)
    }

    /// Takes a member in, with its bytes.
    pub(crate) fn take(&mut self, member: tar::Member, bytes: &mut dyn Read) -> Result<Member> {
        let member = Member::of_member(member, |_| self.append(bytes))?;
        Ok(Member { mtime: Timestamp::from_seconds(member.mtime).seconds(), ..member })
    }

    fn append(&mut self, bytes: &mut dyn Read) -> Result<Stored> {
        let offset = self.end;
        let mut hashing = HashingWriter::new(&mut self.file);
        io::copy(bytes, &mut hashing)?;
        let (_, digest, size) = hashing.finish();
        self.end += size;
        Ok(Stored { digest, size, offset })
    }
}

mod paths_as_text {
    use bareboat_model::ImagePath;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct One(#[serde(with = "bareboat_model::bytes_as_text::path")] ImagePath);

    pub(super) fn serialize<S: Serializer>(paths: &[ImagePath], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().cloned().map(One))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<ImagePath>, D::Error> {
        Ok(Vec::<One>::deserialize(deserializer)?.into_iter().map(|One(path)| path).collect())
    }
}
