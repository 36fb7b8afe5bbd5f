//! Answers that are bytes, not words: a file of an image, a document, what is attached.

use std::io::{self, IsTerminal as _, Write};

use bareboat_model::{Context as _, Error, Result};

use crate::output::{Failure, answer, harmless};

/// A terminal is shown no more: whoever wants it all, wants it in a file.
const MOST_SHOWN: usize = 1 << 20;

/// Writes bytes to stdout as they are; to a terminal, only what steers none.
pub(crate) fn write(
    copy: impl FnOnce(&mut dyn Write) -> Result<()>,
    failing: impl Fn() -> String,
) -> Result<(), Failure> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        let mut shown = Shown::default();
        copy(&mut shown).context(&failing)?;
        return answer(&shown.text().context(failing)?);
    }
    let mut out = io::BufWriter::with_capacity(128 << 10, Broken { inner: stdout.lock(), closed: false });
    let copied = copy(&mut out).and_then(|()| Ok(out.flush()?));
    match copied {
        Err(_) if out.get_ref().closed => Err(Failure::ClosedPipe),
        other => Ok(other.context(failing)?),
    }
}

/// Remembers that nobody reads any more.
struct Broken<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Write for Broken<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.closed |= written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// What a terminal is shown: text, and nothing in it steers the terminal.
#[derive(Default)]
struct Shown(Vec<u8>);

impl Shown {
    fn text(self) -> Result<String> {
        let elsewhere = "send it elsewhere: bareboat … > FILE";
        let refused =
            |why: &str| Error::new(format!("{why}, which a terminal cannot show")).with_hint(elsewhere);
        let text = String::from_utf8(self.0).map_err(|_| refused("it is not text"))?;
        if text.contains('\0') {
            return Err(refused("it is not text"));
        }
        Ok(text
            .split_inclusive('\n')
            .map(|line| harmless(line) + if line.ends_with('\n') { "\n" } else { "" })
            .collect())
    }
}

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_SHOWN {
            let error = Error::new(format!("it has more than {MOST_SHOWN} bytes, too much for a terminal"));
            return Err(error.with_hint("send it elsewhere: bareboat … > FILE").into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_shown_text_only_and_nothing_that_steers_it() {
        for (bytes, expected) in [
            (&b"one\ntwo"[..], Some("one\ntwo")),
            (b"tab\there\x1b[2J\n", Some("tab\\there\\u{1b}[2J\n")),
            (b"\x7fELF\0\0", None),
            (b"\xff\xfe", None),
        ] {
            let mut shown = Shown::default();
            shown.write_all(bytes).unwrap();
            assert_eq!(shown.text().ok().as_deref(), expected, "{bytes:?}");
        }
        assert!(Shown::default().write_all(&vec![b'x'; MOST_SHOWN + 1]).is_err());
    }
}
