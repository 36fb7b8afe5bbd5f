//! APT's source lists: which archives this machine takes packages from, in both formats.
//!
//! One-line files (`/etc/apt/sources.list`, `*.list`) and deb822 files (`*.sources`), as sources.list(5) has them.
//! Only binary packages matter here: `deb-src` and disabled entries are left out. `trusted=yes` is read over,
//! for nothing is used unverified; so are the options that tune how APT itself downloads.

use std::path::PathBuf;

use bareboat_model::{Context, Error, Result, escape};

use crate::deb822::{self, Stanza};

/// One entry: each of its suites is to be had from each of its URIs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Where the archive's root is, as written.
    pub uris: Vec<String>,
    /// The suites; one that ends with `/` is a path, and has no components.
    pub suites: Vec<String>,
    /// The components, such as `main`.
    pub components: Vec<String>,
    /// The architectures it is restricted to; empty for no restriction.
    pub architectures: Vec<String>,
    /// The keys that may sign it; without, any key that APT trusts.
    pub signed_by: Option<SignedBy>,
    /// The line where the entry begins, counted from 1.
    pub line: usize,
}

/// The keys that may sign an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignedBy {
    /// The keys in these files.
    Files(Vec<PathBuf>),
    /// These keys of the ones that APT trusts: fingerprints in upper-case hex. A `!` at the end means this very
    /// key and none of its subkeys.
    Fingerprints(Vec<String>),
    /// This key, ASCII-armoured.
    Key(String),
}

/// Reads a one-line file (`*.list`).
///
/// ```
/// use bareboat_formats::apt_sources::parse_list;
/// let sources = parse_list("deb [arch=amd64] http://mirror.test/debian trixie main # ours\n")?;
/// assert_eq!(sources[0].suites, ["trixie"]);
/// assert_eq!(sources[0].architectures, ["amd64"]);
/// # Ok::<(), bareboat_model::Error>(())
/// ```
///
/// # Errors
/// When a line is not of the form `deb [options] uri suite components…`. The message names the line.
pub fn parse_list(text: &str) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        sources.extend(list_line(line, number).context(|| format!("line {number}"))?);
    }
    Ok(sources)
}

/// Reads a deb822 file (`*.sources`).
///
/// # Errors
/// When the file is no control syntax, or an entry lacks `Types`, `URIs`, `Suites` or `Components`. The message
/// names the line.
pub fn parse_sources(text: &str) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for stanza in deb822::parse_with_comments(text) {
        let stanza = stanza?;
        sources.extend(entry(&stanza).context(|| format!("the entry in line {}", stanza.line()))?);
    }
    Ok(sources)
}

