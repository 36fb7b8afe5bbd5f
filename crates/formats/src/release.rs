//! Release files: which indexes a suite has, by hash, and until when they may be used.
//!
//! Parse only text that a signature covers: what [`crate::openpgp`] returns, never the raw file.

use std::collections::BTreeMap;

use bareboat_model::{Context, Digest, Error, Result, Timestamp, escape};

use crate::{archive_path, deb822};

/// How far the date of a Release may lie ahead of this machine's clock, in seconds. APT's own bound
/// (`Acquire::Max-FutureTime`).
const MAX_FUTURE: i64 = 10;

/// A suite's Release file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// Who makes the archive, such as `Debian`.
    pub origin: Option<String>,
    /// The archive's name for itself, such as `Debian` or `Debian-Security`.
    pub label: Option<String>,
    /// The suite, such as `stable`.
    pub suite: Option<String>,
    /// The release's name, such as `trixie`.
    pub codename: Option<String>,
    /// The release's number, such as `13.1`.
    pub version: Option<String>,
    /// When it was made.
    pub date: Timestamp,
    /// After when it must not be used, if it says so.
    pub valid_until: Option<Timestamp>,
    /// The components, such as `main`.
    pub components: Vec<String>,
    /// The architectures that have an index, `all` among them where it has its own.
    pub architectures: Vec<String>,
    /// Whether indexes can be had by their hash, which no mirror update can pull away.
    pub acquire_by_hash: bool,
    /// Whether `Architecture: all` packages are in every architecture's index, although `all` has one of its
    /// own (`No-Support-for-Architecture-all: Packages`).
    pub no_support_for_architecture_all: bool,
    /// The indexes, by their path below the suite's directory, such as `main/binary-amd64/Packages.xz`.
    pub files: BTreeMap<String, IndexFile>,
}

/// What a Release file says of one index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexFile {
    /// In bytes.
    pub size: u64,
    /// Of the file as it is served.
    pub sha256: Digest,
}

