//! Packages indexes: one stanza for each package of a suite, read without copying.

use bareboat_model::{Context, Digest, Error, Result, escape};

use crate::archive_path;
use crate::deb822::{self, Stanza};

/// How a package stands to packages of other architectures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum MultiArch {
    /// It serves only its own architecture.
    #[default]
    No,
    /// It can be installed for several architectures at once.
    Same,
    /// It serves every architecture's dependencies.
    Foreign,
    /// It serves another architecture where the dependency says `:any`.
    Allowed,
}

/// A package, as its index describes it. Relation fields are raw, and empty where they are absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Package<'a> {
    /// `Package`.
    pub name: &'a str,
    /// `Version`.
    pub version: &'a str,
    /// `Architecture`.
    pub architecture: &'a str,
    /// `Multi-Arch`.
    pub multi_arch: MultiArch,
    /// The source package: `Source`, else the package's own name.
    pub source: &'a str,
    /// The source package's version: from `Source: name (version)`, else the package's own.
    pub source_version: &'a str,
    /// `Priority`, such as `required`; empty when absent.
    pub priority: &'a str,
    /// `Essential`.
    pub essential: bool,
    /// `Pre-Depends`.
    pub pre_depends: &'a str,
    /// `Depends`.
    pub depends: &'a str,
    /// `Provides`.
    pub provides: &'a str,
    /// `Conflicts`.
    pub conflicts: &'a str,
    /// `Breaks`.
    pub breaks: &'a str,
    /// `Replaces`.
    pub replaces: &'a str,
    /// `Filename`: where the .deb is, relative to the archive's root. Never absolute, never with `..`.
    pub path: &'a str,
    /// `Size` of the .deb in bytes.
    pub size: u64,
    /// `SHA256` of the .deb.
    pub sha256: Digest,
    /// `Installed-Size` in KiB; zero when absent.
    pub installed_size: u64,
}

/// Reads an index, package by package.
///
/// ```
/// let index = "Package: hello\nVersion: 2.10-5\nArchitecture: amd64\nSource: hello-src (2.10)\n\
///              Filename: pool/main/h/hello/hello_2.10-5_amd64.deb\nSize: 53156\n\
///              SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
/// let hello = bareboat_formats::packages::parse(index).next().unwrap()?;
/// assert_eq!((hello.name, hello.version), ("hello", "2.10-5"));
/// assert_eq!((hello.source, hello.source_version), ("hello-src", "2.10"));
/// # Ok::<(), bareboat_model::Error>(())
/// ```
///
/// # Errors
/// An item is an error when a stanza lacks something that cannot be done without, or is malformed; the message
/// names the line and the package. After an error of syntax the iterator ends; after an error in one package it
/// goes on with the next.
pub fn parse<'a>(text: &'a str) -> impl Iterator<Item = Result<Package<'a>>> + 'a {
    deb822::parse(text).map(|stanza| {
        let stanza = stanza?;
        package(&stanza).context(|| match stanza.get("Package") {
            Some(name) => format!("line {}, package `{}`", stanza.line(), escape(name)),
            None => format!("line {}", stanza.line()),
        })
    })
}

/// The raw values of the fields that matter, empty where they are absent.
#[derive(Default)]
struct Values<'a> {
    package: &'a str,
    version: &'a str,
    architecture: &'a str,
    multi_arch: &'a str,
    source: &'a str,
    priority: &'a str,
    essential: &'a str,
    pre_depends: &'a str,
    depends: &'a str,
    provides: &'a str,
    conflicts: &'a str,
    breaks: &'a str,
    replaces: &'a str,
    filename: &'a str,
    size: &'a str,
    sha256: &'a str,
    installed_size: &'a str,
}

impl<'a> Values<'a> {
    /// Picks the fields in one pass: looking up each by its name takes as long as all the rest.
    fn of(stanza: &Stanza<'a>) -> Self {
        let mut values = Self::default();
        for field in stanza.fields() {
            if let Some(slot) = values.slot(field.name) {
                *slot = field.value;
            }
        }
        values
    }

