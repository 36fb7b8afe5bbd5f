//! A lock from the text of its file: strict, bounded, and with every complaint at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bareboat_model::{Digest, Error, Platform, Result, Timestamp, Version, escape, parse_relations};
use serde::{Deserialize, Deserializer};

use super::{BaseImage, FORMAT_VERSION, Lock, LockedPackage, Request, RequestedArchive, SuiteRelease};
use crate::recipe::table::{self, Located};
use crate::recipe::{PackageName, PackageSpec, Word, error_from, package_name, toml_error};

/// Room for twenty thousand packages, which is more than an image can want.
pub(crate) const LARGEST_FILE: u64 = 32 << 20;

impl Lock {
    /// Reads the text of a lock's file. `file` is what messages call it; nothing is read from disk.
    ///
    /// # Errors
    /// When the text is not a lock of a version that is known, a value is not what it should be, a path leaves the
    /// archive, or a package is there twice: with file, line and column.
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        read(text, file).map_err(|error| {
            error.with_hint("take the lock from version control, or delete it and run `bareboat lock`")
        })
    }
}

fn read(text: &str, file: &Path) -> Result<Lock> {
    if text.len() as u64 > LARGEST_FILE {
        let shown = escape(&file.display().to_string());
        return Err(Error::new(format!(
            "cannot read `{shown}`: {} bytes, expected at most {LARGEST_FILE}",
            text.len()
        )));
    }
    check_version(text, file)?;
    let written: LockFile = toml::from_str(text).map_err(|error| toml_error(file, text, &error))?;
    let archives: BTreeSet<&str> = written.suites.iter().map(|suite| suite.value.archive.as_str()).collect();
    let mut packages: BTreeMap<Platform, BTreeMap<String, LockedPackage>> =
        written.platforms.iter().map(|&platform| (platform, BTreeMap::new())).collect();
    for Located { offset, value } in written.packages {
        add(&mut packages, &archives, value)
            .map_err(|error| error_from(file, text, offset, &error.to_string()))?;
    }
    Ok(Lock {
        request: written.request.into(),
        base: written.base.map(|base| BaseImage { reference: base.reference, digest: base.digest }),
        suites: written.suites.into_iter().map(|suite| suite.value.into()).collect(),
        packages,
    })
}

/// A lock of another version may have other keys: so its version is looked at before anything else.
fn check_version(text: &str, file: &Path) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(expecting = "a table")]
    struct Versioned {
        version: Located<i64>,
    }
    let Versioned { version } = toml::from_str(text).map_err(|error| toml_error(file, text, &error))?;
    if version.value == FORMAT_VERSION {
        return Ok(());
    }
    let message = format!("version {} of the lock format, expected version {FORMAT_VERSION}", version.value);
    Err(error_from(file, text, version.offset, &message)
        .with_hint("a newer bareboat wrote this lock: use that one"))
}

