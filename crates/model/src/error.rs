//! One error type for the whole workspace: a sentence for a person, and sometimes a hint.
//!
//! Nothing in bareboat branches on the *kind* of an error: an error is told to a person and the run ends.
//! So an error is its words, in the form ``cannot <verb> `<object>`: <cause>``.

use std::fmt;

use crate::shorten;

/// What went wrong, where, and what to do about it.
///
/// The message is lower case, names the path, package or reference it is about, and has no full stop. Names without end, which
/// images and registries may have, are cut.
///
/// ```
/// use bareboat_model::Error;
/// let error = Error::new("no such suite").context("cannot read `trixie`").with_hint("look at the mirror");
/// assert_eq!(error.to_string(), "cannot read `trixie`: no such suite");
/// assert_eq!(error.hint(), Some("look at the mirror"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    message: String,
    hint: Option<String>,
}

/// The result of whatever can fail in bareboat.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner { message: shorten(&message.into()), hint: None }))
    }

    /// Puts what was being done in front of what went wrong. The hint stays.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.0.message = format!("{}: {}", shorten(&doing.to_string()), self.0.message);
        self
    }

    /// Adds what the person could do. The innermost hint wins: it knows most.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| shorten(&hint.into()));
        self
    }

    /// What the person could do, if anything is known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        self.hint().map_or(Ok(()), |hint| write!(f, " (hint: {hint})"))
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    /// Unwraps an [`Error`] that travelled through a `Read` or `Write`; tells any other in plain words.
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => Self::new(plain_words(&error)),
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

/// `No such file or directory (os error 2)` → `no such file or directory`.
fn plain_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first)
            if !text.starts_with(|c: char| c.is_uppercase() && text[1..].starts_with(char::is_uppercase)) =>
        {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Adds what was being done to a failure on its way up.
pub trait Context<T> {
    /// Puts `doing` in front of the error's message.
    fn context<D: fmt::Display>(self, doing: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context<D: fmt::Display>(self, doing: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| error.into().context(doing()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_lose_the_number_and_the_capital() {
        let error = std::io::Error::from_raw_os_error(2);
        assert_eq!(Error::from(error).to_string(), "no such file or directory");
    }

    #[test]
    fn an_error_survives_the_way_through_io() {
        let ours = Error::new("member is too large").with_hint("raise the limit");
        let io: std::io::Error = ours.clone().into();
        assert_eq!(Error::from(io), ours);
    }

    #[test]
    fn a_name_of_ten_thousand_characters_is_not_a_message() {
        let long = "x".repeat(10_000);
        let error = Error::new(format!("`{long}` is odd")).context(format!("cannot read `{long}`"));
        let error = error.with_hint(format!("remove `{long}`"));
        assert!(error.to_string().len() < 600 && error.to_string().ends_with("xxx` is odd"), "{error}");
        assert!(error.hint().unwrap().len() < 300);
    }

    #[test]
    fn the_innermost_hint_wins() {
        let error = Error::new("x").with_hint("inner").context("cannot y").with_hint("outer");
        assert_eq!(error.hint(), Some("inner"));
    }
}