    fn slot(&mut self, name: &str) -> Option<&mut &'a str> {
        // As long as the longest name below.
        let mut lower = [0; "installed-size".len()];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"package" => &mut self.package,
            b"version" => &mut self.version,
            b"architecture" => &mut self.architecture,
            b"multi-arch" => &mut self.multi_arch,
            b"source" => &mut self.source,
            b"priority" => &mut self.priority,
            b"essential" => &mut self.essential,
            b"pre-depends" => &mut self.pre_depends,
            b"depends" => &mut self.depends,
            b"provides" => &mut self.provides,
            b"conflicts" => &mut self.conflicts,
            b"breaks" => &mut self.breaks,
            b"replaces" => &mut self.replaces,
            b"filename" => &mut self.filename,
            b"size" => &mut self.size,
            b"sha256" => &mut self.sha256,
            b"installed-size" => &mut self.installed_size,
            _ => return None,
        })
    }
}

/// Debian policy 5.6.1: lower-case letters, digits, `+`, `-` and `.`, at least two, beginning with a letter or digit.
/// Upper case and `_` are met in third parties' archives.
fn check_name(name: &str) -> Result<()> {
    let inner = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte));
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    match inner && starts && name.len() <= 256 {
        true => Ok(()),
        false => Err(Error::new(format!("`{}` is no name of a package", escape(name)))),
    }
}

fn package<'a>(stanza: &Stanza<'a>) -> Result<Package<'a>> {
    let values = Values::of(stanza);
    let name = required("Package", values.package)?;
    let version = required("Version", values.version)?;
    let (source, source_version) = source(values.source, name, version)?;
    [name, source].into_iter().try_for_each(check_name)?;
    Ok(Package {
        name,
        version,
        architecture: required("Architecture", values.architecture)?,
        multi_arch: multi_arch(values.multi_arch)?,
        source,
        source_version,
        priority: values.priority,
        essential: values.essential.eq_ignore_ascii_case("yes"),
        pre_depends: values.pre_depends,
        depends: values.depends,
        provides: values.provides,
        conflicts: values.conflicts,
        breaks: values.breaks,
        replaces: values.replaces,
        path: archive_path::check(required("Filename", values.filename)?)?,
        size: number("Size", required("Size", values.size)?)?,
        sha256: Digest::from_hex(required("SHA256", values.sha256)?).context(|| "field `SHA256`")?,
        installed_size: match values.installed_size {
            "" => 0,
            size => number("Installed-Size", size)?,
        },
    })
}

fn required<'a>(name: &str, value: &'a str) -> Result<&'a str> {
    if value.is_empty() { Err(Error::new(format!("field `{name}` is missing"))) } else { Ok(value) }
}

/// Reads `Source: name` or `Source: name (version)`.
fn source<'a>(field: &'a str, name: &'a str, version: &'a str) -> Result<(&'a str, &'a str)> {
    if field.is_empty() {
        return Ok((name, version));
    }
    let Some((source, rest)) = field.split_once('(') else {
        return Ok((field, version));
    };
    match (source.trim(), rest.strip_suffix(')').map(str::trim)) {
        (source, Some(source_version)) if !source.is_empty() && !source_version.is_empty() => {
            Ok((source, source_version))
        }
        _ => Err(Error::new(format!("field `Source`: `{}` is not `name (version)`", escape(field)))),
    }
}

fn multi_arch(field: &str) -> Result<MultiArch> {
    match field {
        "" | "no" => Ok(MultiArch::No),
        "same" => Ok(MultiArch::Same),
        "foreign" => Ok(MultiArch::Foreign),
        "allowed" => Ok(MultiArch::Allowed),
        _ => Err(Error::new(format!(
            "field `Multi-Arch`: `{}` is none of no, same, foreign, allowed",
            escape(field)
        ))),
    }
}

