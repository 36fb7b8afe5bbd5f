//! Release files: fetched, verified, and held against what was asked for.

use std::io::Write as _;

use bareboat_formats::openpgp::{Keyring, Policy, Verified, verify_clearsigned, verify_detached};
use bareboat_formats::release::Release;
use bareboat_model::{Context, Digest, Error, Progress, Result, Timestamp, escape};

use super::Archive;
use crate::http::{Http, without_password};
use crate::store::Store;

/// Debian's are 150 kB; those with many components and architectures a few times that.
const LARGEST: u64 = 8 << 20;

/// The store's entries of Release files: the length of the text, the text, and a detached signature.
const ENTRY: &str = "release-1";

/// A suite whose Release file was verified.
#[derive(Clone)]
pub struct Suite {
    /// Where it came from.
    pub archive: Archive,
    /// The signed text, parsed.
    pub release: Release,
    /// The digest of the signed text.
    pub digest: Digest,
    /// The fingerprints of the keys that signed it, as far as they are trusted.
    pub signers: Vec<String>,
}

/// Fetches the suite's `InRelease`, else its `Release` and `Release.gpg`, and verifies it. Without network it is
/// the one that was fetched last, as long as it is valid. None when the mirror has no such suite.
///
/// # Errors
/// When the mirror cannot be reached, no trusted key signed it, it is out of date
/// at `now`, or it is another suite's.
pub fn fetch_release(
    http: &Http,
    store: &Store,
    archive: &Archive,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<Option<Suite>> {
    let policy = Policy { now, allow_sha1_bindings: archive.allow_sha1_bindings };
    let remembered = match http.forbids(&archive.mirror) {
        true => Signed::remembered(store, archive)?,
        false => None,
    };
    let fetched = || Signed::fetch(http, archive);
    let Some(signed) = remembered.map_or_else(fetched, |signed| Ok(Some(signed)))? else { return Ok(None) };
    let verify = || signed.verify(&archive.keyring, &policy);
    let Verified { text, signers } = verify().context(|| format!("cannot verify {}", shown(archive)))?;
    let check = || -> Result<Release> {
        let release = Release::parse(&text)?;
        release.check_dates(now)?;
        check_name(&archive.suite, &release)?;
        Ok(release)
    };
    let release = check().context(|| format!("cannot use {}", shown(archive)))?;
    progress.story(&format!("verified {}, of {}", shown(archive), release.date));
    signed.remember(store, archive).context(|| format!("cannot keep {}", shown(archive)))?;
    Ok(Some(Suite { archive: archive.clone(), release, digest: Digest::of(text.as_bytes()), signers }))
}

/// A Release file as it was served.
enum Signed {
    /// `InRelease`.
    Inline(Vec<u8>),
    /// `Release` and `Release.gpg`.
    Detached { text: Vec<u8>, signature: Vec<u8> },
}

impl Signed {
    fn fetch(http: &Http, archive: &Archive) -> Result<Option<Self>> {
        if let Some(message) = http.get(&archive.in_suite("InRelease"), LARGEST)? {
            return Ok(Some(Self::Inline(message)));
        }
        let Some(text) = http.get(&archive.in_suite("Release"), LARGEST)? else { return Ok(None) };
        let signature = http.get(&archive.in_suite("Release.gpg"), LARGEST)?.ok_or_else(|| {
            Error::new("it is not signed: there is neither InRelease nor Release.gpg")
                .context(format!("cannot verify {}", shown(archive)))
        })?;
        Ok(Some(Self::Detached { text, signature }))
    }

    fn verify(&self, keyring: &Keyring, policy: &Policy) -> Result<Verified> {
        match self {
            Self::Inline(message) => verify_clearsigned(message, keyring, policy),
            Self::Detached { text, signature } => verify_detached(text, signature, keyring, policy),
        }
    }

    /// Keeps it for runs without network, which verify it again.
    fn remember(&self, store: &Store, archive: &Archive) -> Result<()> {
        let (text, signature) = match self {
            Self::Inline(message) => (message, &[][..]),
            Self::Detached { text, signature } => (text, &signature[..]),
        };
        let entry = [format!("{}\n", text.len()).as_bytes(), text, signature].concat();
        let key = Self::key(archive);
        if store.read_entry(ENTRY, &key)?.is_some_and(|known| known == entry) {
            return Ok(());
        }
        store.write_entry(ENTRY, &key, |file| Ok(file.write_all(&entry)?))
    }

    fn remembered(store: &Store, archive: &Archive) -> Result<Option<Self>> {
        let Some(entry) = store.read_entry(ENTRY, &Self::key(archive))? else { return Ok(None) };
        let parsed = || {
            let end_of_line = entry.iter().position(|&byte| byte == b'\n')?;
            let length: usize = std::str::from_utf8(&entry[..end_of_line]).ok()?.parse().ok()?;
            entry[end_of_line + 1..].split_at_checked(length)
        };
        // One that cannot be read is as good as none.
        Ok(parsed().map(|(text, signature)| match signature {
            [] => Self::Inline(text.to_vec()),
            _ => Self::Detached { text: text.to_vec(), signature: signature.to_vec() },
        }))
    }

    fn key(archive: &Archive) -> Digest {
        Digest::of(archive.in_suite("").as_bytes())
    }
}

/// What to say when [`fetch_release`] finds no such suite.
pub fn no_such_suite(archive: &Archive) -> Error {
    Error::new(format!("cannot fetch {}: the mirror has no such suite", shown(archive)))
        .with_hint(format!("look at {}/dists/ for the suites that it has", without_password(&archive.mirror)))
}

/// A mirror must not answer with another suite, however well signed it is: an old one has old packages.
fn check_name(asked: &str, release: &Release) -> Result<()> {
    let names: Vec<&str> =
        [&release.codename, &release.suite].into_iter().flatten().map(String::as_str).collect();
    if names.is_empty() || names.contains(&asked) {
        return Ok(());
    }
    Err(Error::new(format!(
        "asked for `{}`, the mirror serves `{}`",
        escape(asked),
        escape(&names.join("` or `"))
    ))
    .with_hint("the mirror is set up wrongly, or somebody between it and here exchanges files"))
}

/// The suite for messages.
pub(super) fn shown(archive: &Archive) -> String {
    format!("the Release file of {archive}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_answers_to_its_code_name_and_its_suite() {
        let release = |names: &str| {
            Release::parse(&format!("{names}Date: Sat, 15 Nov 2025 10:00:00 UTC\nSHA256:\n")).unwrap()
        };
        let trixie = release("Codename: trixie\nSuite: stable\n");
        assert!(check_name("trixie", &trixie).is_ok() && check_name("stable", &trixie).is_ok());
        assert!(check_name("./", &release("")).is_ok());
        let error = check_name("bookworm", &trixie).unwrap_err();
        assert_eq!(error.to_string(), "asked for `bookworm`, the mirror serves `trixie` or `stable`");
    }
}
