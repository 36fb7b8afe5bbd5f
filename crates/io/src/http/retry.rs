//! What is tried again, how often, and after which pause.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bareboat_model::{Error, Result, Timestamp};

use super::HttpOptions;

/// A server may ask for a longer pause than ours, but not for any: a run should end while somebody waits for
/// it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another attempt would end the same way.
    Final(Error),
    /// Another attempt may do better, after the pause that the server asked for if it did.
    Passing {
        /// What is said if no attempt did better.
        error: Error,
        /// The server's `Retry-After`.
        retry_after: Option<Duration>,
    },
}

impl Failure {
    /// A failure that may pass, without a word from the server.
    pub(crate) fn passing(error: Error) -> Self {
        Self::Passing { error, retry_after: None }
    }

    /// The same failure in other words.
    pub(crate) fn map(self, words: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::Final(error) => Self::Final(words(error)),
            Self::Passing { error, retry_after } => Self::Passing { error: words(error), retry_after },
        }
    }
}

impl<E: Into<Error>> From<E> for Failure {
    /// What fails on this machine (the disk is full, a path is wrong) fails again.
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

/// Makes attempts until one succeeds, fails for good, or `options.retries` more than the first have failed.
pub(crate) fn with_retries<T>(
    options: &HttpOptions,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T> {
    let mut pause = options.pause;
    let mut left = options.retries;
    loop {
        let (error, retry_after) = match attempt() {
            Ok(value) => return Ok(value),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing { error, retry_after }) => (error, retry_after),
        };
        let wait = retry_after.map_or(pause, |asked| asked.max(pause));
        if wait > LONGEST_PAUSE {
            let asked = format!("{error}, and the server asks to come back in {} s", wait.as_secs());
            return Err(Error::new(asked));
        }
        if left == 0 {
            return Err(told_after(error, options.retries));
        }
        std::thread::sleep(wait);
        left -= 1;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// What a `Retry-After` asks for: seconds, or a date in GMT (RFC 9110 section 10.2.3).
pub(crate) fn pause_asked_for(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = Timestamp::from_rfc2822(value).ok()?;
    let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(date.seconds()).ok()?);
    Some(date.duration_since(now).unwrap_or_default())
}

fn told_after(error: Error, retries: u32) -> Error {
    if retries == 0 { error } else { Error::new(format!("{error} (tried {} times)", retries + 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(retries: u32) -> HttpOptions {
        HttpOptions { retries, pause: Duration::ZERO, ..HttpOptions::default() }
    }

    #[test]
    fn a_passing_failure_is_tried_again_and_a_final_one_is_not() {
        let mut tries = 0;
        let done = with_retries(&options(3), || {
            tries += 1;
            if tries < 3 { Err(Failure::passing(Error::new("busy"))) } else { Ok(tries) }
        });
        assert_eq!(done.unwrap(), 3);

        let mut tries = 0;
        let failed: Result<()> = with_retries(&options(3), || {
            tries += 1;
            Err(Failure::Final(Error::new("wrong")))
        });
        assert_eq!((failed.unwrap_err().to_string().as_str(), tries), ("wrong", 1));
    }

    #[test]
    fn the_last_failure_says_how_often_it_was_tried() {
        let failed: Result<()> = with_retries(&options(2), || Err(Failure::passing(Error::new("busy"))));
        assert_eq!(failed.unwrap_err().to_string(), "busy (tried 3 times)");
    }

    #[test]
    fn nobody_waits_for_an_hour() {
        let failed: Result<()> = with_retries(&options(2), || {
            Err(Failure::Passing { error: Error::new("busy"), retry_after: Some(Duration::from_secs(3600)) })
        });
        assert_eq!(failed.unwrap_err().to_string(), "busy, and the server asks to come back in 3600 s");
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_by_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_770);
        for (value, seconds) in [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            assert_eq!(pause_asked_for(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
