//! A file of known size and digest, fetched piece by piece: resumed, verified, never more than it should be.

use std::path::Path;

use bareboat_model::{Bar, Context, Digest, Result};

use super::agent::{self, Ask, Status};
use super::part::{Part, Wanted};
use super::retry::{self, Failure};
use super::{Http, cannot_fetch, url};

/// What to fetch, and what it must be.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// Where it is: `http:`, `https:` or `file:`.
    pub url: &'a str,
    /// How many bytes it has.
    pub size: u64,
    /// The digest of these bytes.
    pub digest: Digest,
    /// Where the bytes go. What is there from an earlier run is gone on with.
    pub partial: &'a Path,
}

/// How a download ended, if nothing failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// The file is there, whole and verified.
    Found,
    /// The server has no such file (404 or 410).
    NotFound,
}

impl Http {
    /// Fetches a file into `download.partial` and verifies it.
    ///
    /// A connection that breaks is taken up again where it broke; so is an earlier run's part. A part that
    /// led to a wrong digest is thrown away, and the whole file is fetched once more. If the download fails,
    /// what came so far stays in the partial file, unless it is known to be wrong.
    ///
    /// # Errors
    /// When the file cannot be fetched, has another size or digest, or cannot be written. The partial file
    /// must not be used then.
    pub fn download(&self, download: &Download<'_>, bar: &dyn Bar) -> Result<Fetched> {
        self.download_parts(download, bar).context(|| cannot_fetch(download.url))
    }

    fn download_parts(&self, download: &Download<'_>, bar: &dyn Bar) -> Result<Fetched> {
        let on_disk = url::disk_path(download.url).transpose()?;
        if on_disk.is_none() {
            self.online()?;
        }
        let wanted = Wanted { size: download.size, digest: download.digest, partial: download.partial };
        Part::open(wanted, bar)?.complete(|part| match &on_disk {
            Some(path) => part.copy_from(path),
            None => retry::with_retries(&self.options, || self.continue_part(download.url, part)),
        })
    }

    /// One request: appends what the server sends.
    fn continue_part(&self, url: &str, part: &mut Part<'_>) -> Result<Fetched, Failure> {
        if part.is_complete() {
            return Ok(Fetched::Found);
        }
        let (status, response) = agent::request(&self.agent, &self.options, url, Ask::From(part.length()))?;
        match status {
            Status::Missing => Ok(Fetched::NotFound),
            status => part.take_in(status, response, &self.options).map(|()| Fetched::Found),
        }
    }
}
