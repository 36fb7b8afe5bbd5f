//! The clear-signed message: a text, and beneath it an armoured block with its signatures (RFC 9580, section 7).
//!
//! By hand, because rPGP 0.21 searches the whole text anew at each line (200 kB of empty lines keep it busy for
//! 20 s, 8 MiB for hours), and because the frame decides what is signed: it is read as strictly as it is written.

use bareboat_model::{Error, Result, escape};

const BEGIN_MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// The parts of a clear-signed message.
#[derive(Debug)]
pub(super) struct ClearSigned<'a> {
    /// The text, its dashes unescaped, without blanks at the ends of lines; each line ends with a line feed.
    pub text: String,
    /// The armoured block, from its first line to its last.
    pub signatures: &'a str,
}

/// Takes a clear-signed message apart.
pub(super) fn split(message: &str) -> Result<ClearSigned<'_>> {
    let mut lines = Lines { message, at: 0, number: 0 };
    let first = lines.next("the message")?;
    if first != BEGIN_MESSAGE {
        return Err(lines.error(&format!("`{}`, expected `{BEGIN_MESSAGE}`", excerpt(first))));
    }
    skip_headers(&mut lines)?;
    let (text, block) = read_text(&mut lines)?;
    while lines.next("the signature block")? != END_SIGNATURE {}
    let signatures = &message[block..lines.at];
    if !message[lines.at..].trim_ascii().is_empty() {
        lines.number += 1;
        return Err(lines.error("something stands after the signature block"));
    }
    Ok(ClearSigned { text, signatures })
}

/// Only `Hash` headers may stand here, lest one be taken for signed text (section 7). What they say is not
/// needed, and not signed.
fn skip_headers(lines: &mut Lines<'_>) -> Result<()> {
    loop {
        match lines.next("the message")? {
            "" => return Ok(()),
            line if line.starts_with("Hash:") => {}
            line => {
                return Err(lines.error(&format!("`{}` is neither a `Hash` header nor empty", excerpt(line))));
            }
        }
    }
}

/// The text, and where the signature block begins.
fn read_text(lines: &mut Lines<'_>) -> Result<(String, usize)> {
    let mut text = String::with_capacity(lines.message.len());
    loop {
        let at = lines.at;
        let line = lines.next("the signed text")?;
        if line == BEGIN_SIGNATURE {
            return Ok((text, at));
        }
        let unescaped = match line.strip_prefix("- ") {
            Some(unescaped) => unescaped,
            None if line.starts_with('-') => return Err(lines.error("a dash is not escaped")),
            None => line,
        };
        if unescaped.contains('\r') {
            return Err(lines.error("a carriage return within a line"));
        }
        text.push_str(unescaped.trim_end_matches([' ', '\t']));
        text.push('\n');
    }
}

struct Lines<'a> {
    message: &'a str,
    /// Where the next line begins.
    at: usize,
    /// The number of the line read last, counted from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    /// The next line, without its line end; an error when `what` ends too early.
    fn next(&mut self, what: &str) -> Result<&'a str> {
        let rest = &self.message[self.at..];
        self.number += 1;
        if rest.is_empty() {
            return Err(self.error(&format!("{what} ends too early")));
        }
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at += (length + 1).min(rest.len());
        let line = &rest[..length];
        Ok(line.strip_suffix('\r').unwrap_or(line))
    }

    fn error(&self, what: &str) -> Error {
        Error::new(format!("line {}: {what}", self.number))
    }
}

/// The beginning of a line from outside, fit for a message.
fn excerpt(line: &str) -> String {
    escape(&line.chars().take(60).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n";

    fn message(text: &str) -> String {
        format!("{BEGIN_MESSAGE}\nHash: SHA256\n\n{text}{BLOCK}")
    }

    fn error(message: &str) -> String {
        split(message).unwrap_err().to_string()
    }

    #[test]
    fn the_text_is_what_is_signed() {
        for (given, expected) in [
            ("", ""),
            ("\n", "\n"),
            ("a\nb\n", "a\nb\n"),
            ("a \t\n b\n", "a\n b\n"),
            ("- -----BEGIN\n- - x\n- From y\n", "-----BEGIN\n- x\nFrom y\n"),
            ("a\r\nb\r\n", "a\nb\n"),
        ] {
            let message = message(given);
            let parts = split(&message).unwrap();
            assert_eq!((parts.text.as_str(), parts.signatures), (expected, BLOCK));
        }
    }

    #[test]
    fn white_space_may_follow_and_nothing_else() {
        assert!(split(&(message("a\n") + "\n \r\n")).is_ok());
        assert_eq!(
            error(&(message("a\n") + "\nFiles: x\n")),
            "line 9: something stands after the signature block"
        );
        assert_eq!(error(&(message("a\n") + BLOCK)), "line 9: something stands after the signature block");
    }

    #[test]
    fn nothing_may_stand_before() {
        let expected = "line 1: `Files: x`, expected `-----BEGIN PGP SIGNED MESSAGE-----`";
        assert_eq!(error(&("Files: x\n".to_owned() + &message("a\n"))), expected);
        assert!(split(&("\n".to_owned() + &message("a\n"))).is_err());
    }

    #[test]
    fn a_loose_frame_is_refused() {
        for (message, expected) in [
            (String::new(), "line 1: the message ends too early"),
            (format!("{BEGIN_MESSAGE}\n"), "line 2: the message ends too early"),
            (format!("{BEGIN_MESSAGE}\n\na\n"), "line 4: the signed text ends too early"),
            (
                format!("{BEGIN_MESSAGE}\n\na\n{BEGIN_SIGNATURE}\n"),
                "line 5: the signature block ends too early",
            ),
            (
                format!("{BEGIN_MESSAGE}\nFiles: x\n\n"),
                "line 2: `Files: x` is neither a `Hash` header nor empty",
            ),
            (format!("{BEGIN_MESSAGE}\n \nFiles: x\n\n"), "line 2: ` ` is neither a `Hash` header nor empty"),
            (message("a\n-b\n"), "line 5: a dash is not escaped"),
            (message("a\rb\n"), "line 4: a carriage return within a line"),
            (message("a\r\r\n"), "line 4: a carriage return within a line"),
        ] {
            assert_eq!(error(&message), expected);
        }
    }
}
