//! Who one is at a registry, as Docker's `config.json` and containers' `auth.json` tell.
//!
//! By hand, because the crate for it (docker_credential) looks up a host only, while containers' files have keys with
//! paths; it waits for helpers for ever, and keeps all that they write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bareboat_model::{Context, Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::helper;
use crate::files::read_bounded;

/// What Docker calls its own registry in these files.
pub(super) const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Such a file has a line or two for each registry.
pub(super) const LARGEST_FILE: u64 = 4 << 20;

/// What proves who one is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    /// A name and a password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// What is changed for tokens at the token server (OAuth 2's refresh token).
    Identity(String),
    /// A token for the registry itself.
    Token(String),
}

/// What proves who one is, and where it is from.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credential {
    /// The proof.
    pub(super) secret: Secret,
    /// The file or helper that it is from, for messages; empty if it was given just now.
    pub(super) source: String,
}

/// Never shown, not even by mistake.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential(from {})", self.source)
    }
}

impl Credential {
    /// Whether somebody gave it just now.
    pub(super) fn is_new(&self) -> bool {
        self.source.is_empty()
    }

    /// Whose it is and where from, for messages.
    pub(super) fn told(&self) -> String {
        match &self.secret {
            Secret::Password { user, .. } => format!("the password of `{user}` from {}", self.source),
            Secret::Identity(_) | Secret::Token(_) => format!("the token from {}", self.source),
        }
    }
}

