//! Fetches a page over TLS, trusting what the image trusts, and prints it.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: courier https://HOST/PATH");
        return ExitCode::from(2);
    };
    match fetch(&url) {
        Ok(page) => {
            print!("{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("courier: cannot fetch `{url}`: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fetch(url: &str) -> Result<String, Box<dyn Error>> {
    // SSL_CERT_FILE, which the base sets, names the image's bundle: Debian's authorities and our own.
    let trusted = rustls_native_certs::load_native_certs().certs;
    let trusted: Vec<_> =
        trusted.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&trusted)).build();
    let config =
        ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(Duration::from_secs(10))).build();
    let agent = ureq::Agent::new_with_config(config);
    Ok(agent.get(url).call()?.body_mut().read_to_string()?)
}
