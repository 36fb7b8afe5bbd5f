//! One request on ureq: how it is set up, and its answers and failures in words.

use std::io::{ErrorKind, Read};
use std::time::{Duration, SystemTime};

use bareboat_model::{Context, Error, Result, escape};
use ureq::config::{ConfigBuilder, RedirectAuthHeaders};
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::AgentScope;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, ResponseExt as _, Timeout};

use super::HttpOptions;
use super::elsewhere::Elsewhere;
use super::names::Names;
use super::retry::{Failure, pause_asked_for};
use super::without_password;

/// Bodies are read in pieces of this size.
pub(crate) const PIECE: usize = 64 << 10;

const USER_AGENT: &str = concat!("bareboat/", env!("CARGO_PKG_VERSION"));

/// Mirrors redirect once (to a nearby host, to HTTPS); a loop shall end soon.
const REDIRECTS: u32 = 5;

/// Downloads run on several threads, mostly from one host.
const IDLE_CONNECTIONS: usize = 16;

/// What of a file is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ask {
    /// All of it, as it is now: proxies must not answer from what they keep (RFC 9111 section 5.2.1.1).
    /// Release files keep their name when they change.
    Current,
    /// From this byte on.
    From(u64),
}

/// What a server answers that is not a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// The whole file (200).
    Whole,
    /// The file from the byte named here on (206).
    From(u64),
    /// There is no such file (404, 410).
    Missing,
    /// The file is no longer than where the request began (416).
    PastEnd,
}

/// An agent for any server, which follows redirects.
pub(crate) fn new(options: &HttpOptions) -> Result<Agent> {
    let tls = TlsConfig::builder().root_certs(roots_from_env()?.unwrap_or(RootCerts::WebPki)).build();
    let config = config(options).max_redirects(REDIRECTS).tls_config(tls);
    Ok(with_names(config))
}

/// An agent for one server, which leaves redirects to its caller.
pub(crate) fn for_one_server(options: &HttpOptions, tls: TlsConfig, proxies: bool) -> Agent {
    let config = config(options).max_redirects(0).max_redirects_will_error(false).tls_config(tls);
    with_names(if proxies { config } else { config.proxy(None) })
}

fn with_names(config: ConfigBuilder<AgentScope>) -> Agent {
    Agent::with_parts(config.build(), DefaultConnector::new(), Names::default())
}

fn config(options: &HttpOptions) -> ConfigBuilder<AgentScope> {
    let timeout = Some(options.timeout);
    Agent::config_builder()
        .http_status_as_error(false)
        .redirect_auth_headers(RedirectAuthHeaders::Never)
        .user_agent(USER_AGENT)
        .max_idle_connections(IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
        .timeout_resolve(timeout)
        .timeout_connect(timeout)
        .timeout_recv_response(timeout)
        .timeout_per_read(timeout)
        .timeout_per_write(timeout)
}

/// The certificates in the file that `SSL_CERT_FILE` names, as OpenSSL's programs have it: instead of the
/// built-in ones.
pub(crate) fn roots_from_env() -> Result<Option<RootCerts>> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let doing = || format!("cannot read the certificates in `{}` (SSL_CERT_FILE)", path.display());
    let certificates = std::fs::read(&path).map_err(Error::from).and_then(|pem| certificates(&pem));
    certificates.context(doing).map(|certificates| Some(RootCerts::from(certificates)))
}

/// The certificates in a PEM file; at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>> {
    let mut certificates = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(Error::new("it is not well-formed PEM")),
        }
    }
    if certificates.is_empty() {
        return Err(Error::new("there are none"));
    }
    Ok(certificates)
}

/// Asks for the file at `url`.
pub(crate) fn request(
    agent: &Agent,
    options: &HttpOptions,
    url: &str,
    ask: Ask,
) -> Result<(Status, Response<Body>), Failure> {
    // As with apt, who was asked with encryption does not send us on without.
    let is_secure = url.starts_with("https://");
    let mut request = agent.get(url).config().https_only(is_secure).build();
    match ask {
        Ask::Current => request = request.header(header::CACHE_CONTROL, "max-age=0"),
        Ask::From(0) => {}
        Ask::From(offset) => request = request.header(header::RANGE, format!("bytes={offset}-")),
    }
    let mut response = request.call().map_err(|error| failure(&error, options))?;
    let asked = url.parse().ok();
    if let Some(server) = asked.and_then(|asked| Elsewhere::between(&asked, response.get_uri())) {
        server.mark(&mut response);
    }
    let status = match response.status() {
        StatusCode::OK => Status::Whole,
        StatusCode::PARTIAL_CONTENT => Status::From(first_byte(&response)?),
        StatusCode::NOT_FOUND | StatusCode::GONE => Status::Missing,
        StatusCode::RANGE_NOT_SATISFIABLE => Status::PastEnd,
        other => return Err(refusal(other, &response)),
    };
    Ok((status, response))
}

/// The first number of `Content-Range: bytes 100-199/200` (RFC 9110 section 14.4).
pub(crate) fn first_byte(response: &Response<Body>) -> Result<u64> {
    let value = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok())
        .ok_or_else(|| Error::new("the server sends a part of it and does not say which"))
}