impl Release {
    /// Reads the text of a Release file.
    ///
    /// ```
    /// let text = "Codename: trixie\nDate: Sat, 15 Nov 2025 10:00:00 UTC\nComponents: main\nSHA256:\n \
    ///             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages\n";
    /// let release = bareboat_formats::release::Release::parse(text)?;
    /// assert_eq!(release.components, ["main"]);
    /// assert_eq!(release.files["main/binary-amd64/Packages"].size, 0);
    /// # Ok::<(), bareboat_model::Error>(())
    /// ```
    ///
    /// # Errors
    /// When it is not one stanza, when `Date` or `SHA256` is missing, or when a date or an entry of the file
    /// list is wrong. The message names the line.
    pub fn parse(text: &str) -> Result<Self> {
        let stanza = deb822::single(text)?;
        let own = |name: &str| stanza.get(name).map(str::to_owned);
        let words = |name: &str| -> Vec<String> {
            stanza.get(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        stanza.require("Date")?;
        let sha256 = stanza.field("SHA256").ok_or_else(|| {
            Error::new("field `SHA256` is missing")
                .with_hint("the archive offers only hashes that are too weak")
        })?;
        Ok(Self {
            origin: own("Origin"),
            label: own("Label"),
            suite: own("Suite"),
            codename: own("Codename"),
            version: own("Version"),
            date: date(&stanza, "Date")?.unwrap_or_default(),
            valid_until: date(&stanza, "Valid-Until")?,
            components: words("Components"),
            architectures: words("Architectures"),
            acquire_by_hash: stanza
                .get("Acquire-By-Hash")
                .is_some_and(|value| value.eq_ignore_ascii_case("yes")),
            no_support_for_architecture_all: words("No-Support-for-Architecture-all")
                .iter()
                .any(|index| index.eq_ignore_ascii_case("Packages")),
            files: files(sha256)?,
        })
    }

    /// Refuses a Release that may not be used at `now`: one past its `Valid-Until`, or from the future.
    ///
    /// # Errors
    /// In those two cases; the message shows both dates.
    pub fn check_dates(&self, now: Timestamp) -> Result<()> {
        if let Some(until) = self.valid_until.filter(|&until| until < now) {
            return Err(Error::new(format!("the Release file expired on {until}, and now it is {now}"))
                .with_hint("the mirror is out of date, or this machine's clock is wrong"));
        }
        if self.date.seconds() > now.seconds().saturating_add(MAX_FUTURE) {
            return Err(Error::new(format!(
                "the Release file is dated {}, which is after now, {now}",
                self.date
            ))
            .with_hint("this machine's clock is wrong"));
        }
        Ok(())
    }
}

fn date(stanza: &deb822::Stanza<'_>, name: &str) -> Result<Option<Timestamp>> {
    let Some(field) = stanza.field(name) else { return Ok(None) };
    Timestamp::from_rfc2822(field.value).context(|| format!("line {}: field `{name}`", field.line)).map(Some)
}

/// Reads lines of the form `hash size path`.
fn files(field: &deb822::Field<'_>) -> Result<BTreeMap<String, IndexFile>> {
    let mut files = BTreeMap::new();
    for (nth, line) in field.value.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // The first line of the value stands behind `SHA256:`, or is not there when the value was trimmed.
        let (path, file) =
            file(line).context(|| format!("line {}, entry {} of `SHA256`", field.line, nth + 1))?;
        if let Some(first) = files.insert(path.to_owned(), file).filter(|&first| first != file) {
            return Err(Error::new(format!(
                "line {}: `{path}` is listed twice, with {} and with {}",
                field.line, first.sha256, file.sha256
            )));
        }
    }
    Ok(files)
}

fn file(line: &str) -> Result<(&str, IndexFile)> {
    let mut words = line.split_whitespace();
    let (Some(hash), Some(size), Some(path), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Error::new(format!("`{}` is not `hash size path`", escape(line.trim()))));
    };
    let sha256 = Digest::from_hex(hash)?;
    let size = size.parse().map_err(|_| Error::new(format!("`{}` is not a size in bytes", escape(size))))?;
    Ok((archive_path::check(path)?, IndexFile { size, sha256 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn text(entries: &str) -> String {
        format!("Suite: stable\nDate: Sat, 12 Sep 2026 07:55:41 UTC\nSHA256:\n{entries}")
    }

    fn error(text: &str) -> String {
        Release::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_release_like_debians_is_read_in_full() {
        let release = Release::parse(&format!(
            "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nVersion: 13\n\
             Codename: trixie-security\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n\
             Valid-Until: Sat, 19 Sep 2026 07:55:41 UTC\nAcquire-By-Hash: yes\n\
             No-Support-for-Architecture-all: Packages\nArchitectures: all amd64 arm64\n\
             Components: updates/main updates/contrib\nDescription: x\nMD5Sum:\n 0 0 x\nSHA256:\n \
             {EMPTY}        0 updates/main/binary-amd64/Packages\n {EMPTY} 12345 updates/main/binary-all/Packages.xz\n"
        ))
        .unwrap();
        assert_eq!(release.origin.as_deref(), Some("Debian"));
        assert_eq!(release.label.as_deref(), Some("Debian-Security"));
        assert_eq!(release.suite.as_deref(), Some("stable-security"));
        assert_eq!(release.codename.as_deref(), Some("trixie-security"));
        assert_eq!(release.version.as_deref(), Some("13"));
        assert_eq!(release.date.to_string(), "2026-09-12T07:55:41Z");
        assert_eq!(release.valid_until.unwrap().to_string(), "2026-09-19T07:55:41Z");
        assert!(release.acquire_by_hash && release.no_support_for_architecture_all);
        assert_eq!(release.architectures, ["all", "amd64", "arm64"]);
        assert_eq!(release.components, ["updates/main", "updates/contrib"]);
        assert_eq!(release.files.len(), 2);
        assert_eq!(release.files["updates/main/binary-all/Packages.xz"].size, 12345);
        assert_eq!(release.files["updates/main/binary-amd64/Packages"].sha256.hex(), EMPTY);
    }

    #[test]
    fn dates_decide_whether_it_may_be_used() {
        let mut release = Release::parse(&text("")).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        release.valid_until = Some(at("2026-09-19T00:00:00Z"));
        assert!(release.check_dates(at("2026-09-12T07:55:41Z")).is_ok());
        assert!(release.check_dates(at("2026-09-12T07:55:31Z")).is_ok(), "within the skew");
        assert!(release.check_dates(at("2026-09-19T00:00:00Z")).is_ok(), "the last second");
        let early = release.check_dates(at("2026-09-12T07:55:30Z")).unwrap_err();
        assert_eq!(
            early.to_string(),
            "the Release file is dated 2026-09-12T07:55:41Z, which is after now, 2026-09-12T07:55:30Z"
        );
        let late = release.check_dates(at("2026-09-19T00:00:01Z")).unwrap_err();
        assert_eq!(
            late.to_string(),
            "the Release file expired on 2026-09-19T00:00:00Z, and now it is 2026-09-19T00:00:01Z"
        );
        assert!(early.hint().is_some() && late.hint().is_some());
        release.valid_until = None;
        assert!(release.check_dates(at("2036-01-01T00:00:00Z")).is_ok());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, expected) in [
            ("Suite: x\n".to_owned(), "line 1: field `Date` is missing"),
            ("Date: Sat, 12 Sep 2026 07:55:41 UTC\n".to_owned(), "field `SHA256` is missing"),
            ("Date: soon\nSHA256:\n".to_owned(), "line 1: field `Date`: `soon` is not a date"),
            (
                text(" abc 0 x\n"),
                "line 3, entry 1 of `SHA256`: `abc` is not a SHA-256 digest (64 hex digits)",
            ),
            (
                text(&format!(" {EMPTY} 0\n")),
                &format!("line 3, entry 1 of `SHA256`: `{EMPTY} 0` is not `hash size path`"),
            ),
            (text(&format!(" {EMPTY} -1 x\n")), "line 3, entry 1 of `SHA256`: `-1` is not a size in bytes"),
            (
                text(&format!(" {EMPTY} 0 x\n {EMPTY} 0 ../x\n")),
                "line 3, entry 2 of `SHA256`: path `../x` has an empty, `.` or `..` component",
            ),
            (text(&format!(" {EMPTY} 0 /x\n")), "line 3, entry 1 of `SHA256`: path `/x` is absolute"),
            (
                text(&format!(" {EMPTY} 0 x\n {} 0 x\n", "0".repeat(64))),
                &format!(
                    "line 3: `x` is listed twice, with sha256:{EMPTY} and with sha256:{}",
                    "0".repeat(64)
                ),
            ),
        ] {
            assert_eq!(error(&text), expected);
        }
    }

    #[test]
    fn an_entry_repeated_word_for_word_is_no_contradiction() {
        assert_eq!(Release::parse(&text(&format!(" {EMPTY} 0 x\n {EMPTY} 0 x\n"))).unwrap().files.len(), 1);
    }
}
