//! rpm's database: SQLite (rpm 4.16 and later) and SUSE's "ndb". Berkeley DB, of older distributions, is told as unread.

use std::io::Read;

use bareboat_formats::rpm::{Header, is_ndb, ndb_headers, tag};
use bareboat_formats::sqlite::{self, Value};
use bareboat_model::{Error, ImagePath, Result};

use super::text::Room;
use super::{Found, Kind, Package, Source};

/// The database of a full desktop; those of images have some 10 to 40 MB.
const LARGEST: u64 = 128 << 20;

/// Where the database is: in /var, or since 2021 in /usr, so that it belongs to the system.
const FOLDERS: [&[u8]; 2] = [b"var/lib/rpm", b"usr/lib/sysimage/rpm"];

pub(super) fn is_database(path: &ImagePath) -> bool {
    let named = matches!(path.file_name(), Some(b"rpmdb.sqlite" | b"Packages.db" | b"Packages"));
    named && path.parent().is_some_and(|folder| FOLDERS.contains(&folder.as_bytes()))
}

/// SQLite's log of what is not yet in the database: empty when the last program that used it ended well.
pub(super) fn is_log(path: &ImagePath) -> bool {
    path.file_name() == Some(b"rpmdb.sqlite-wal")
        && path.parent().is_some_and(|folder| FOLDERS.contains(&folder.as_bytes()))
}

pub(super) fn log(size: u64) -> Result<()> {
    match size {
        0 => Ok(()),
        _ => Err(Error::new("changes to rpm's database that are only in its log are not read")),
    }
}

pub(super) fn read(path: &ImagePath, content: &mut dyn Read, found: &mut Found) -> Result<()> {
    if path.file_name() == Some(b"Packages") {
        return Err(Error::new("rpm's database in Berkeley DB's format is not read"));
    }
    let bytes = super::text::bytes(content, LARGEST)?;
    let mut room = Room::default();
    if is_ndb(&bytes) {
        return ndb_headers(&bytes)?.into_iter().try_for_each(|header| package(header, &mut room, found));
    }
    sqlite::rows(&bytes, "Packages", &mut |row| match row.get(1) {
        Some(Value::Blob(header)) => package(header, &mut room, found),
        _ => Ok(()),
    })
}

fn package(header: &[u8], room: &mut Room, found: &mut Found) -> Result<()> {
    let header = Header::parse(header)?;
    let text = |tag| header.text(tag).map(|text| String::from_utf8_lossy(text).into_owned());
    let name = text(tag::NAME).ok_or_else(|| Error::new("a package without a name"))?;
    // Keys that signatures are checked with are kept as if they were packages.
    if name == "gpg-pubkey" {
        return Ok(());
    }
    let epoch = header.numbers(tag::EPOCH).next().filter(|&epoch| epoch > 0);
    let epoch = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let [version, release] = [tag::VERSION, tag::RELEASE].map(|tag| text(tag).unwrap_or_default());
    let mut package = Package::new(Kind::Rpm, name, format!("{epoch}{version}-{release}"));
    package.architecture = text(tag::ARCH);
    package.licence = text(tag::LICENSE);
    package.source = text(tag::SOURCE_RPM).and_then(|file| source(&file));
    package.files.paths = room.collect(header.files().filter_map(|path| ImagePath::parse(&path).ok()))?;
    found.push(package)
}

/// `bash-5.1.8-6.el9.src.rpm`.
fn source(file: &str) -> Option<Source> {
    let stem = file.strip_suffix(".rpm")?.rsplit_once('.')?.0;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(Source { name: name.to_owned(), version: Some(format!("{version}-{release}")) })
}
