//! Keeping and forgetting credentials, where Docker and containers' tools look for them.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bareboat_model::{Context, Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use ureq::http::{Method, StatusCode};

use super::credentials::{Credential, HUB_KEY, LARGEST_FILE, Secret, helper_key, is_host, malformed};
use super::reply::{self, Refusal};
use super::session::Call;
use super::{HUB, Places, Registry, RegistryOptions, helper, lock};
use crate::files::{read_bounded, write_file};
use crate::http::retry::with_retries;

/// Who logs in where.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The registry, as references name it: `HOST[:PORT]`.
    pub registry: &'a str,
    /// The name.
    pub user: &'a str,
    /// The password, or a token in its place.
    pub password: &'a str,
}

impl Login<'_> {
    /// Asks the registry whether it knows this name and password.
    ///
    /// # Errors
    /// When it does not, or cannot be asked.
    pub fn check(&self, options: RegistryOptions) -> Result<()> {
        let registry = Registry::new(options)?;
        let inner = &registry.inner;
        let secret = Secret::Password { user: self.user.to_owned(), password: self.password.to_owned() };
        let credential = Credential { secret, source: String::new() };
        lock(&inner.credentials).insert(self.registry.to_owned(), Some(credential));
        let check = || {
            let host = inner.home_of(self.registry)?;
            with_retries(&inner.options.http, || {
                let response = inner.send(&host, &Call::new(Method::GET, "/v2/", self.registry, &[]))?;
                match response.status() {
                    StatusCode::OK => {
                        reply::drain(response, &inner.options.http);
                        Ok(())
                    }
                    _ => Err(Refusal::read(response, &inner.options.http).into()),
                }
            })
        };
        check().context(|| format!("cannot log in to `{}`", self.registry))
    }

    /// Keeps name and password for later runs, and for other tools: in the file that [`Places`] names for it, or with the
    /// helper that this file names. Says where.
    ///
    /// # Errors
    /// When the file cannot be written, is not what it should be, or the helper fails.
    pub fn keep(&self, places: &Places) -> Result<String> {
        let path = places.login.as_deref().ok_or_else(|| {
            Error::new(
                "cannot keep the password: neither HOME nor DOCKER_CONFIG nor REGISTRY_AUTH_FILE is set",
            )
        })?;
        let mut kept_by = format!("`{}`, without encryption", path.display());
        edit(path, |file| {
            let helper = helper_for(file, self.registry);
            let entry = match &helper {
                Some(name) => {
                    helper::store(name, helper_key(self.registry), self.user, self.password)?;
                    kept_by = format!("`docker-credential-{name}`, named in `{}`", path.display());
                    Map::new()
                }
                None => {
                    let auth = STANDARD.encode(format!("{}:{}", self.user, self.password));
                    Map::from_iter([("auth".to_owned(), Value::String(auth))])
                }
            };
            let auths = object(file, "auths")?;
            auths.retain(|key, _| !is_host(key, self.registry));
            auths.insert(key_for(self.registry).to_owned(), Value::Object(entry));
            Ok(true)
        })?;
        Ok(kept_by)
    }
}

/// Forgets the credentials for all of a registry, wherever they are kept. Says where they were.
///
/// # Errors
/// When a file cannot be read or written, or a helper fails.
pub fn log_out(places: &Places, registry: &str) -> Result<Vec<String>> {
    let mut forgotten = Vec::new();
    for path in places.auth.iter().filter(|path| path.exists()) {
        edit(path, |file| {
            if let Some(name) = helper_for(file, registry)
                && helper::erase(&name, helper_key(registry))?
            {
                forgotten.push(format!("`docker-credential-{name}`, named in `{}`", path.display()));
            }
            let Some(auths) = file.get_mut("auths").and_then(Value::as_object_mut) else { return Ok(false) };
            let before = auths.len();
            let had_secret = auths.iter().any(|(key, entry)| {
                is_host(key, registry) && entry.as_object().is_some_and(|entry| !entry.is_empty())
            });
            auths.retain(|key, _| !is_host(key, registry));
            if had_secret {
                forgotten.push(format!("`{}`", path.display()));
            }
            Ok(auths.len() < before)
        })?;
    }
    Ok(forgotten)
}

/// What Docker calls a registry in its file.
fn key_for(registry: &str) -> &str {
    if registry == HUB { HUB_KEY } else { registry }
}

/// The helper that the file names for a registry.
fn helper_for(file: &Map<String, Value>, registry: &str) -> Option<String> {
    let helpers = file.get("credHelpers").and_then(Value::as_object);
    let own = helpers.into_iter().flatten().find(|(key, _)| is_host(key, registry)).map(|(_, name)| name);
    let name = own.or_else(|| file.get("credsStore")).and_then(Value::as_str);
    name.filter(|name| !name.is_empty()).map(str::to_owned)
}

fn object<'a>(file: &'a mut Map<String, Value>, name: &str) -> Result<&'a mut Map<String, Value>> {
    let value = file.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().ok_or_else(|| Error::new(format!("its `{name}` is no object")))
}

/// Reads the file, lets `change` change it, and writes it if that says so: aside, then renamed, for its owner only.
fn edit(path: &Path, change: impl FnOnce(&mut Map<String, Value>) -> Result<bool>) -> Result<()> {
    // A link stays one: what it points to is written.
    let target: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let cannot_read = || format!("cannot read `{}`", path.display());
    let bytes = read_bounded(&target, LARGEST_FILE).context(cannot_read)?.unwrap_or_default();
    let mut file = match bytes.iter().all(u8::is_ascii_whitespace) {
        true => Map::new(),
        false => serde_json::from_slice(&bytes).map_err(|error| malformed(&error)).context(cannot_read)?,
    };
    if !change(&mut file)? {
        return Ok(());
    }
    write_file(&target, |out| {
        out.as_file().set_permissions(Permissions::from_mode(0o600))?;
        serde_json::to_writer_pretty(&mut *out, &file).map_err(std::io::Error::from)?;
        Ok(out.write_all(b"\n")?)
    })
}
