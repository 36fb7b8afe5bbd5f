//! A blob on its way into a file: verified, and gone on with where an earlier run ended.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bareboat_formats::oci::Descriptor;
use bareboat_model::{Bar, Context, Error, Hasher, Result};

use crate::files::{in_words, open_partial};

/// Large enough that reads and writes cost little beside hashing.
const PIECE: usize = 256 << 10;

/// Opens a blob from an offset on.
pub(super) type Open<'a> = dyn Fn(u64) -> Result<Box<dyn Read + Send>> + 'a;

/// Brings `blob` into the file `partial` and verifies it; see [`super::Source::fetch`].
pub(super) fn fetch(open: &Open<'_>, blob: &Descriptor, partial: &Path, bar: &dyn Bar) -> Result<()> {
    let mut part = Part::open(partial, blob, bar)?;
    loop {
        let resumed = part.length > 0;
        if part.length < blob.size {
            part.go_on(&mut open(part.length)?)?;
        } else if !resumed {
            // A blob without bytes: that it is there at all is still to be seen.
            part.go_on(&mut open(0)?)?;
        }
        let found = part.hasher.clone().finish();
        if found == blob.digest {
            return Ok(());
        }
        part.restart()?;
        if !resumed {
            let error = format!("it is damaged: expected {}, found {found}", blob.digest);
            return Err(Error::new(error).with_hint(super::source::MEND));
        }
    }
}

struct Part<'a> {
    file: File,
    folder: PathBuf,
    blob: &'a Descriptor,
    hasher: Hasher,
    length: u64,
    bar: &'a dyn Bar,
    /// How far the bar has got: it cannot go back.
    shown: u64,
}

impl<'a> Part<'a> {
    fn open(partial: &Path, blob: &'a Descriptor, bar: &'a dyn Bar) -> Result<Self> {
        let folder = partial.parent().unwrap_or(partial).to_owned();
        let file = open_partial(partial)
            .map_err(|error| in_words(&error, &folder))
            .context(|| format!("cannot write `{}`", partial.display()))?;
        let mut part = Self { file, folder, blob, hasher: Hasher::new(), length: 0, bar, shown: 0 };
        part.take_in_what_is_there()?;
        Ok(part)
    }

    fn take_in_what_is_there(&mut self) -> Result<()> {
        let there = self.file.metadata()?.len();
        if there > self.blob.size {
            return self.restart();
        }
        let mut piece = vec![0; if there == 0 { 0 } else { PIECE }];
        while self.length < there {
            let n = self.file.read(&mut piece)?;
            if n == 0 {
                break;
            }
            self.take(&piece[..n]);
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.bar.advance(self.length.saturating_sub(self.shown));
        self.shown = self.shown.max(self.length);
    }

    fn restart(&mut self) -> Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Hasher::new();
        self.length = 0;
        Ok(())
    }

    /// Appends what `reader` has, which must be all that is still missing.
    fn go_on(&mut self, reader: &mut dyn Read) -> Result<()> {
        let size = self.blob.size;
        let mut piece = vec![0; PIECE];
        loop {
            let n = match reader.read(&mut piece) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if n == 0 {
                break;
            }
            if n as u64 > size - self.length {
                self.restart()?;
                return Err(Error::new(format!(
                    "it is damaged: it is longer than the {size} bytes expected"
                )));
            }
            self.file.write_all(&piece[..n]).map_err(|error| self.cannot_write(&error))?;
            self.take(&piece[..n]);
        }
        if self.length < size {
            return Err(Error::new(format!("it ends after {} of {size} bytes", self.length)));
        }
        Ok(())
    }

    fn cannot_write(&self, error: &io::Error) -> io::Error {
        in_words(error, &self.folder)
    }
}

#[cfg(test)]
mod tests {
    use bareboat_model::{Digest, Silent};

    use super::*;

    fn fetched(there: &[u8], has: &'static [u8], wanted: &[u8]) -> (String, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join("part");
        if !there.is_empty() {
            std::fs::write(&partial, there).unwrap();
        }
        let open = |offset: u64| -> Result<Box<dyn Read + Send>> { Ok(Box::new(&has[offset as usize..])) };
        let told = match fetch(&open, &Descriptor::of("x", wanted), &partial, &Silent) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        (told.replace(&Digest::of(wanted).to_string(), "WANTED"), std::fs::read(&partial).unwrap())
    }

    #[test]
    fn a_part_is_gone_on_with_and_always_verified() {
        for (there, has, wanted, told, left) in [
            ("", "whole", "whole", "ok", "whole"),
            ("who", "whole", "whole", "ok", "whole"),
            ("whole", "whole", "whole", "ok", "whole"),
            ("bad", "whole", "whole", "ok", "whole"),
            ("worse", "whole", "whole", "ok", "whole"),
            ("longer than it", "whole", "whole", "ok", "whole"),
            ("", "", "", "ok", ""),
            ("", "who", "whole", "it ends after 3 of 5 bytes", "who"),
            ("", "wholesale", "whole", "it is damaged: it is longer than the 5 bytes expected", ""),
        ] {
            let found = fetched(there.as_bytes(), has.as_bytes(), wanted.as_bytes());
            assert_eq!(found, (told.to_owned(), left.as_bytes().to_vec()), "{there} {has}");
        }
        let (told, left) = fetched(b"", b"Whole", b"whole");
        assert!(
            told.starts_with("it is damaged: expected WANTED, found sha256:") && left.is_empty(),
            "{told}"
        );
    }
}
