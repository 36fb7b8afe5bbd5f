//! Who one is at a registry, as Docker's `config.json` and containers' `auth.json` tell.
//!
//! By hand, because the crate for it (docker_credential) looks up a host only, while containers' files have keys with
//! paths; it waits for helpers for ever, and keeps all that they write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    /// The file or helper that it is from, for messages.
    pub(super) source: String,
}

/// Never shown, not even by mistake.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential(from {})", self.source)
    }
}

impl Credential {
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
/// to complain of.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn look_up(files: &[PathBuf], name: &str, warn: &dyn Fn(&str)) -> Result<Option<Credential>> {
    for path in files {
        let found = in_file(path, name, warn).context(|| format!("cannot read `{}`", path.display()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn in_file(path: &Path, name: &str, warn: &dyn Fn(&str)) -> Result<Option<Credential>> {
    let Some(bytes) = read_bounded(path, LARGEST_FILE)? else { return Ok(None) };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let file: AuthFile =
        serde_json::from_slice(&bytes).map_err(|error| Error::new(super::shown(&error.to_string())))?;
    let host = name.split('/').next().unwrap_or(name);
    let ask = |helper: &str| {
        helper::get(helper, helper_key(host)).unwrap_or_else(|error| {
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