/// A file of either kind. Fields that are not known are of no interest here.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AuthFile {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// The credential for the repository `name` (`HOST/PATH`), from the first of `files` that has one.
///
/// A key with a longer path goes before a shorter one, as containers-auth.json(5) has it. `warn` gets what a helper has
/// to complain of; none is waited for longer than `longest`.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn look_up(
    files: &[PathBuf],
    name: &str,
    longest: Duration,
    warn: &dyn Fn(&str),
) -> Result<Option<Credential>> {
    for path in files {
        let found =
            in_file(path, name, longest, warn).context(|| format!("cannot read `{}`", path.display()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What is wrong with a file. The parser's own words quote what they found, which may be a secret.
pub(super) fn malformed(error: &serde_json::Error) -> Error {
    Error::new(format!(
        "line {}, column {}: it is not the JSON that it should be",
        error.line(),
        error.column()
    ))
}

fn in_file(path: &Path, name: &str, longest: Duration, warn: &dyn Fn(&str)) -> Result<Option<Credential>> {
    let Some(bytes) = read_bounded(path, LARGEST_FILE)? else { return Ok(None) };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let file: AuthFile = serde_json::from_slice(&bytes).map_err(|error| malformed(&error))?;
    let host = name.split('/').next().unwrap_or(name);
    let ask = |helper: &str| {
        helper::get(helper, helper_key(host), longest).unwrap_or_else(|error| {
            warn(&format!("{error}, named in `{}`; going on without", path.display()));
            None
        })
    };
    if let Some(helper) = file.cred_helpers.iter().flatten().find(|(key, _)| is_host(key, host)) {
        return Ok(ask(helper.1));
    }
    for key in keys(name) {
        let entries = file.auths.iter().flatten();
        let entry =
            entries.filter(|(theirs, _)| theirs.as_str() == key).find_map(|(_, entry)| entry.as_ref());
        if let Some(secret) = entry.map(|entry| entry.secret(&key)).transpose()?.flatten() {
            return Ok(Some(Credential { secret, source: format!("`{}`", path.display()) }));
        }
    }
    for (key, entry) in file.auths.iter().flatten() {
        if is_host(key, host)
            && let Some(secret) = entry.as_ref().map(|entry| entry.secret(key)).transpose()?.flatten()
        {
            return Ok(Some(Credential { secret, source: format!("`{}`", path.display()) }));
        }
    }
    Ok(file.creds_store.as_deref().filter(|helper| !helper.is_empty()).and_then(ask))
}

/// `h/a/b`, `h/a`, `h`.
fn keys(name: &str) -> impl Iterator<Item = String> {
    let ends = name.rmatch_indices('/').map(|(at, _)| at);
    std::iter::once(name.len()).chain(ends).map(|end| name[..end].to_owned()).collect::<Vec<_>>().into_iter()
}

/// Whether a key is for all of a host: Docker also writes it as `https://HOST/v1/`.
pub(super) fn is_host(key: &str, host: &str) -> bool {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let theirs = match bare {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key,
    };
    theirs == host || (host == super::HUB && matches!(theirs, "index.docker.io" | "registry-1.docker.io"))
}

/// What helpers know a host by.
pub(super) fn helper_key(host: &str) -> &str {
    if host == super::HUB { HUB_KEY } else { host }
}

impl Entry {
    fn secret(&self, key: &str) -> Result<Option<Secret>> {
        let set = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        if let Some(token) = set(&self.identitytoken) {
            return Ok(Some(Secret::Identity(token)));
        }
        if let Some(token) = set(&self.registrytoken) {
            return Ok(Some(Secret::Token(token)));
        }
        if let Some(auth) = set(&self.auth) {
            return decode(&auth).map(Some).ok_or_else(|| {
                let key = bareboat_model::escape(key);
                Error::new(format!("the `auth` of `{key}` is not NAME:PASSWORD in Base64"))
            });
        }
        let user = set(&self.username).zip(set(&self.password));
        Ok(user.map(|(user, password)| Secret::Password { user, password }))
    }
}

fn decode(auth: &str) -> Option<Secret> {
    // Docker's own files end in NUL bytes at times, and some tools leave the padding away.
    let bytes = STANDARD.decode(auth.trim()).or_else(|_| {
        let padding = "=".repeat(auth.trim().len().wrapping_neg() % 4);
        STANDARD.decode(format!("{}{padding}", auth.trim()))
    });
    let text = String::from_utf8(bytes.ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    let password = password.trim_end_matches('\0').to_owned();
    Some(Secret::Password { user: user.to_owned(), password })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, name: &str) -> Result<Option<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        std::fs::write(&path, file).unwrap();
        let found = look_up(&[folder.path().join("missing"), path], name, Duration::from_secs(20), &|_| {})?;
        Ok(found.map(|credential| match credential.secret {
            Secret::Password { user, password } => format!("{user}:{password}"),
            Secret::Identity(token) => format!("identity {token}"),
            Secret::Token(token) => format!("token {token}"),
        }))
    }

    fn file(entries: &[(&str, &str)]) -> String {
        let entries = entries
            .iter()
            .map(|(key, who)| format!(r#""{key}": {{"auth": "{}"}}"#, STANDARD.encode(format!("{who}:pw"))));
        format!(r#"{{"auths": {{{}}}}}"#, entries.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn the_key_with_the_longest_path_counts() {
        let paths = file(&[
            ("h.test", "host"),
            ("h.test/a", "a"),
            ("h.test/a/b/c", "c"),
            ("https://other.test/v1/", "other"),
        ]);
        for (name, expected) in [
            ("h.test/x", Some("host:pw")),
            ("h.test/a/x", Some("a:pw")),
            ("h.test/ab", Some("host:pw")),
            ("h.test/a/b/c", Some("c:pw")),
            ("h.test/a/b/c/d", Some("c:pw")),
            ("h.test", Some("host:pw")),
            ("h.test:5000/a", None),
            ("other.test/x", Some("other:pw")),
            ("another.test/x", None),
            ("evil.test/h.test/a", None),
        ] {
            assert_eq!(found(&paths, name).unwrap().as_deref(), expected, "{name}");
        }
        for key in [HUB_KEY, "docker.io", "index.docker.io", "https://index.docker.io/v2/"] {
            assert_eq!(
                found(&file(&[(key, "hub")]), "docker.io/library/x").unwrap().as_deref(),
                Some("hub:pw"),
                "{key}"
            );
        }
    }

    #[test]
    fn all_kinds_of_entries_are_read() {
        for (entry, expected) in [
            (r#"{"auth":"bWU6cHc6d2l0aDpjb2xvbnM="}"#, Some("me:pw:with:colons")),
            (r#"{"auth":"bWU6cHcA"}"#, Some("me:pw")),
            (r#"{"auth":"bWU6cGFzcw"}"#, Some("me:pass")),
            (r#"{"username":"me","password":"pw"}"#, Some("me:pw")),
            (r#"{"auth":"bWU6","identitytoken":"i"}"#, Some("identity i")),
            (r#"{"registrytoken":"r"}"#, Some("token r")),
            (r#"{"email":"me@h.test"}"#, None),
            ("{}", None),
            ("null", None),
        ] {
            let file =
                format!(r#"{{"auths":{{"h.test":{entry}}},"HttpHeaders":{{"x":"y"}},"detachKeys":"z"}}"#);
            assert_eq!(found(&file, "h.test/x").unwrap().as_deref(), expected, "{entry}");
        }
        for file in ["", " \n", "{}", r#"{"auths":null,"credHelpers":null,"credsStore":""}"#] {
            assert_eq!(found(file, "h.test/x").unwrap(), None, "{file}");
        }
    }

    #[test]
    fn a_file_that_is_none_is_named_and_its_secrets_are_not_shown() {
        for file in [
            "{",
            r#"{"auths":[]}"#,
            r#"{"auths":{"h.test":"secret"}}"#,
            r#"{"auths":{"h.test":{"auth":"c2VjcmV0"}}}"#,
            r#"{"auths":{"h.test":{"auth":"%%secret"}}}"#,
        ] {
            let error = found(file, "h.test/x").unwrap_err().to_string();
            assert!(error.starts_with("cannot read `/") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_helper_that_cannot_be_had_is_told_and_done_without() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        for file in [
            r#"{"credsStore":"not-there-at-all"}"#,
            r#"{"credHelpers":{"h.test":"not-there-at-all"}}"#,
            r#"{"credHelpers":{"h.test":"../not-there-at-all"}}"#,
        ] {
            std::fs::write(&path, file).unwrap();
            let told = std::cell::RefCell::new(String::new());
            let warn = |line: &str| told.borrow_mut().push_str(line);
            assert_eq!(
                look_up(std::slice::from_ref(&path), "h.test/x", Duration::from_secs(20), &warn).unwrap(),
                None
            );
            assert!(
                told.borrow().starts_with("cannot use the credential helper `docker-credential-"),
                "{told:?}"
            );
        }
    }
}
