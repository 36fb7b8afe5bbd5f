//! A file of known size and digest, fetched piece by piece: resumed, verified, never more than it should be.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bareboat_model::{Bar, Context, Digest, Error, Hasher, Result};

use super::agent::{self, Ask, PIECE, Status, body_failure, read_piece};
use super::retry::{self, Failure};
use super::{Http, cannot_fetch, url};
use crate::files::{no_links, open_if_there};
use crate::store;

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
        let mut part = Part::open(download, bar)?;
        loop {
            let found = match &on_disk {
                Some(path) => part.copy_from(path)?,
                None => retry::with_retries(&self.options, || self.continue_part(&mut part))?,
            };
            if found == Fetched::NotFound {
                part.discard();
                return Ok(found);
            }
            match part.verify() {
                Ok(()) => return Ok(found),
                Err(_) if part.resumed => part.restart()?,
                Err(error) => {
                    part.discard();
                    return Err(error);
                }
            }
        }
    }

    /// One request: appends what the server sends.
    fn continue_part(&self, part: &mut Part<'_>) -> Result<Fetched, Failure> {
        if part.is_complete() {
            return Ok(Fetched::Found);
        }
        let (status, response) =
            agent::request(&self.agent, &self.options, part.wanted.url, Ask::From(part.length))?;
        match status {
            Status::Missing => return Ok(Fetched::NotFound),
            Status::Whole => part.restart()?,
            Status::From(first) if first == part.length && first > 0 => part.resumed = true,
            Status::From(_) | Status::PastEnd => {
                part.restart()?;
                return Err(Failure::passing(Error::new("the server does not go on where the part ends")));
            }
        }
        part.check_announced(response.body().content_length())?;
        let mut body = response.into_body().into_reader();
        let mut piece = vec![0; PIECE];
        loop {
            match read_piece(&mut body, &mut piece) {
                Ok(0) if part.is_complete() => return Ok(Fetched::Found),
                Ok(0) => return Err(Failure::passing(part.too_short("the answer ended"))),
                Ok(n) => part.append(&piece[..n])?,
                Err(error) => return Err(part.broken(body_failure(&error, &self.options))),
            }
        }
    }
}

fn cannot_write(error: std::io::Error, wanted: &Download<'_>) -> Error {
    Error::from(error).context(format!("cannot write `{}`", wanted.partial.display())).with_hint(store::ROOM)
}

/// The bytes of a download that are here already.
struct Part<'a> {
    wanted: &'a Download<'a>,
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
    fn open(wanted: &'a Download<'a>, bar: &'a dyn Bar) -> Result<Self> {
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(no_links())
            .open(wanted.partial);
        let file = open.map_err(|error| cannot_write(error, wanted))?;
        if !file.metadata()?.is_file() {
            return Err(Error::new(format!("`{}` is not a regular file", wanted.partial.display())));
        }
        let mut part = Self { wanted, file, hasher: Hasher::new(), length: 0, resumed: false, bar, shown: 0 };
        part.take_in_what_is_there()?;
        Ok(part)
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
        written.map_err(|error| cannot_write(error, self.wanted))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.show();
        Ok(())
    }

    fn show(&mut self) {
        self.bar.advance(self.length.saturating_sub(self.shown));
        self.shown = self.shown.max(self.length);
    }

    fn is_complete(&self) -> bool {
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
        match failure {
            Failure::Final(error) => Failure::Final(place(error)),
            Failure::Passing { error, retry_after } => Failure::Passing { error: place(error), retry_after },
        }
    }

    /// Copies from a mirror on this machine's disk.
    fn copy_from(&mut self, path: &Path) -> Result<Fetched> {
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