/// Whether the same request may be answered better a moment later.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn refusal(status: StatusCode, response: &Response<Body>) -> Failure {
    let who = Elsewhere::of(response).map_or_else(|| "the server".to_owned(), Elsewhere::shown);
    let error = Error::new(format!("{who} answers {status}"));
    let passing = may_pass(status);
    if passing {
        Failure::Passing { error, retry_after: retry_after(response) }
    } else {
        Failure::Final(error)
    }
}

/// The pause that a server asks for.
pub(crate) fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    pause_asked_for(value, SystemTime::now())
}

/// The next bytes of a body; 0 at its end.
pub(crate) fn read_piece(body: &mut impl Read, piece: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match body.read(piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// What went wrong while a body was read.
pub(crate) fn body_failure(error: &std::io::Error, options: &HttpOptions) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        Some(inner) => failure(inner, options),
        None => Failure::passing(connection_failure(error, options)),
    }
}

/// What went wrong with a request.
pub(crate) fn failure(error: &ureq::Error, options: &HttpOptions) -> Failure {
    let seconds = options.timeout.as_secs_f64();
    let passing = |words: String| Failure::passing(Error::new(words));
    match error {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            passing(format!("no connection within {seconds} s"))
        }
        ureq::Error::Timeout(_) => passing(stalled(seconds)),
        ureq::Error::Io(error) if tls_failure(error).is_some() => {
            Failure::Final(tls_failure(error).map_or_else(|| Error::new(plain(error)), told))
        }
        ureq::Error::Io(error) => Failure::passing(connection_failure(error, options)),
        ureq::Error::HostNotFound => passing("the host is not known".into()),
        ureq::Error::ConnectionFailed => passing("no connection".into()),
        ureq::Error::Protocol(error) => passing(format!("the answer is not HTTP ({})", plain(error))),
        ureq::Error::BodyStalled => passing("the connection was closed early".into()),
        ureq::Error::TooManyRedirects => {
            Failure::Final(Error::new(format!("the server redirects more than {REDIRECTS} times")))
        }
        ureq::Error::RequireHttpsOnly(url) => {
            let url = escape(&without_password(url));
            Failure::Final(Error::new(format!(
                "the server sends us from https to `{url}`, without encryption"
            )))
        }
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Failure::Final(
            Error::new("this is not a URL that can be fetched")
                .with_hint("write http://, https:// or file:///"),
        ),
        ureq::Error::Rustls(error) => Failure::Final(told(error)),
        ureq::Error::ConnectProxyFailed(words) => passing(format!("the proxy refuses: {}", escape(words))),
        other => Failure::Final(Error::new(plain(other))),
    }
}

/// Why a secure connection did not come about, where it is that.
pub(crate) fn tls_error(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => tls_failure(error),
        _ => None,
    }
}

fn tls_failure(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

const SELF_SIGNED: &str = "make an authority of your own and let it sign the server's certificate (docs/registries.md); for a \
                           registry, `insecure = true` in registries.conf takes any certificate";

fn told(error: &rustls::Error) -> Error {
    use rustls::{AlertDescription, CertificateError, Error::AlertReceived, Error::InvalidCertificate};
    let with = |words: &str| Error::new(format!("no secure connection: {words}"));
    let own = "if the server's certificate is from your own authority, name its file in SSL_CERT_FILE; that of a registry \
               may lie in ~/.config/containers/certs.d/HOST:PORT/ca.crt";
    match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => {
            with("the server's certificate is from an authority that is not known here").with_hint(own)
        }
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            with("the server's certificate has expired")
        }
        InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => with("the server's certificate is for another name"),
        // What `openssl req -x509` makes without more; webpki's word for it has no name in rustls.
        InvalidCertificate(CertificateError::Other(other))
            if format!("{other:?}").contains("CaUsedAsEndEntity") =>
        {
            with("the server's certificate is signed by itself, as an authority's").with_hint(SELF_SIGNED)
        }
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            with("the server does not speak TLS")
        }
        AlertReceived(AlertDescription::CertificateRequired | AlertDescription::BadCertificate) => {
            with("the server wants a certificate of ours")
        }
        other => with(&plain(other)).with_hint(own),
    }
}

fn connection_failure(error: &std::io::Error, options: &HttpOptions) -> Error {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Error::new(stalled(options.timeout.as_secs_f64())),
        ErrorKind::UnexpectedEof => Error::new("the connection was closed early"),
        _ => Error::from(std::io::Error::new(error.kind(), plain(error))),
    }
}

fn stalled(seconds: f64) -> String {
    format!("the server stalled: nothing came for {seconds} s")
}

fn plain(words: impl std::fmt::Display) -> String {
    escape(&words.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_certificate_that_signed_itself_is_told() {
        let other = rustls::OtherError(Arc::new(std::io::Error::other("CaUsedAsEndEntity")));
        let error = told(&rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)));
        assert!(error.to_string().ends_with("signed by itself, as an authority's"), "{error}");
        assert_eq!(error.hint(), Some(SELF_SIGNED));
    }
}