fn number(name: &str, value: &str) -> Result<u64> {
    value.parse().map_err(|_| Error::new(format!("field `{name}`: `{}` is not a number", escape(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// A complete stanza, with `changes` in place of the fields of the same name (an empty value drops one).
    fn stanza(changes: &[(&str, &str)]) -> String {
        let mut fields = vec![
            ("Package", "libx1"),
            ("Version", "1.0-1+b1"),
            ("Architecture", "amd64"),
            ("Filename", "pool/main/x/x/libx1_1.0-1+b1_amd64.deb"),
            ("Size", "1234"),
            ("SHA256", HASH),
        ];
        fields.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>() + "\n"
    }

    fn one(text: &str) -> Result<Package<'_>> {
        parse(text).next().unwrap()
    }

    #[test]
    fn all_fields_are_read() {
        let text = stanza(&[
            ("Source", "x-src (1.0-1)"),
            ("multi-arch", "same"),
            ("Priority", "required"),
            ("Essential", "yes"),
            ("Pre-Depends", "a"),
            ("Depends", "b,\n c"),
            ("Provides", "d (= 1)"),
            ("Conflicts", "e"),
            ("Breaks", "f"),
            ("Replaces", "g"),
            ("Installed-Size", "77"),
            ("Description", "x"),
        ]);
        let expected = Package {
            name: "libx1",
            version: "1.0-1+b1",
            architecture: "amd64",
            multi_arch: MultiArch::Same,
            source: "x-src",
            source_version: "1.0-1",
            priority: "required",
            essential: true,
            pre_depends: "a",
            depends: "b,\n c",
            provides: "d (= 1)",
            conflicts: "e",
            breaks: "f",
            replaces: "g",
            path: "pool/main/x/x/libx1_1.0-1+b1_amd64.deb",
            size: 1234,
            sha256: Digest::from_hex(HASH).unwrap(),
            installed_size: 77,
        };
        assert_eq!(one(&text).unwrap(), expected);
    }

    #[test]
    fn what_is_absent_has_a_default() {
        let text = stanza(&[]);
        let package = one(&text).unwrap();
        assert_eq!((package.source, package.source_version), ("libx1", "1.0-1+b1"));
        assert_eq!((package.multi_arch, package.essential), (MultiArch::No, false));
        assert_eq!((package.depends, package.priority, package.installed_size), ("", "", 0));
        let text = stanza(&[("Source", "x")]);
        let package = one(&text).unwrap();
        assert_eq!((package.source, package.source_version), ("x", "1.0-1+b1"));
    }

    #[test]
    fn errors_name_the_line_and_the_package() {
        for (change, expected) in [
            (("Version", ""), "line 1, package `libx1`: field `Version` is missing"),
            (("Package", ""), "line 1: field `Package` is missing"),
            (("SHA256", ""), "line 1, package `libx1`: field `SHA256` is missing"),
            (
                ("SHA256", "ab"),
                "line 1, package `libx1`: field `SHA256`: `ab` is not a SHA-256 digest (64 hex digits)",
            ),
            (("Size", "-1"), "line 1, package `libx1`: field `Size`: `-1` is not a number"),
            (("Filename", "/x.deb"), "line 1, package `libx1`: path `/x.deb` is absolute"),
            (
                ("Filename", "pool/../../x.deb"),
                "line 1, package `libx1`: path `pool/../../x.deb` has an empty, `.` or `..` component",
            ),
            (("Source", "x ("), "line 1, package `libx1`: field `Source`: `x (` is not `name (version)`"),
            (
                ("Multi-Arch", "maybe"),
                "line 1, package `libx1`: field `Multi-Arch`: `maybe` is none of no, same, foreign, allowed",
            ),
        ] {
            assert_eq!(one(&stanza(&[change])).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn one_bad_package_does_not_hide_the_next() {
        let text = stanza(&[("Size", "x")]) + &stanza(&[("Package", "next")]);
        let packages: Vec<_> = parse(&text).collect();
        assert!(packages[0].is_err());
        assert_eq!(packages[1].as_ref().unwrap().name, "next");
    }

    #[test]
    fn after_broken_syntax_nothing_is_read() {
        let text = "no colon\n\n".to_owned() + &stanza(&[]);
        assert_eq!(parse(&text).count(), 1);
    }
}
