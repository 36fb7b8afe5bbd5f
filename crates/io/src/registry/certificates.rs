//! Which certificates a registry is known by: folders as Docker and containers' tools have them
//! (containers-certs.d(5)): `HOST:PORT/*.crt`, `*.cert` with `*.key`.

use std::path::{Path, PathBuf};

use bareboat_model::{Context, Error, Result};
use ureq::tls::{ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::files::read_bounded;
use crate::http::agent::{certificates, roots_from_env};

const LARGEST_FILE: u64 = 4 << 20;

/// How the connection to `authority` is secured. Certificates in the registry's folder are trusted instead of all others.
pub(super) fn tls(folders: &[PathBuf], authority: &str, unverified: bool) -> Result<TlsConfig> {
    let mut roots = roots_from_env()?.unwrap_or(RootCerts::WebPki);
    let mut client = None;
    let folder = folders.iter().map(|folder| folder.join(authority)).find(|folder| folder.is_dir());
    if let Some(folder) = folder {
        let own = authorities(&folder)?;
        if !own.is_empty() {
            roots = RootCerts::from(own);
        }
        client = client_certificate(&folder)?;
    }
    Ok(TlsConfig::builder().root_certs(roots).client_cert(client).disable_verification(unverified).build())
}

fn authorities(folder: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>> {
    let mut all = Vec::new();
    for path in files(folder, "crt")? {
        all.extend(certificates(&read(&path)?).context(|| cannot_read(&path))?);
    }
    Ok(all)
}

fn client_certificate(folder: &Path) -> Result<Option<ClientCert>> {
    // TLS shows one: the first, as with others.
    let Some(path) = files(folder, "cert")?.into_iter().next() else { return Ok(None) };
    let key = path.with_extension("key");
    let chain = certificates(&read(&path)?).context(|| cannot_read(&path))?;
    let key = private_key(&read(&key)?).context(|| cannot_read(&key))?;
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
}

fn private_key(pem: &[u8]) -> Result<PrivateKey<'static>> {
    let keys = parse_pem(pem).find_map(|item| match item {
        Ok(PemItem::PrivateKey(key)) => Some(key),
        _ => None,
    });
    keys.ok_or_else(|| Error::new("there is no private key in it"))
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context(|| cannot_read(folder))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == extension)).collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = read_bounded(path, LARGEST_FILE).context(|| cannot_read(path))?;
    bytes.ok_or_else(|| Error::new("there is no such file").context(cannot_read(path)))
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read the registry's certificates in `{}`", path.display())
}
