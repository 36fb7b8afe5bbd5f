//! Packages: from the pool into the store.

use bareboat_model::{Bar, Digest, Error, Result, escape};

use crate::http::{Download, Fetched, Http, encode_path, without_password};
use crate::store::Store;

/// Debian's largest have 2 GB; an ar archive cannot say more than 10 GB of one member.
const LARGEST: u64 = 10 << 30;

/// Fetches the package at `path` in the pool of one of `mirrors` into the store, unless it is there. Its size
/// and digest come from a verified index or from the lock.
///
/// Mirrors are tried in turn. Of several processes that want the same package one fetches it.
///
/// # Errors
/// When no mirror has it, or it cannot be fetched or is not what it should be.
pub fn fetch_package(
    http: &Http,
    store: &Store,
    mirrors: &[String],
    path: &str,
    size: u64,
    sha256: &Digest,
    bar: &dyn Bar,
) -> Result<()> {
    if size > LARGEST {
        let error =
            format!("cannot fetch `{}`: it has {size} bytes, expected at most {LARGEST}", escape(path));
        return Err(Error::new(error));
    }
    if !store.has_blob(sha256, size) {
        let _guard = store.lock("download", sha256)?;
        // The one who held the lock before may have fetched it.
        if !store.has_blob(sha256, size) {
            let partial = store.partial(sha256)?;
            return from_any(mirrors, path, |url| {
                let wanted = Download { url, size, digest: *sha256, partial: &partial };
                let fetched = http.download(&wanted, bar)?;
                if fetched == Fetched::Found {
                    store.adopt_file(&partial, sha256)?;
                }
                Ok(fetched)
            });
        }
    }
    bar.advance(size);
    Ok(())
}

fn from_any(mirrors: &[String], path: &str, fetch: impl Fn(&str) -> Result<Fetched>) -> Result<()> {
    let mut failure = None;
    for mirror in mirrors {
        match fetch(&format!("{}/{}", mirror.trim_end_matches('/'), encode_path(path))) {
            Ok(Fetched::Found) => return Ok(()),
            Ok(Fetched::NotFound) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| gone(mirrors, path)))
}

fn gone(mirrors: &[String], path: &str) -> Error {
    let file = path.rsplit('/').next().unwrap_or(path);
    let package = escape(file.split('_').next().unwrap_or(file));
    let shown: Vec<String> = mirrors.iter().map(|mirror| format!("`{}`", without_password(mirror))).collect();
    Error::new(format!("cannot fetch `{}`: it is not at {}", escape(path), shown.join(" nor ")))
        .with_hint(format!("the archive may have a newer version: run `bareboat update {package}`"))
}
