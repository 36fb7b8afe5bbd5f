//! Blobs and manifests to a registry: mounted where that can be, whole in one request, or in pieces.

use std::cell::Cell;
use std::time::Duration;

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Context, Digest, Error, Reference, Result};
use ureq::Body;
use ureq::http::{HeaderName, Method, Response, StatusCode, header};

use super::reply::{self, Refusal};
use super::session::{Call, Payload};
use super::url::{resolve, with_param};
use super::{OpenBlob, Registry, Spot, lock};
use crate::http::retry::{Failure, with_retries};

/// The size of a piece, where a registry or the way to it does not take a blob whole. Below the 100 MB that proxies let
/// through at most by default.
const PIECE: u64 = 16 << 20;

/// The longest piece that a registry may ask for.
const LARGEST_PIECE: u64 = 1 << 30;

/// A registry may compute the digest of all it got, and move it, before it answers: this is slow storage.
const COMMIT_BYTES_PER_SECOND: u64 = 20_000_000;

/// How short pieces may be (distribution specification, "Pushing a blob in chunks").
const LEAST_PIECE: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// Whether the registry put a manifest on its subject's list of referrers.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// How often an upload is begun anew because of what the registry says about its place.
const MOST_BEGINNINGS: u32 = 5;

/// How a manifest was pushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// Its digest.
    pub digest: Digest,
    /// Whether it says of what it is about (`subject`), and the registry put it on that one's list of referrers. Where a
    /// registry does not, it was put on the list under the fallback tag.
    pub listed_by_registry: bool,
}

/// An upload that the registry knows of.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// Where it goes on.
    location: String,
    /// How short its pieces may be.
    least: u64,
}

impl Registry {
    /// Lets the registry take a blob over from another of its repositories. False if it did not, and the blob must be
    /// pushed.
    ///
    /// # Errors
    /// When the registry does not answer.
    pub(crate) fn mount_blob(&self, image: &Reference, digest: &Digest, from: &Reference) -> Result<bool> {
        if image.registry() != from.registry() {
            return Ok(false);
        }
        let mounted = self.inner.at_home(image, |spot| self.try_mount(spot, *digest, from.repository()));
        mounted.context(|| format!("cannot mount the blob `{digest}` in `{}`", image.name()))
    }

