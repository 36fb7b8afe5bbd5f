//! /etc/ssl/certs/java/cacerts: the authorities of the bundle as Java reads them, which ca-certificates-java's scripts
//! make with Java itself.
//!
//! It is made where something links to it, as each of Debian's Java runtimes does; so ca-certificates-java need not be
//! in the image. The certificates' dates are the build's, not the clock's, so the same authorities are the same bytes.

use std::collections::BTreeSet;

use bareboat_formats::jks::{self, Authority};
use bareboat_model::{Context, Error, Result};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::ca_bundle::{self, Source};
use super::{Applied, Setting, generate, generated_file};
use crate::tree::{Kind, Tree};

const EFFECT: &str = "java-trust-store";
const STORE: &str = "/etc/ssl/certs/java/cacerts";

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let leads_here = |kind: &Kind| matches!(kind, Kind::Symlink(target) if target == STORE.as_bytes());
    if !tree.iter().any(|(_, node)| leads_here(&node.kind)) {
        return Ok(None);
    }
    let sources = ca_bundle::sources(tree, setting)?;
    let mut authorities: Vec<(String, CertificateDer<'_>)> = Vec::new();
    let mut taken = BTreeSet::new();
    for source in &sources {
        for certificate in certificates(source)? {
            let alias = alias(source, &mut taken);
            authorities.push((alias, certificate));
        }
    }
    if authorities.is_empty() {
        return Ok(None);
    }
    let entries: Vec<Authority<'_>> =
        authorities.iter().map(|(alias, der)| Authority { alias, der }).collect();
    let what = format!("{} certificates", entries.len());
    let store = jks::write(&entries, setting.mtime).context(|| format!("cannot make `{STORE}`"))?;
    let made = generate(tree, STORE, generated_file(store, EFFECT, setting))?;
    Ok(made.then_some(Applied { effect: EFFECT, what }))
}

fn certificates(source: &Source) -> Result<Vec<CertificateDer<'static>>> {
    let failing = || format!("cannot read the certificate `{}`", source.name);
    CertificateDer::pem_slice_iter(&source.pem)
        .map(|certificate| certificate.map_err(|error| Error::new(error.to_string())))
        .collect::<Result<_>>()
        .context(failing)
}

/// The alias that Debian's hook gives, `debian:` and the file's name, which Java lowers; with a number when it is taken.
fn alias(source: &Source, taken: &mut BTreeSet<String>) -> String {
    let name = source.name.rsplit('/').next().unwrap_or_default();
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() { c.to_ascii_lowercase() } else { '_' })
        .take(200)
        .collect();
    let stem = plain.strip_suffix(".crt").map_or(plain.clone(), |stem| format!("{stem}.pem"));
    let first = format!("debian:{stem}");
    let mut alias = first.clone();
    let mut number = 1;
    while !taken.insert(alias.clone()) {
        number += 1;
        alias = format!("{first}-{number}");
    }
    alias
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_debians_and_unique() {
        let mut taken = BTreeSet::new();
        for (name, expected) in [
            ("/usr/share/ca-certificates/mozilla/ACCVRAIZ1.crt", "debian:accvraiz1.pem"),
            ("/usr/share/ca-certificates/other/ACCVRAIZ1.crt", "debian:accvraiz1.pem-2"),
            ("certs/corp ca.pem", "debian:corp_ca.pem"),
            ("/etc/ssl/certs/ca-certificates.crt", "debian:ca-certificates.pem"),
            ("/etc/ssl/certs/ca-certificates.crt", "debian:ca-certificates.pem-2"),
        ] {
            let source = Source { name: name.into(), pem: Vec::new() };
            assert_eq!(alias(&source, &mut taken), expected);
        }
    }

    #[test]
    fn several_certificates_of_one_file_are_all_taken() {
        let one = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let source = Source { name: "x.pem".into(), pem: format!("# a comment\n{one}{one}").into_bytes() };
        assert_eq!(certificates(&source).unwrap().len(), 2);
        let broken = Source { name: "x.pem".into(), pem: one.replace("MAA=", "M*").into_bytes() };
        let error = certificates(&broken).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the certificate `x.pem`: "), "{error}");
    }
}