fn list_line(line: &str, number: usize) -> Result<Option<Source>> {
    let line = line.trim();
    let (kind, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match kind {
        "deb" => {}
        "deb-src" | "" => return Ok(None),
        comment if comment.starts_with('#') => return Ok(None),
        _ => return Err(Error::new(format!("`{}` is neither deb nor deb-src", escape(kind)))),
    }
    let (options, rest) = split_options(rest.trim_start())?;
    let rest = rest.split('#').next().unwrap_or_default();
    let mut words = rest.split_whitespace().map(str::to_owned);
    let mut source = Source {
        uris: words.next().into_iter().collect(),
        suites: words.next().into_iter().collect(),
        components: words.collect(),
        architectures: Vec::new(),
        signed_by: None,
        line: number,
    };
    for option in options.split_whitespace() {
        match option.split_once('=') {
            Some(("arch", value)) => source.architectures = list(value),
            Some(("signed-by", value)) => source.signed_by = signed_by(value)?,
            Some(_) => {}
            None => return Err(Error::new(format!("option `{}` is not `name=value`", escape(option)))),
        }
    }
    check(&source)?;
    Ok(Some(source))
}

/// Splits `[options] rest`.
fn split_options(text: &str) -> Result<(&str, &str)> {
    match text.strip_prefix('[') {
        None => Ok(("", text)),
        Some(rest) => {
            rest.split_once(']').ok_or_else(|| Error::new("options that begin with `[` have no `]`"))
        }
    }
}

fn entry(stanza: &Stanza<'_>) -> Result<Option<Source>> {
    let words = |name: &str| -> Vec<String> {
        let lines = stanza.field(name).map(deb822::Field::lines);
        lines.into_iter().flatten().flat_map(str::split_whitespace).map(str::to_owned).collect()
    };
    if stanza.get("Enabled").is_some_and(means_no) {
        return Ok(None);
    }
    let types = words("Types");
    if let Some(unknown) = types.iter().find(|kind| !matches!(kind.as_str(), "deb" | "deb-src")) {
        return Err(Error::new(format!("`{}` in `Types` is neither deb nor deb-src", escape(unknown))));
    }
    if types.is_empty() {
        return Err(Error::new("field `Types` is missing"));
    }
    if !types.iter().any(|kind| kind == "deb") {
        return Ok(None);
    }
    let source = Source {
        uris: words("URIs"),
        suites: words("Suites"),
        components: words("Components"),
        architectures: words("Architectures"),
        signed_by: match stanza.field("Signed-By") {
            None => None,
            Some(field) => embedded_key(field)
                .map_or_else(|| signed_by(&words("Signed-By").join(" ")), |key| Ok(Some(key)))?,
        },
        line: stanza.line(),
    };
    check(&source)?;
    Ok(Some(source))
}

/// What APT takes for "no" (`StringToBool`).
fn means_no(value: &str) -> bool {
    ["no", "false", "without", "off", "disable", "0"].iter().any(|no| value.eq_ignore_ascii_case(no))
}

/// The key in a `Signed-By` field that holds one, not the names of some. An empty line in it is written ` .`.
fn embedded_key(field: &deb822::Field<'_>) -> Option<SignedBy> {
    field.lines().next().filter(|line| line.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"))?;
    let lines = field.lines().map(|line| if line == "." { "" } else { line });
    Some(SignedBy::Key(lines.flat_map(|line| [line, "\n"]).collect()))
}

/// Reads paths or fingerprints, separated by commas or blanks.
fn signed_by(value: &str) -> Result<Option<SignedBy>> {
    let values = list(value);
    if values.is_empty() {
        return Ok(None);
    }
    if values.iter().all(|value| value.starts_with('/')) {
        return Ok(Some(SignedBy::Files(values.iter().map(PathBuf::from).collect())));
    }
    let fingerprints = values.iter().map(|value| fingerprint(value)).collect::<Result<_>>()?;
    Ok(Some(SignedBy::Fingerprints(fingerprints)))
}

fn fingerprint(value: &str) -> Result<String> {
    let digits = value.strip_suffix('!').unwrap_or(value);
    // 20 bytes for keys of version 4, 32 for version 6.
    if matches!(digits.len(), 40 | 64) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(value.to_ascii_uppercase());
    }
    Err(Error::new(format!(
        "`{}` in `Signed-By` is neither an absolute path nor a fingerprint",
        escape(value)
    ))
    .with_hint("give either only paths of key files, or only fingerprints of 40 hex digits"))
}

fn list(value: &str) -> Vec<String> {
    value.split([',', ' ', '\t']).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn check(source: &Source) -> Result<()> {
    let missing = |what: &str| Err(Error::new(format!("there is no {what}")));
    if source.uris.is_empty() {
        return missing("URI");
    }
    if source.suites.is_empty() {
        return missing("suite");
    }
    for suite in &source.suites {
        match (suite.ends_with('/'), source.components.is_empty()) {
            (false, true) => return missing(&format!("component for suite `{}`", escape(suite))),
            (true, false) => {
                return Err(Error::new(format!(
                    "suite `{}` is a path, and cannot have components",
                    escape(suite)
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: &str = "1F89983E0081FDE018F3CC9673A4F27B8DD47936";

    fn source(suites: &[&str], components: &[&str], line: usize) -> Source {
        let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Source {
            uris: vec!["http://mirror.test/debian".into()],
            suites: own(suites),
            components: own(components),
            architectures: Vec::new(),
            signed_by: None,
            line,
        }
    }

    #[test]
    fn one_line_files_are_read() {
        let text = format!(
            "# comment\n\ndeb http://mirror.test/debian trixie main contrib # more\n\
             deb-src http://mirror.test/debian trixie main\n  #deb x y z\n\
             deb [ arch=amd64,arm64 trusted=yes signed-by=/a.gpg,/b.asc ] http://mirror.test/debian trixie main\n\
             deb [signed-by={}!] http://mirror.test/debian ./\n",
            FINGERPRINT.to_lowercase()
        );
        let expected = [
            source(&["trixie"], &["main", "contrib"], 3),
            Source {
                architectures: vec!["amd64".into(), "arm64".into()],
                signed_by: Some(SignedBy::Files(vec!["/a.gpg".into(), "/b.asc".into()])),
                ..source(&["trixie"], &["main"], 6)
            },
            Source {
                signed_by: Some(SignedBy::Fingerprints(vec![format!("{FINGERPRINT}!")])),
                ..source(&["./"], &[], 7)
            },
        ];
        assert_eq!(parse_list(&text).unwrap(), expected);
    }

    #[test]
    fn deb822_files_are_read() {
        let text = format!(
            "Types: deb deb-src\n# a snapshot stood here\nURIs: http://mirror.test/debian\n\
             Suites: trixie trixie-updates\nComponents: main\n# why\n contrib\nArchitectures: amd64\n\
             Signed-By: /usr/share/keyrings/some.gpg\n\n\
             Types: deb-src\nURIs: http://mirror.test/debian\nSuites: trixie\nComponents: main\n\n\
             # nothing but a comment\n\n\
             Enabled: No\nTypes: deb\nURIs: http://mirror.test/debian\nSuites: trixie\nComponents: main\n\n\
             Types: deb\nURIs: http://mirror.test/debian\nSuites: ./\nTrusted: yes\nSigned-By:\n {FINGERPRINT}\n \
             {FINGERPRINT}\n"
        );
        let expected = [
            Source {
                architectures: vec!["amd64".into()],
                signed_by: Some(SignedBy::Files(vec!["/usr/share/keyrings/some.gpg".into()])),
                ..source(&["trixie", "trixie-updates"], &["main", "contrib"], 1)
            },
            Source {
                signed_by: Some(SignedBy::Fingerprints(vec![FINGERPRINT.into(), FINGERPRINT.into()])),
                ..source(&["./"], &[], 24)
            },
        ];
        assert_eq!(parse_sources(&text).unwrap(), expected);
    }

    #[test]
    fn a_key_can_stand_in_the_file() {
        let text = "Types: deb\nURIs: http://mirror.test/debian\nSuites: x\nComponents: main\nSigned-By:\n \
                    -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEabc=\n -----END PGP PUBLIC KEY BLOCK-----\n";
        let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEabc=\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(parse_sources(text).unwrap()[0].signed_by, Some(SignedBy::Key(key.into())));
    }

    #[test]
    fn errors_in_one_line_files_name_the_line() {
        for (text, expected) in [
            ("\nrpm http://mirror.test x y\n", "line 2: `rpm` is neither deb nor deb-src"),
            ("deb\n", "line 1: there is no URI"),
            ("deb http://mirror.test\n", "line 1: there is no suite"),
            ("deb http://mirror.test x # main\n", "line 1: there is no component for suite `x`"),
            ("deb http://mirror.test ./ main\n", "line 1: suite `./` is a path, and cannot have components"),
            (
                "deb [arch=amd64 http://mirror.test x main\n",
                "line 1: options that begin with `[` have no `]`",
            ),
            ("deb [arch] http://mirror.test x main\n", "line 1: option `arch` is not `name=value`"),
            (
                "deb [signed-by=key.gpg] http://mirror.test x main\n",
                "line 1: `key.gpg` in `Signed-By` is neither an absolute path nor a fingerprint",
            ),
        ] {
            assert_eq!(parse_list(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn errors_in_deb822_files_name_the_line() {
        for (text, expected) in [
            ("\nURIs: x\n", "the entry in line 2: field `Types` is missing"),
            ("Types: rpm\n", "the entry in line 1: `rpm` in `Types` is neither deb nor deb-src"),
            ("Types: deb\nSuites: x\n", "the entry in line 1: there is no URI"),
            ("Types: deb\nURIs: x\n", "the entry in line 1: there is no suite"),
            ("Types: deb\nURIs: x\nSuites: y\n", "the entry in line 1: there is no component for suite `y`"),
            ("Types: deb\nTypes: deb\n", "line 2: field `Types` is given twice, first in line 1"),
        ] {
            assert_eq!(parse_sources(text).unwrap_err().to_string(), expected);
        }
    }
}