fn add(
    packages: &mut BTreeMap<Platform, BTreeMap<String, LockedPackage>>,
    archives: &BTreeSet<&str>,
    written: PackageTable,
) -> Result<()> {
    let platform = written.platform;
    let package = LockedPackage::from(written);
    let name = &package.name;
    let Some(of_platform) = packages.get_mut(&platform) else {
        return Err(Error::new(format!(
            "package `{name}` is for {platform}, which `platforms` does not list"
        )));
    };
    let arch = platform.arch.debian();
    if package.architecture != arch && package.architecture != "all" {
        let found = escape(&package.architecture);
        return Err(Error::new(format!(
            "package `{name}` is for {platform}, expected architecture {arch} or all, found `{found}`"
        )));
    }
    if !archives.contains(package.archive.as_str()) {
        let archive = &package.archive;
        return Err(Error::new(format!(
            "package `{name}` is from `{archive}`, which `suites` does not list"
        )));
    }
    if of_platform.contains_key(name) {
        return Err(Error::new(format!("package `{name}` is there twice for {platform}")));
    }
    of_platform.insert(name.clone(), package);
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct LockFile {
    #[serde(rename = "version")]
    _version: i64,
    platforms: Vec<Platform>,
    #[serde(deserialize_with = "table::table")]
    request: RequestTable,
    #[serde(default, deserialize_with = "base")]
    base: Option<BaseTable>,
    #[serde(default, deserialize_with = "table::array")]
    suites: Vec<Located<SuiteTable>>,
    #[serde(default, deserialize_with = "table::array")]
    packages: Vec<Located<PackageTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct RequestTable {
    suite: Word,
    components: Vec<Word>,
    packages: Vec<PackageSpec>,
    without: Vec<PackageName>,
    #[serde(default, deserialize_with = "table::array")]
    archives: Vec<Located<ArchiveTable>>,
}

impl From<RequestTable> for Request {
    fn from(table: RequestTable) -> Self {
        let archive = |Located { value, .. }: Located<ArchiveTable>| RequestedArchive {
            name: value.name.to_string(),
            suites: texts(&value.suites),
            components: texts(&value.components),
        };
        Self {
            suite: table.suite.to_string(),
            components: texts(&table.components),
            packages: texts(&table.packages),
            without: table.without.into_iter().map(|name| name.0).collect(),
            archives: table.archives.into_iter().map(archive).collect(),
        }
    }
}

fn texts(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct ArchiveTable {
    name: Word,
    suites: Vec<Word>,
    components: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct BaseTable {
    reference: String,
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct SuiteTable {
    #[serde(deserialize_with = "word")]
    archive: String,
    #[serde(deserialize_with = "word")]
    suite: String,
    date: Timestamp,
    #[serde(deserialize_with = "sha256")]
    sha256: Digest,
}

impl From<SuiteTable> for SuiteRelease {
    fn from(table: SuiteTable) -> Self {
        let SuiteTable { archive, suite, date, sha256 } = table;
        Self { archive, suite, date, sha256 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct PackageTable {
    platform: Platform,
    #[serde(deserialize_with = "package")]
    name: String,
    version: Version,
    #[serde(deserialize_with = "word")]
    architecture: String,
    #[serde(deserialize_with = "package")]
    source: String,
    source_version: Version,
    #[serde(deserialize_with = "word")]
    archive: String,
    #[serde(deserialize_with = "pool_path")]
    path: String,
    size: u64,
    #[serde(deserialize_with = "sha256")]
    sha256: Digest,
    #[serde(default, deserialize_with = "multi_arch")]
    multi_arch: String,
    #[serde(default, deserialize_with = "relations")]
    pre_depends: String,
    #[serde(default, deserialize_with = "relations")]
    depends: String,
    #[serde(default, deserialize_with = "relations")]
    provides: String,
    #[serde(default, deserialize_with = "relations")]
    conflicts: String,
    #[serde(default, deserialize_with = "relations")]
    breaks: String,
}

impl From<PackageTable> for LockedPackage {
    fn from(table: PackageTable) -> Self {
        Self {
            name: table.name,
            version: table.version,
            architecture: table.architecture,
            source: table.source,
            source_version: table.source_version,
            archive: table.archive,
            path: table.path,
            size: table.size,
            sha256: table.sha256,
            multi_arch: table.multi_arch,
            pre_depends: table.pre_depends,
            depends: table.depends,
            provides: table.provides,
            conflicts: table.conflicts,
            breaks: table.breaks,
        }
    }
}

fn base<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BaseTable>, D::Error> {
    table::table(deserializer).map(Some)
}

/// Reads a string through `read`, whose complaint then has the string's place.
fn checked<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T>,
) -> Result<T, D::Error> {
    read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn package<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, package_name)
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, |text| text.parse::<Word>().map(|word| word.to_string()))
}

fn sha256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    checked(deserializer, Digest::from_hex)
}

fn multi_arch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, |text| match text {
        "same" | "foreign" | "allowed" => Ok(text.to_owned()),
        _ => Err(Error::new(format!("unknown value `{}`, expected same, foreign or allowed", escape(text)))),
    })
}

fn relations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, |text| parse_relations(text).map(|_| text.to_owned()))
}

/// The path becomes part of an address and of messages: below the mirror, and nothing odd in it.
fn pool_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, |text| {
        let odd = |c: char| c.is_control() || matches!(c, '\\' | '?' | '#');
        let leaves = text.split('/').any(|component| matches!(component, "" | ".."));
        if text.len() > 4096 || leaves || text.contains(odd) {
            let shown: String = text.chars().take(200).collect();
            return Err(Error::new(format!(
                "path `{}` is not one below the archive, expected names without `..` and with `/` between them",
                escape(&shown)
            )));
        }
        Ok(text.to_owned())
    })
}
