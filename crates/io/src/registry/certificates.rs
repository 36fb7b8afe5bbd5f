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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of nobody; its key was thrown away.
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUAPvguZmBGfKrX9uerniKgzNlUNkwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMjExMTMxNThaGA8yMTI2MTAyODExMzE1OFow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABI2Q4Fgo6Zwg
7/yWICZTReDUMUAlWezjUXkQPpu23q4yeeewL54Jfrx/t2lwsmvsFyKIJYh+gdHX
29J2UBfaMqKjUzBRMB0GA1UdDgQWBBSvuPnJGwpkq9TpFMLGiCvxPDxEIjAfBgNV
HSMEGDAWgBSvuPnJGwpkq9TpFMLGiCvxPDxEIjAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIQDJWBnVGiHkYKmXzyd+WOX5tWS77AeuQr9FSBMG3YC4
jQIgfSGgHFuuJtwLWxjblnV3SDoG6TXNy8PVC4K4HZeDCaI=
-----END CERTIFICATE-----
";

    fn tls_with(files: &[(&str, &str)]) -> Result<TlsConfig> {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("certs.d/h.test:5000");
        std::fs::create_dir_all(&own).unwrap();
        for (name, content) in files {
            std::fs::write(own.join(name), content).unwrap();
        }
        let folders = ["missing", "certs.d"].map(|name| folder.path().join(name));
        tls(&folders, "h.test:5000", false)
    }

    fn roots(config: &TlsConfig) -> usize {
        match config.root_certs() {
            RootCerts::Specific(certificates) => certificates.len(),
            _ => 0,
        }
    }

    #[test]
    fn a_registry_s_own_authorities_are_trusted_with_all_others() {
        // Where the environment names other authorities, those are all others.
        let others = known(roots_from_env().unwrap().unwrap_or(RootCerts::WebPki)).len();
        assert_eq!(roots(&tls_with(&[("ca.crt", CERTIFICATE), ("notes.txt", "x")]).unwrap()), others + 1);
        let two = format!("{CERTIFICATE}{CERTIFICATE}");
        assert_eq!(roots(&tls_with(&[("a.crt", CERTIFICATE), ("b.crt", &two)]).unwrap()), others + 3);
        assert!(tls_with(&[]).unwrap().client_cert().is_none());
        assert!(!tls_with(&[("ca.crt", CERTIFICATE)]).unwrap().disable_verification());
        assert!(tls(&[], "h.test", true).unwrap().disable_verification());
    }

    #[test]
    fn files_that_are_not_what_they_should_be_are_named() {
        for (files, end) in [
            (vec![("ca.crt", "nothing")], "ca.crt`: there are none"),
            (
                vec![("ca.crt", "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n")],
                "ca.crt`: it is not well-formed PEM",
            ),
            (vec![("me.cert", CERTIFICATE)], "me.key`: there is no such file"),
            (
                vec![("me.cert", CERTIFICATE), ("me.key", CERTIFICATE)],
                "me.key`: there is no private key in it",
            ),
            (vec![("me.cert", "x"), ("me.key", "x")], "me.cert`: there are none"),
        ] {
            let error = tls_with(&files).unwrap_err().to_string();
            assert!(
                error.starts_with("cannot read the registry's certificates in `") && error.ends_with(end),
                "{error}"
            );
        }
    }
}
