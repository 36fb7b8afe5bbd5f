//! A file that comes in parts: what is there, appended to and verified, never more than it should be.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use bareboat_model::{Bar, Digest, Error, Hasher, Result};
use ureq::Body;
use ureq::http::Response;

use super::agent::{PIECE, Status};
use super::pace::Pace;
use super::retry::Failure;
use super::{Fetched, HttpOptions};
use crate::files::{open_if_there, open_partial};
use crate::store;

/// A file to fetch: what it must be, and where its bytes go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    pub(crate) partial: &'a Path,
}

fn cannot_write(error: std::io::Error, wanted: &Wanted<'_>) -> Error {
    Error::from(error).context(format!("cannot write `{}`", wanted.partial.display())).with_hint(store::ROOM)
}

/// The bytes of a file that are here already.
pub(crate) struct Part<'a> {
    wanted: Wanted<'a>,
    file: File,
    hasher: Hasher,
    length: u64,
    /// Whether some of the bytes came by an earlier answer: then a wrong digest may be that one's fault.
    resumed: bool,
    bar: &'a dyn Bar,
    /// How far the bar has got: it cannot go back when a download starts again.
    shown: u64,
}

impl<'a> Part<'a> {
    /// Opens the partial file, with what is in it.
    pub(crate) fn open(wanted: Wanted<'a>, bar: &'a dyn Bar) -> Result<Self> {
        let file = open_partial(wanted.partial).map_err(|error| cannot_write(error, &wanted))?;
        let mut part = Self { wanted, file, hasher: Hasher::new(), length: 0, resumed: false, bar, shown: 0 };
        part.take_in_what_is_there()?;
        Ok(part)
    }

    /// Fetches with `fetch`, which appends, until the file is whole, and verifies it.
    ///
    /// A part of an earlier answer that led to a wrong digest is thrown away, and all is fetched once more.
    pub(crate) fn complete(mut self, mut fetch: impl FnMut(&mut Self) -> Result<Fetched>) -> Result<Fetched> {
        loop {
            let found = fetch(&mut self)?;
            if found == Fetched::NotFound {
                self.discard();
                return Ok(found);
            }
            match self.verify() {
                Ok(()) => return Ok(found),
                Err(_) if self.resumed => self.restart()?,
                Err(error) => {
                    self.discard();
                    return Err(error);
                }
            }
        }
    }

    /// How many bytes are there.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends what an answer brings.
    pub(crate) fn take_in(
        &mut self,
        status: Status,
        response: Response<Body>,
        options: &HttpOptions,
    ) -> Result<(), Failure> {
        match status {
            Status::Whole => self.restart()?,
            Status::From(first) if first == self.length && first > 0 => self.resumed = true,
            Status::From(_) | Status::PastEnd | Status::Missing => {
                self.restart()?;
                return Err(Failure::passing(Error::new("the server does not go on where the part ends")));
            }
        }
        self.check_announced(response.body().content_length())?;
        let mut pace = Pace::of(&response, options);
        let mut body = response.into_body().into_reader();
        let mut piece = vec![0; PIECE];
        loop {
            match pace.read(&mut body, &mut piece, options) {
                Ok(0) if self.is_complete() => return Ok(()),
                Ok(0) => return Err(pace.told(Failure::passing(self.too_short("the answer ended")))),
                Ok(n) => self.append(&piece[..n])?,
                Err(failure) => return Err(self.broken(failure)),
            }
        }
    }

    fn take_in_what_is_there(&mut self) -> Result<()> {
        if self.file.metadata()?.len() > self.wanted.size {
            return self.restart();
        }
        let mut piece = vec![0; PIECE];
        loop {
            let n = self.file.read(&mut piece)?;
            if n == 0 {
                break;
            }
            self.hasher.update(&piece[..n]);
            self.length += n as u64;
        }
        self.resumed = self.length > 0;
        self.show();
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Hasher::new();
        self.length = 0;
        self.resumed = false;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 > self.wanted.size - self.length {
            let error =
                Error::new(format!("it is longer than the {} bytes that it should have", self.wanted.size));
            self.restart()?;
            return Err(error);
        }
        let written = self.file.write_all(bytes);
        written.map_err(|error| cannot_write(error, &self.wanted))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.show();
        Ok(())
    }

    fn show(&mut self) {
        self.bar.advance(self.length.saturating_sub(self.shown));
        self.shown = self.shown.max(self.length);
    }

    /// Whether there is nothing left to fetch.
    pub(crate) fn is_complete(&self) -> bool {
        self.length == self.wanted.size
    }

    /// Refuses another file before its bytes are fetched.
    fn check_announced(&self, content_length: Option<u64>) -> Result<()> {
        let announced = content_length.map(|rest| rest.saturating_add(self.length));
        match announced {
            Some(size) if size != self.wanted.size => {
                Err(Error::new(format!("expected {} bytes, the server has {size}", self.wanted.size)))
            }
            _ => Ok(()),
        }
    }

    /// Compares the digest of the whole file, and throws a wrong one away.
    pub(crate) fn check(&mut self) -> Result<()> {
        let verified = self.verify();
        if verified.is_err() {
            self.restart()?;
        }
        verified
    }

    fn verify(&mut self) -> Result<()> {
        if !self.is_complete() {
            return Err(self.too_short("it ends"));
        }
        let found = self.hasher.clone().finish();
        if found == self.wanted.digest {
            return Ok(());
        }
        Err(Error::new(format!("expected {}, found {found}", self.wanted.digest)))
    }

    fn too_short(&self, what: &str) -> Error {
        Error::new(format!("{what} after {} of {} bytes", self.length, self.wanted.size))
    }

    /// Adds how far the download had got.
    fn broken(&self, failure: Failure) -> Failure {
        let place = |error: Error| {
            let hint = error.hint().map(str::to_owned);
            let told = Error::new(format!("{error}, after {} of {} bytes", self.length, self.wanted.size));
            hint.into_iter().fold(told, Error::with_hint)
        };
        failure.map(place)
    }

    /// Copies from a mirror on this machine's disk.
    pub(crate) fn copy_from(&mut self, path: &Path) -> Result<Fetched> {
        let Some(mut source) = open_if_there(path)? else { return Ok(Fetched::NotFound) };
        self.restart()?;
        self.check_announced(Some(source.metadata()?.len()))?;
        let mut piece = vec![0; PIECE];
        loop {
            match source.read(&mut piece)? {
                0 => return Ok(Fetched::Found),
                n => self.append(&piece[..n])?,
            }
        }
    }

    /// Removes a partial file that is of no use. If that fails it is found wrong again the next time.
    fn discard(&self) {
        let _ = std::fs::remove_file(self.wanted.partial);
    }
}
