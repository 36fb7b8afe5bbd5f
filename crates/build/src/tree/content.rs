//! The bytes of a file: what they are, and where they lie until a layer needs them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bareboat_model::{Context, Digest, Error, Hasher, Result};

/// The content of a regular file. Equal when the bytes are.
#[derive(Clone, Debug)]
pub struct Content {
    digest: Digest,
    size: u64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Arc<[u8]>),
    /// `size` bytes of a file, from an offset. A file of the cache may be removed when it is damaged.
    File {
        path: Arc<PathBuf>,
        offset: u64,
        of_cache: bool,
    },
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        (self.digest, self.size) == (other.digest, other.size)
    }
}

impl Eq for Content {}

impl Content {
    /// Bytes in memory: for what is made, not for what is read.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), size: bytes.len() as u64, place: Place::Memory(bytes) }
    }

    /// A file on this machine, known to have this digest and size.
    pub fn in_file(digest: Digest, size: u64, path: Arc<PathBuf>) -> Self {
        Self { digest, size, place: Place::File { path, offset: 0, of_cache: false } }
    }

    /// `size` bytes at `offset` of a file of the cache, which is removed if they turn out to be damaged.
    pub fn in_cache(digest: Digest, size: u64, path: Arc<PathBuf>, offset: u64) -> Self {
        Self { digest, size, place: Place::File { path, offset, of_cache: true } }
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All bytes at once, checked against the digest. For small files.
    ///
    /// # Errors
    /// When they cannot be read, are more than `limit`, or are no longer what they were.
    pub fn read(&self, limit: u64) -> Result<Vec<u8>> {
        if self.size > limit {
            return Err(Error::new(format!("{} bytes are more than the {limit} expected here", self.size)));
        }
        let mut bytes = Vec::with_capacity(self.size as usize);
        ContentReader::default().open(self)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Up to the first `length` bytes, not checked: to see what kind of file it is.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn head(&self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length.min(self.size as usize)];
        match &self.place {
            Place::Memory(all) => all.as_ref().read_exact(&mut bytes)?,
            Place::File { path, offset, .. } => {
                let file = File::open(path.as_path()).context(|| cannot_read(path))?;
                file.read_exact_at(&mut bytes, *offset).context(|| cannot_read(path))?;
            }
        }
        Ok(bytes)
    }
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read `{}`", path.display())
}

/// Opens contents one after another; keeps the last file open, because neighbours share one.
#[derive(Default)]
pub struct ContentReader {
    last: Option<(Arc<PathBuf>, File)>,
}

impl ContentReader {
    /// A reader over the bytes, which fails at the end when they are not what the digest says.
    ///
    /// # Errors
    /// When the file that holds them cannot be opened.
    pub fn open<'a>(&'a mut self, content: &'a Content) -> Result<impl Read + 'a> {
        let source = match &content.place {
            Place::Memory(bytes) => Source::Memory(bytes),
            Place::File { path, offset, of_cache } => {
                if self.last.as_ref().is_none_or(|(last, _)| last != path) {
                    let file = File::open(path.as_path()).context(|| cannot_read(path))?;
                    self.last = Some((path.clone(), file));
                }
                let Some((path, file)) = &self.last else { return Err(Error::new("no file is open")) };
                Source::File { path, file, offset: *offset, of_cache: *of_cache }
            }
        };
        Ok(Checked { source, left: content.size, hasher: Some(Hasher::new()), expected: content.digest })
    }
}

enum Source<'a> {
    Memory(&'a [u8]),
    File { path: &'a Path, file: &'a File, offset: u64, of_cache: bool },
}

struct Checked<'a> {
    source: Source<'a>,
    left: u64,
    hasher: Option<Hasher>,
    expected: Digest,
}

impl Checked<'_> {
    fn name(&self) -> String {
        match self.source {
            Source::Memory(_) => "memory".to_owned(),
            Source::File { path, .. } => path.display().to_string(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(found) = self.hasher.take().map(Hasher::finish) else { return Ok(()) };
        if found == self.expected {
            return Ok(());
        }
        let message = format!("cannot use `{}`: expected {}, found {found}", self.name(), self.expected);
        let hint = match self.source {
            Source::File { path, of_cache: true, .. } => {
                // If it cannot be removed, the next run meets it again and says so again.
                let _ = std::fs::remove_file(path);
                "a file in the cache was damaged, and is removed: run again"
            }
            _ => "it changed while it was being used, or the disk lost it; try again",
        };
        Err(Error::new(message).with_hint(hint).into())
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            if self.left == 0 {
                self.finish()?;
            }
            return Ok(0);
        }
        let n = match &mut self.source {
            Source::Memory(bytes) => bytes.read(&mut buffer[..wanted])?,
            Source::File { file, offset, .. } => {
                let n = file.read_at(&mut buffer[..wanted], *offset)?;
                *offset += n as u64;
                n
            }
        };
        if n == 0 {
            let message = format!("cannot use `{}`: it ends {} bytes early", self.name(), self.left);
            return Err(Error::new(message).into());
        }
        self.left -= n as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..n]);
        }
        if self.left == 0 {
            self.finish()?;
        }
        Ok(n)
    }
}
