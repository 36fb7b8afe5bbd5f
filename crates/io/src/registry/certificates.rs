//! Which certificates a registry is known by: folders as Docker and containers' tools have them
//! (containers-certs.d(5)): `HOST:PORT/*.crt`, `*.cert` with `*.key`.

use std::path::{Path, PathBuf};

use bareboat_model::{Context, Error, Result};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::files::read_bounded;
use crate::http::agent::{certificates, roots_from_env};

const LARGEST_FILE: u64 = 4 << 20;

/// How the connection to `authority` is secured. Authorities in the registry's folder are trusted with all others.
pub(super) fn tls(folders: &[PathBuf], authority: &str, unverified: bool) -> Result<TlsConfig> {
    let mut roots = roots_from_env()?.unwrap_or(RootCerts::WebPki);
    let mut client = None;
    let folder = folders.iter().map(|folder| folder.join(authority)).find(|folder| folder.is_dir());
    if let Some(folder) = folder {
        let own = authorities(&folder)?;
        if !own.is_empty() {
            roots = RootCerts::from(own.into_iter().chain(known(roots)));
        }
        client = client_certificate(&folder)?;
    }
    Ok(TlsConfig::builder().root_certs(roots).client_cert(client).disable_verification(unverified).build())
}

fn known(roots: RootCerts) -> Vec<Certificate<'static>> {
    match roots {
        RootCerts::Specific(certificates) => certificates.to_vec(),
        _ => webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der)).collect(),
    }
}

fn authorities(folder: &Path) -> Result<Vec<Certificate<'static>>> {
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
    let key = private_key(&read(&key)?)
        .and_then(|key| belongs(&chain, &key).map(|()| key))
        .context(|| cannot_read(&key))?;
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
}

fn private_key(pem: &[u8]) -> Result<PrivateKey<'static>> {
    let keys = parse_pem(pem).find_map(|item| match item {
        Ok(PemItem::PrivateKey(key)) => Some(key),
        _ => None,
    });
    keys.ok_or_else(|| Error::new("there is no private key in it"))
}

/// ureq takes for granted that they belong together.
fn belongs(chain: &[Certificate<'static>], key: &PrivateKey<'static>) -> Result<()> {
    let der = PrivateKeyDer::try_from(key.der()).map_err(Error::new)?;
    let chain = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let checked = CertifiedKey::from_der(chain, der.clone_key(), &default_provider());
    checked.map(drop).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Error::new("it does not belong to the certificate beside it"),
        other => Error::new(format!("the certificate beside it cannot be used: {other}")),
    })
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
