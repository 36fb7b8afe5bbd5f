//! Blobs from a registry: looked for, streamed, fetched into a file with resume.

use std::io::{self, Read};
use std::path::Path;

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Context, Error, Reference, Result};
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::reply::{self, Refusal};
use super::session::Call;
use super::{Registry, Spot};
use crate::http::Fetched;
use crate::http::agent::{PIECE, Status, first_byte};
use crate::http::pace::Pace;
use crate::http::part::{Part, Wanted};
use crate::http::retry::Failure;

/// After so many bytes a connection may break as often again: a registry that sends byte by byte is given up.
const PROGRESS: u64 = 1 << 20;

impl Registry {
    /// Whether the registry has a blob in the image's repository.
    ///
    /// # Errors
    /// When it cannot be told, or the blob there has another size.
    pub fn has_blob(&self, image: &Reference, blob: &Descriptor) -> Result<bool> {
        self.inner
            .at_home(image, |spot| self.is_there(spot, blob))
            .context(|| cannot("look for", image, blob))
    }

    pub(super) fn is_there(&self, spot: &Spot, blob: &Descriptor) -> Result<bool, Failure> {
        let Some((_, response)) = self.ask_for_blob(spot, Method::HEAD, blob, 0)? else { return Ok(false) };
        let length =
            reply::header(&response, header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        match length.filter(|length| *length != blob.size) {
            Some(length) => Err(other_size(blob, length).into()),
            None => Ok(true),
        }
    }

    /// The blob's bytes from `offset` on. A connection that breaks is taken up again where it broke. Nothing is verified
    /// but the number of bytes: whoever reads to the end compares the digest.
    ///
    /// # Errors
    /// When the registry does not have it or does not answer.
    pub fn open_blob(
        &self,
        image: &Reference,
        blob: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>> {
        let mut reader = BlobReader {
            registry: self.clone(),
            image: image.clone(),
            blob: blob.clone(),
            at: offset,
            body: None,
            breaks: (0, offset),
        };
        if offset < blob.size {
            reader.body = Some(reader.reopen()?);
        }
        Ok(Box::new(reader))
    }

    /// Fetches a blob into the file `partial` and verifies it. What is in the file from an earlier run is gone on with.
    ///
    /// # Errors
    /// When it cannot be fetched or is not what the descriptor says. The file must not be used then.
    pub fn fetch_blob(
        &self,
        image: &Reference,
        blob: &Descriptor,
        partial: &Path,
        bar: &dyn Bar,
    ) -> Result<()> {
        let wanted = Wanted { size: blob.size, digest: blob.digest, partial };
        let fetched = Part::open(wanted, bar).and_then(|part| {
            part.complete(|part| {
                let found = self.inner.pulling(image, |spot| self.continue_part(spot, blob, part))?;
                Ok(found.unwrap_or(Fetched::NotFound))
            })
        });
        let fetched = fetched.and_then(|fetched| match fetched {
            Fetched::Found => Ok(()),
            Fetched::NotFound => Err(missing()),
        });
        fetched.context(|| cannot("fetch", image, blob))
    }

    fn continue_part(
        &self,
        spot: &Spot,
        blob: &Descriptor,
        part: &mut Part<'_>,
    ) -> Result<Option<Fetched>, Failure> {
        if !part.is_complete() {
            let Some((status, response)) = self.ask_for_blob(spot, Method::GET, blob, part.length())? else {
                return Ok(None);
            };
            part.take_in(status, response, &self.inner.options.http)?;
            if spot.is_mirror {
                // The registry itself may have better bytes.
                part.check()?;
            }
        }
        Ok(Some(Fetched::Found))
    }

    /// One request; None if the registry has no such blob.
    fn ask_for_blob(
        &self,
        spot: &Spot,
        method: Method,
        blob: &Descriptor,
        offset: u64,
    ) -> Result<Option<(Status, Response<Body>)>, Failure> {
        let scopes = spot.scope("pull");
        let mut call = Call::new(method, spot.path(&format!("blobs/{}", blob.digest)), &spot.name, &scopes);
        if offset > 0 {
            call = call.header(header::RANGE, format!("bytes={offset}-"));
        }
        let response = self.inner.send(&spot.host, &call)?;
        let status = match response.status() {
            StatusCode::OK => Status::Whole,
            StatusCode::PARTIAL_CONTENT => Status::From(first_byte(&response)?),
            StatusCode::RANGE_NOT_SATISFIABLE => Status::PastEnd,
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                reply::drain(response, &self.inner.options.http);
                return Ok(None);
            }
            _ => return Err(Refusal::read(response, &self.inner.options.http).into()),
        };
        Ok(Some((status, response)))
    }
}

/// A body, and how fast it comes.
type Streaming = (Box<dyn Read + Send>, Pace);

/// A blob that streams, over as many connections as it takes.
struct BlobReader {
    registry: Registry,
    image: Reference,
    blob: Descriptor,
    at: u64,
    body: Option<Streaming>,
    /// How often the connection broke, and where the counting began.
    breaks: (u32, u64),
}

impl BlobReader {
    fn reopen(&self) -> Result<Streaming> {
        let found = self.registry.inner.pulling(&self.image, |spot| self.open_at(spot));
        let found = found.and_then(|found| found.ok_or_else(missing));
        found.context(|| cannot("fetch", &self.image, &self.blob))
    }

