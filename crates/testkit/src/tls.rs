//! Certificates, good and bad, made for the moment; and how a server uses them.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Somebody who signs certificates.
///
/// ```
/// use bareboat_testkit::{Authority, FakeRegistry, Settings, Tls};
/// let authority = Authority::new("own authority");
/// let registry = FakeRegistry::with_tls(Settings::default(), &Tls::with(authority.signs(&["127.0.0.1"])));
/// assert!(registry.url().starts_with("https://127.0.0.1:"));
/// assert!(authority.pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// ```
pub struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Certificate {
    der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// An authority that nobody knows yet.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Self { pem, der, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a certificate for these names and addresses, which holds.
    ///
    /// # Panics
    /// When one of them is none.
    pub fn signs(&self, names: &[&str]) -> Certificate {
        self.sign(params(names))
    }

    /// The same, but it held a quarter of a century ago.
    ///
    /// # Panics
    /// When one of them is none.
    pub fn signed_long_ago(&self, names: &[&str]) -> Certificate {
        let mut params = params(names);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        Certificate { der: signed.der().clone(), pem: signed.pem(), key }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names")
}

impl Certificate {
    /// The certificate alone.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its key.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// How a server speaks TLS.
pub struct Tls {
    certificate: Certificate,
    clients: Option<CertificateDer<'static>>,
}

impl Tls {
    /// With this certificate, to everybody.
    pub fn with(certificate: Certificate) -> Self {
        Self { certificate, clients: None }
    }

    /// Only to whoever shows a certificate of this authority.
    pub fn to_clients_of(self, authority: &Authority) -> Self {
        Self { clients: Some(authority.der.clone()), ..self }
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the usual versions");
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.clone()).expect("an authority");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.certificate.key.serialize_der()));
        let config = builder.with_single_cert(vec![self.certificate.der.clone()], key);
        Arc::new(config.expect("a certificate and its key"))
    }
}