    fn try_mount(&self, spot: &Spot, digest: Digest, from: &str) -> Result<bool, Failure> {
        let [to] = spot.scope("pull,push");
        let scopes = [to, format!("repository:{from}:pull")];
        let url = with_param(&spot.path("blobs/uploads/"), "mount", &digest.to_string());
        let call = Call::new(Method::POST, with_param(&url, "from", from), &spot.name, &scopes);
        let response = self.inner.send(&spot.host, &call.payload(Payload::Bytes(b"")))?;
        match response.status() {
            StatusCode::CREATED => {
                reply::drain(response, &self.inner.options.http);
                Ok(true)
            }
            // It begins an upload in its place: the one that the blob is pushed by.
            StatusCode::ACCEPTED => {
                let begun = self.begun(spot, response)?;
                lock(&self.inner.begun).insert((spot.name.clone(), digest), begun);
                Ok(false)
            }
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                reply::drain(response, &self.inner.options.http);
                Ok(false)
            }
            _ => Err(Refusal::read(response, &self.inner.options.http).into()),
        }
    }

    /// Pushes a blob: whole, or in pieces where the registry wants it so. `open` opens it from its beginning, again for
    /// each attempt; an upload that broke goes on where the registry says that it did.
    ///
    /// # Errors
    /// When the blob cannot be read or the registry does not take it.
    pub(crate) fn push_blob(
        &self,
        image: &Reference,
        blob: &Descriptor,
        open: OpenBlob<'_>,
        bar: &dyn Bar,
    ) -> Result<()> {
        let push = || -> Result<()> {
            let spot = self.inner.home(image)?;
            let begun = lock(&self.inner.begun).remove(&(spot.name.clone(), blob.digest));
            let scopes = spot.scope("pull,push");
            let mut upload = Upload {
                registry: self,
                spot: &spot,
                scopes: &scopes,
                blob,
                open,
                bar,
                shown: Cell::new(0),
                piece: self.inner.options.chunk,
                state: begun.map_or(State::Nowhere, |begun| State::At { begun, offset: 0 }),
            };
            with_retries(&self.inner.options.http, || upload.attempt())
        };
        push().context(|| format!("cannot push the blob `{}` to `{}`", blob.digest, image.name()))
    }

    /// Where an upload goes on.
    fn begun(&self, spot: &Spot, response: Response<Body>) -> Result<Begun, Failure> {
        let base = spot.host.base()?;
        let location = reply::header(&response, header::LOCATION).map(|location| resolve(&base, location));
        let location =
            location.ok_or_else(|| Error::new("the registry does not say where the upload goes"))??;
        let least = reply::header(&response, LEAST_PIECE).and_then(|text| text.parse().ok()).unwrap_or(0);
        reply::drain(response, &self.inner.options.http);
        Ok(Begun { location, least })
    }

    /// Pushes a manifest under the reference's tag, or by its digest if the reference has one. The bytes stay as they are.
    ///
    /// If it says of what it is about (`subject`) and the registry does not keep lists of referrers, it is put on the list
    /// under the fallback tag.
    ///
    /// # Errors
    /// When the reference's digest is another, or the registry does not take it.
    pub fn push_manifest(&self, image: &Reference, media_type: &str, bytes: &[u8]) -> Result<Pushed> {
        let digest = Digest::of(bytes);
        let push = || -> Result<Pushed> {
            if let Some(wanted) = image.digest().filter(|wanted| *wanted != digest) {
                return Err(Error::new(format!("expected {wanted}, found {digest}")));
            }
            let listed = self.inner.at_home(image, |spot| {
                let response = self.put_manifest(spot, image, media_type, bytes, None)?;
                self.taken(response, &digest)
            })?;
            if !listed {
                self.list_by_tag(image, media_type, bytes)?;
            }
            Ok(Pushed { digest, listed_by_registry: listed })
        };
        push().context(|| format!("cannot push `{image}`"))
    }

    /// One request, whatever is answered; under a condition if there is one.
    pub(super) fn put_manifest(
        &self,
        spot: &Spot,
        image: &Reference,
        media_type: &str,
        bytes: &[u8],
        condition: Option<&(HeaderName, String)>,
    ) -> Result<Response<Body>, Failure> {
        let scopes = spot.scope("pull,push");
        let path = spot.path(&format!("manifests/{}", image.selector()));
        let call = Call::new(Method::PUT, path, &spot.name, &scopes).header(header::CONTENT_TYPE, media_type);
        let call = condition.into_iter().fold(call, |call, (name, value)| call.header(name.clone(), value));
        self.inner.send(&spot.host, &call.payload(Payload::Bytes(bytes)))
    }

    /// Reads the answer to a manifest: whether the registry put it on a list of referrers.
    pub(super) fn taken(&self, response: Response<Body>, digest: &Digest) -> Result<bool, Failure> {
        if !response.status().is_success() {
            return Err(Refusal::read(response, &self.inner.options.http).into());
        }
        if let Some(found) = super::manifest::announced_digest(&response).filter(|found| found != digest) {
            return Err(Error::new(format!("the registry keeps it as {found}, expected {digest}")).into());
        }
        let listed = reply::header(&response, SUBJECT).is_some();
        reply::drain(response, &self.inner.options.http);
        Ok(listed)
    }
}

/// How far an upload is, as far as is known here.
enum State {
    /// Not begun.
    Nowhere,
    /// The registry has the bytes before this one.
    At {
        begun: Begun,
        offset: u64,
    },
    /// It broke, and only the registry knows where.
    Broken {
        begun: Begun,
    },
    Done,
}

/// One blob on its way to the registry.
struct Upload<'a> {
    registry: &'a Registry,
    spot: &'a Spot,
    scopes: &'a [String],
    blob: &'a Descriptor,
    open: OpenBlob<'a>,
    bar: &'a dyn Bar,
    /// How far the bar has got: it cannot go back.
    shown: Cell<u64>,
    /// The size of pieces; None while the blob goes whole.
    piece: Option<u64>,
    state: State,
}