    fn open_at(&self, spot: &Spot) -> Result<Option<Streaming>, Failure> {
        let asked = self.registry.ask_for_blob(spot, Method::GET, &self.blob, self.at)?;
        let Some((status, response)) = asked else { return Ok(None) };
        let first = match status {
            Status::Whole => 0,
            Status::From(first) if first == self.at => first,
            _ => return Err(Failure::Final(Error::new("the registry does not go on where we ask it to"))),
        };
        if let Some(length) = response.body().content_length().map(|length| length.saturating_add(first))
            && length != self.blob.size
        {
            return Err(other_size(&self.blob, length).into());
        }
        let options = &self.registry.inner.options.http;
        let mut pace = Pace::of(&response, options);
        let mut body = response.into_body().into_reader();
        // A registry without ranges sends all of it.
        let mut skipped = (&mut body).take(self.at - first);
        let mut piece = vec![0; PIECE];
        while pace.read(&mut skipped, &mut piece, options)? > 0 {}
        Ok(Some((Box::new(body), pace)))
    }

    /// Counts a break; an error when there were too many.
    fn broken(&mut self, failure: Failure) -> io::Result<()> {
        self.body = None;
        let error = match failure {
            Failure::Passing { .. } if self.breaks.0 < self.registry.inner.options.http.retries => {
                self.breaks.0 += 1;
                return Ok(());
            }
            Failure::Passing { error, .. } | Failure::Final(error) => error,
        };
        let place = format!("{error}, after {} of {} bytes", self.at, self.blob.size);
        Err(Error::new(place).context(cannot("fetch", &self.image, &self.blob)).into())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.at >= self.blob.size || buffer.is_empty() {
                return Ok(0);
            }
            if self.body.is_none() {
                self.body = Some(self.reopen()?);
            }
            let Some((body, pace)) = self.body.as_mut() else { continue };
            // What comes behind the blob's end is never read.
            let left = usize::try_from(self.blob.size - self.at).unwrap_or(usize::MAX);
            let most = left.min(buffer.len());
            match pace.read(body, &mut buffer[..most], &self.registry.inner.options.http) {
                Ok(0) => {
                    let ended = pace.told(Failure::passing(Error::new("the answer ended")));
                    self.broken(ended)?;
                }
                Ok(n) => {
                    self.at += n as u64;
                    if self.at - self.breaks.1 >= PROGRESS {
                        self.breaks = (0, self.at);
                    }
                    return Ok(n);
                }
                Err(failure) => self.broken(failure)?,
            }
        }
    }
}

fn missing() -> Error {
    Error::new("the registry does not have it")
}

fn other_size(blob: &Descriptor, found: u64) -> Error {
    Error::new(format!("expected {} bytes, the registry has {found}", blob.size))
}

fn cannot(what: &str, image: &Reference, blob: &Descriptor) -> String {
    format!("cannot {what} the blob `{}` of `{}`", blob.digest, image.name())
}
