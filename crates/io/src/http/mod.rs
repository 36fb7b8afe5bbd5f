//! Fetching files over HTTP, HTTPS and from `file:` URLs.
//!
//! Blocking, on ureq: the pipeline runs a handful of downloads on threads, and needs no async runtime for it.

pub(crate) mod agent;
mod download;
pub(crate) mod elsewhere;
mod names;
pub(crate) mod pace;
pub(crate) mod part;
pub(crate) mod retry;
mod url;

use std::time::Duration;

use bareboat_model::{Context, Error, Result};

pub use download::{Download, Fetched};
pub use url::{encode_path, without_password};

use crate::files::read_bounded;
use agent::{Ask, Status};
use pace::Pace;
use retry::Failure;

/// How requests are made.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long to wait for a connection, for an answer, and for the next byte of one.
    pub timeout: Duration,
    /// How often a failed request is made again.
    pub retries: u32,
    /// The pause before the first retry; it doubles each time. A server's `Retry-After` can make it longer.
    pub pause: Duration,
    /// How long a server may be slow before that is held against it, however short the timeout.
    pub grace: Duration,
    /// Refuse every request: only `file:` URLs are read.
    pub offline: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            retries: 3,
            pause: Duration::from_millis(500),
            grace: Duration::from_secs(60),
            offline: false,
        }
    }
}

/// Fetches files by URL. One is made for a run: it keeps connections open between requests.
pub struct Http {
    agent: ureq::Agent,
    options: HttpOptions,
}

impl Http {
    /// A client. Proxies are taken from the environment (`ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`,
    /// `NO_PROXY`), and so are the trusted certificates if `SSL_CERT_FILE` is set; else they are Mozilla's.
    ///
    /// # Errors
    /// When `SSL_CERT_FILE` names a file that cannot be read or holds no certificate.
    pub fn new(options: HttpOptions) -> Result<Self> {
        Ok(Self { agent: agent::new(&options)?, options })
    }

    /// The whole file at `url`; `None` if the server says that there is none (404 or 410).
    ///
    /// # Errors
    /// When the file cannot be fetched or is longer than `max_bytes`.
    pub fn get(&self, url: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let got = match url::disk_path(url) {
            Some(path) => read_bounded(&path?, max_bytes),
            None => self
                .online()
                .and_then(|()| retry::with_retries(&self.options, || self.get_once(url, max_bytes))),
        };
        got.context(|| cannot_fetch(url))
    }

    fn get_once(&self, url: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Failure> {
        let (status, response) = agent::request(&self.agent, &self.options, url, Ask::Current)?;
        match status {
            Status::Whole => {}
            Status::Missing => return Ok(None),
            Status::From(_) | Status::PastEnd => {
                return Err(Failure::Final(Error::new(
                    "the server sends a part, although all was asked for",
                )));
            }
        }
        let mut pace = Pace::of(&response, &self.options);
        let mut body = response.into_body().into_reader();
        let mut bytes = Vec::new();
        let mut piece = vec![0; agent::PIECE];
        loop {
            let n = pace.read(&mut body, &mut piece, &self.options)?;
            if n == 0 {
                return Ok(Some(bytes));
            }
            if bytes.len() as u64 + n as u64 > max_bytes {
                return Err(Failure::Final(too_long(max_bytes)));
            }
            bytes.extend_from_slice(&piece[..n]);
        }
    }

    /// Whether the file at `url` is out of reach, because the network may not be used.
    pub fn forbids(&self, url: &str) -> bool {
        self.options.offline && url::disk_path(url).is_none()
    }

    fn online(&self) -> Result<()> {
        if !self.options.offline {
            return Ok(());
        }
        Err(Error::new("it is not in the cache, and --offline forbids the network")
            .with_hint("run once without --offline; what was fetched stays in the cache"))
    }
}

fn cannot_fetch(url: &str) -> String {
    format!("cannot fetch `{}`", without_password(url))
}

fn too_long(max_bytes: u64) -> Error {
    Error::new(format!("it is longer than the {max_bytes} bytes expected at most"))
}

#[cfg(test)]
mod tests;
