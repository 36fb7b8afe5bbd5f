//! /etc/ssl/certs/ca-certificates.crt: what update-ca-certificates makes of ca-certificates' single files.
//!
//! It concatenates the certificates in the byte order of their paths, each with a newline at its end; with
//! nothing configured, Debian trusts all of them. Certificates of the recipe follow.

use bareboat_model::{Context, Error, ImagePath, Result};

use super::{Applied, Setting, generate, generated_file, read};
use crate::tree::Tree;

const EFFECT: &str = "ca-bundle";
const SINGLE_FILES: &str = "/usr/share/ca-certificates";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The largest that one certificate file may be: all of Debian's together are 220 kB.
const LARGEST: u64 = 1 << 20;
/// The largest that a bundle may be.
const LARGEST_BUNDLE: u64 = 16 << 20;

/// A certificate file that the recipe adds.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The file and where the recipe names it, for messages: `` `corp.pem` at bareboat.toml:5:1 ``.
    pub name: String,
    /// The file as the recipe names it.
    pub file: String,
    /// PEM: one certificate or more.
    pub pem: Vec<u8>,
}

/// Where certificates of the bundle come from.
pub(super) struct Source {
    /// A file of the image, or what the recipe calls its own.
    pub(super) name: String,
    /// PEM: one certificate or more.
    pub(super) pem: Vec<u8>,
}

pub(super) fn apply(tree: &mut Tree, setting: &Setting<'_>) -> Result<Option<Applied>> {
    let sources = sources(tree, setting)?;
    let yours = setting.certificates.len();
    let debians = sources.iter().filter(|source| source.name.starts_with(SINGLE_FILES)).count();
    if debians + yours == 0 {
        return Ok(None);
    }
    let mut bundle = Vec::new();
    sources.iter().for_each(|source| append(&mut bundle, &source.pem));
    let what = match yours {
        0 => format!("{debians} certificates"),
        _ => format!("{} certificates, {yours} of yours", debians + yours),
    };
    let made = generate(tree, BUNDLE, generated_file(bundle, EFFECT, setting))?;
    if !made && let Some(yours) = setting.certificates.first() {
        let why = format!("`{BUNDLE}` is a file of yours, to which nothing is added");
        return Err(Error::new(format!("cannot add certificate {}: {why}", yours.name)));
    }
    Ok(made.then_some(Applied { effect: EFFECT, what }))
}

/// What the bundle is made of, in its order: Debian's single files, or the bundle of a base image that has none of them;
/// then the recipe's own.
pub(super) fn sources(tree: &Tree, setting: &Setting<'_>) -> Result<Vec<Source>> {
    let single_files = ImagePath::absolute(SINGLE_FILES)?;
    let mut sources = Vec::new();
    for (path, node) in tree.below(&single_files).filter(|(path, _)| path.as_bytes().ends_with(b".crt")) {
        let Some(content) = node.content() else { continue };
        let pem = content.read(LARGEST).context(|| format!("cannot read the certificate `{path}`"))?;
        sources.push(Source { name: path.to_string(), pem });
    }
    if sources.is_empty()
        && let Some(pem) = read(tree, BUNDLE, LARGEST_BUNDLE)?
    {
        sources.push(Source { name: BUNDLE.to_owned(), pem });
    }
    for certificate in setting.certificates {
        check(certificate)?;
        sources.push(Source { name: certificate.file.clone(), pem: certificate.pem.clone() });
    }
    Ok(sources)
}

fn append(bundle: &mut Vec<u8>, pem: &[u8]) {
    bundle.extend_from_slice(pem);
    if !pem.ends_with(b"\n") {
        bundle.push(b'\n');
    }
}

/// A private key or a DER file in the bundle would be noticed by somebody else, and too late.
fn check(certificate: &Certificate) -> Result<()> {
    let text = String::from_utf8_lossy(&certificate.pem);
    let complain = |why: &str| Err(Error::new(format!("cannot add certificate {}: {why}", certificate.name)));
    if text.contains("PRIVATE KEY-----") {
        return complain("it holds a private key");
    }
    let begins = text.matches("-----BEGIN CERTIFICATE-----").count();
    if begins == 0 || begins != text.matches("-----END CERTIFICATE-----").count() {
        return complain("it is not a PEM certificate").map_err(|error| {
            error.with_hint("convert DER with: openssl x509 -inform der -in FILE -out FILE.pem")
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_taken() {
        let good = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----";
        let key = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----";
        for (pem, fine) in [(good, true), ("", false), ("0\u{82}", false), (&format!("{good}\n{key}"), false)]
        {
            let certificate = Certificate {
                name: "corp.pem".into(),
                file: "corp.pem".into(),
                pem: pem.as_bytes().to_vec(),
            };
            assert_eq!(check(&certificate).is_ok(), fine, "{pem}");
        }
    }

    #[test]
    fn each_certificate_ends_its_line() {
        let mut bundle = Vec::new();
        append(&mut bundle, b"a");
        append(&mut bundle, b"b\n");
        assert_eq!(bundle, b"a\nb\n");
    }
}