impl Upload<'_> {
    /// Goes on until the blob is there or something fails.
    fn attempt(&mut self) -> Result<(), Failure> {
        let mut beginnings = 0;
        loop {
            self.state = match std::mem::replace(&mut self.state, State::Nowhere) {
                State::Done => return Ok(()),
                State::Nowhere => {
                    beginnings += 1;
                    if beginnings > MOST_BEGINNINGS {
                        return Err(Failure::Final(Error::new(
                            "the registry loses the upload again and again",
                        )));
                    }
                    self.begin()?
                }
                State::Broken { begun } => self.ask_how_far(begun)?,
                State::At { begun, offset } => match self.piece {
                    None if offset == 0 => self.send_whole(begun)?,
                    None => self.send_piece(begun, offset, PIECE)?,
                    Some(_) if offset == self.blob.size => self.finish(begun)?,
                    Some(piece) => self.send_piece(begun, offset, piece)?,
                },
            };
        }
    }

    fn send(
        &self,
        method: Method,
        url: &str,
        payload: Payload<'_>,
        range: Option<(u64, u64)>,
    ) -> Result<Response<Body>, Failure> {
        let mut call = Call::new(method, url, &self.spot.name, self.scopes).payload(payload);
        if !matches!(call.payload, Payload::None) {
            call = call.header(header::CONTENT_TYPE, "application/octet-stream");
        }
        if let Some((from, to)) = range {
            call = call.header(header::CONTENT_RANGE, format!("{from}-{}", to - 1));
        }
        call.patience = Duration::from_secs(self.blob.size / COMMIT_BYTES_PER_SECOND);
        self.registry.inner.send(&self.spot.host, &call)
    }

    fn refusal(&self, response: Response<Body>) -> Refusal {
        Refusal::read(response, &self.registry.inner.options.http)
    }

    fn begin(&self) -> Result<State, Failure> {
        let response =
            self.send(Method::POST, &self.spot.path("blobs/uploads/"), Payload::Bytes(b""), None)?;
        match response.status() {
            StatusCode::ACCEPTED => {
                Ok(State::At { begun: self.registry.begun(self.spot, response)?, offset: 0 })
            }
            _ => Err(self.refusal(response).into()),
        }
    }

    fn show(&self, at: u64) {
        let shown = self.shown.get();
        if at > shown {
            self.bar.advance(at - shown);
            self.shown.set(at);
        }
    }

    fn closing(&self, begun: &Begun) -> String {
        with_param(&begun.location, "digest", &self.blob.digest.to_string())
    }

    /// The blob in one request ("POST then PUT").
    fn send_whole(&mut self, begun: Begun) -> Result<State, Failure> {
        let show = |at| self.show(at);
        let payload = Payload::Stream { open: self.open, from: 0, to: self.blob.size, sent: &show };
        let response = match self.send(Method::PUT, &self.closing(&begun), payload, None) {
            Ok(response) => response,
            Err(failure) => {
                self.state = State::Broken { begun };
                // A server that takes no body of this size may close the connection before its answer can be read; and of what
                // goes in pieces, less is lost.
                if self.blob.size > PIECE {
                    self.piece = Some(PIECE);
                }
                return Err(failure);
            }
        };
        if response.status().is_success() {
            return self.check(response);
        }
        let refusal = self.refusal(response);
        if wants_pieces(&refusal) {
            self.piece = Some(PIECE);
            return Ok(State::Nowhere);
        }
        Err(refusal.into())
    }

    /// The next piece of it.
    fn send_piece(&mut self, begun: Begun, offset: u64, piece: u64) -> Result<State, Failure> {
        let piece = piece.max(begun.least).clamp(1, LARGEST_PIECE);
        self.piece = Some(piece);
        let to = self.blob.size.min(offset.saturating_add(piece));
        let show = |at| self.show(at);
        let payload = Payload::Stream { open: self.open, from: offset, to, sent: &show };
        let response = match self.send(Method::PATCH, &begun.location, payload, Some((offset, to))) {
            Ok(response) => response,
            Err(failure) => {
                self.state = State::Broken { begun };
                return Err(failure);
            }
        };
        match response.status() {
            status if status.is_success() => {
                // A registry may have kept less than it got.
                let kept = reply::header(&response, header::RANGE).and_then(end_of_range);
                let next = self.registry.begun(self.spot, response)?;
                let least = next.least.max(begun.least);
                match kept.unwrap_or(to) {
                    kept if kept > to || kept <= offset => Err(self.lost(kept, to)),
                    kept => Ok(State::At { begun: Begun { least, ..next }, offset: kept }),
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::NOT_FOUND => {
                reply::drain(response, &self.registry.inner.options.http);
                Ok(State::Nowhere)
            }
            _ => Err(self.refusal(response).into()),
        }
    }

    fn lost(&self, kept: u64, sent: u64) -> Failure {
        Failure::passing(Error::new(format!("the registry says that it has {kept} bytes of {sent}")))
    }

    fn finish(&mut self, begun: Begun) -> Result<State, Failure> {
        let response = match self.send(Method::PUT, &self.closing(&begun), Payload::Bytes(b""), None) {
            Ok(response) => response,
            Err(failure) => {
                self.state = State::Broken { begun };
                return Err(failure);
            }
        };
        match response.status() {
            status if status.is_success() => self.check(response),
            _ => Err(self.refusal(response).into()),
        }
    }

    /// Where a broken upload goes on, as the registry says ("Range: 0-N"); from the beginning if it does not.
    fn ask_how_far(&mut self, begun: Begun) -> Result<State, Failure> {
        let response = self.send(Method::GET, &begun.location, Payload::None, None)?;
        let kept = reply::header(&response, header::RANGE).and_then(end_of_range);
        match (response.status(), kept) {
            // `0-0` is what some say for no byte at all.
            (StatusCode::NO_CONTENT, Some(kept)) if kept > 1 && kept <= self.blob.size => {
                let next = self.registry.begun(self.spot, response).unwrap_or_else(|_| begun.clone());
                self.piece = self.piece.or(Some(PIECE));
                Ok(State::At { begun: Begun { least: next.least.max(begun.least), ..next }, offset: kept })
            }
            _ => {
                reply::drain(response, &self.registry.inner.options.http);
                // An upload that is gone may have come to its end, and only the answer was lost.
                Ok(if self.is_there()? { State::Done } else { State::Nowhere })
            }
        }
    }

    fn is_there(&self) -> Result<bool, Failure> {
        let there = self.registry.is_there(self.spot, self.blob)?;
        if there {
            self.show(self.blob.size);
        }
        Ok(there)
    }

    fn check(&self, response: Response<Body>) -> Result<State, Failure> {
        let found = super::manifest::announced_digest(&response).filter(|found| *found != self.blob.digest);
        reply::drain(response, &self.registry.inner.options.http);
        self.show(self.blob.size);
        match found {
            Some(found) => {
                let error = format!("the registry keeps it as {found}, expected {}", self.blob.digest);
                Err(Error::new(error).into())
            }
            None => Ok(State::Done),
        }
    }
}

/// Whether a registry, or a proxy before it, does not take a blob in one request.
fn wants_pieces(refusal: &Refusal) -> bool {
    let refuses_the_way = matches!(
        refusal.status,
        StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::LENGTH_REQUIRED
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::RANGE_NOT_SATISFIABLE
            | StatusCode::NOT_IMPLEMENTED
    );
    refuses_the_way
        && !["DIGEST_INVALID", "NAME_INVALID", "NAME_UNKNOWN", "DENIED"]
            .iter()
            .any(|code| refusal.has_code(code))
}

/// How many bytes `0-N` stands for.
fn end_of_range(range: &str) -> Option<u64> {
    let range = range.trim_start_matches("bytes").trim_start_matches(['=', ' ']);
    let (first, last) = range.split_once('-')?;
    if first.trim() == "0" { last.trim().parse::<u64>().ok()?.checked_add(1) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_uploads() {
        for (range, expected) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("0-0", Some(1)),
            ("1-5", None),
            ("0-", None),
            ("0--1", None),
            ("x", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(end_of_range(range), expected, "{range}");
        }
    }
}
