//! Answers of registries: their bodies, read with a bound, and their refusals in words.

use bareboat_model::{Error, escape};
use serde::Deserialize;
use ureq::Body;
use ureq::http::header::CONTENT_TYPE;
use ureq::http::{HeaderName, Response, StatusCode};

use crate::http::HttpOptions;
use crate::http::agent::{PIECE, may_pass, retry_after};
use crate::http::elsewhere::Elsewhere;
use crate::http::pace::Pace;
use crate::http::retry::Failure;

/// What is read of an error's document.
const LARGEST_ERROR: u64 = 64 << 10;

/// Longer words of a registry are cut.
const LONGEST_WORDS: usize = 300;

/// Errors of one document that are told.
const MOST_ERRORS: usize = 3;

/// `errors` as registries write it, and what token servers write in its place.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Document {
    errors: Vec<OneError>,
    details: Option<String>,
    message: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OneError {
    code: Option<String>,
    message: Option<String>,
}

/// Why a registry refuses.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The codes of its errors, such as `MANIFEST_UNKNOWN`.
    pub(super) codes: Vec<String>,
    failure: Failure,
}

impl Refusal {
    /// Reads what the registry says of it.
    pub(super) fn read(response: Response<Body>, options: &HttpOptions) -> Self {
        let status = response.status();
        let retry_after = retry_after(&response);
        // What is not a registry's may still say why, as Go's servers do.
        let plain = header(&response, CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/plain"));
        let who = Elsewhere::of(&response).map_or_else(|| "the registry".to_owned(), Elsewhere::shown);
        let body = bytes(response, LARGEST_ERROR, options).unwrap_or_default();
        let document = match serde_json::from_slice(&body) {
            Ok(document) => document,
            Err(_) => Document {
                message: plain.then(|| String::from_utf8(body).ok()).flatten(),
                ..Document::default()
            },
        };
        let mut words = format!("{who} answers {status}");
        for said in document.words() {
            words.push_str(": ");
            words.push_str(&said);
        }
        let error = Error::new(words);
        let failure =
            if may_pass(status) { Failure::Passing { error, retry_after } } else { Failure::Final(error) };
        let codes = document.errors.into_iter().filter_map(|error| error.code).collect();
        Self { status, codes, failure }
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|theirs| theirs == code)
    }

    /// Adds what the person could do.
    pub(super) fn with_hint(mut self, hint: &str) -> Self {
        self.failure = match self.failure {
            Failure::Final(error) => Failure::Final(error.with_hint(hint)),
            Failure::Passing { error, retry_after } => {
                Failure::Passing { error: error.with_hint(hint), retry_after }
            }
        };
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}

impl Document {
    fn words(&self) -> Vec<String> {
        let errors = self.errors.iter().take(MOST_ERRORS).map(|error| {
            let parts = [&error.message, &error.code].into_iter().flatten();
            parts.map(String::as_str).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
        });
        let others = [&self.details, &self.message, &self.error_description].into_iter().flatten().cloned();
        let all = errors.chain(others).map(|words| shown(&words)).filter(|words| !words.is_empty());
        all.take(MOST_ERRORS).collect()
    }
}

/// Somebody else's words, for a message: one line, not long, harmless to a terminal.
pub(super) fn shown(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown = escape(&line);
    if let Some((end, _)) = shown.char_indices().nth(LONGEST_WORDS) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// The whole body, if it is no longer than `most`.
pub(super) fn bytes(response: Response<Body>, most: u64, options: &HttpOptions) -> Result<Vec<u8>, Failure> {
    let too_long =
        || Failure::Final(Error::new(format!("the answer is longer than the {most} bytes expected at most")));
    if response.body().content_length().is_some_and(|length| length > most) {
        return Err(too_long());
    }
    let mut pace = Pace::of_short(&response, options);
    let mut body = response.into_body().into_reader();
    let mut bytes = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let n = pace.read(&mut body, &mut piece, options)?;
        if n == 0 {
            return Ok(bytes);
        }
        if bytes.len() as u64 + n as u64 > most {
            return Err(too_long());
        }
        bytes.extend_from_slice(&piece[..n]);
    }
}

/// Reads what is left, so that the connection can be used again. Much is not read: then it is closed.
pub(super) fn drain(response: Response<Body>, options: &HttpOptions) {
    // Whether that worked the next request will tell.
    let _ = bytes(response, LARGEST_ERROR, options);
}

/// The value of a header, if it is text.
pub(super) fn header(response: &Response<Body>, name: impl Into<HeaderName>) -> Option<&str> {
    response.headers().get(name.into())?.to_str().ok().map(str::trim)
}
