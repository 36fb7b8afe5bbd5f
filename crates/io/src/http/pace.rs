//! How fast a body must come. That nothing comes at all is noticed by every read; one who sends a byte now and then is not
//! noticed by any.

use std::io::Read;
use std::time::{Duration, Instant};

use bareboat_model::Error;
use ureq::Body;
use ureq::http::Response;

use super::HttpOptions;
use super::agent::{body_failure, read_piece};
use super::elsewhere::Elsewhere;
use super::retry::Failure;

/// The least bytes a second. Modems were faster.
const SLOWEST: u64 = 1000;

/// The speed is looked at after so many timeouts, or after the grace if that is longer.
const WINDOW: u32 = 3;

/// A short answer may take so many timeouts in all, or as long as the grace.
const WHOLE: u32 = 10;

/// The pace of one body.
pub(crate) struct Pace {
    server: Option<Elsewhere>,
    window: Duration,
    whole: Option<Duration>,
    total: Duration,
    /// Since the speed was last looked at: the time spent on waiting, and what came.
    waited: Duration,
    came: u64,
}

impl Pace {
    /// For an answer's body, which may be long.
    pub(crate) fn of(response: &Response<Body>, options: &HttpOptions) -> Self {
        Self { server: Elsewhere::of(response).cloned(), ..Self::new(options) }
    }

    /// For an answer that is read whole.
    pub(crate) fn of_short(response: &Response<Body>, options: &HttpOptions) -> Self {
        Self::of(response, options).until_the_end(options)
    }

    fn new(options: &HttpOptions) -> Self {
        let window = options.timeout.saturating_mul(WINDOW).max(options.grace);
        let zero = Duration::ZERO;
        Self { server: None, window, whole: None, total: zero, waited: zero, came: 0 }
    }

    fn until_the_end(self, options: &HttpOptions) -> Self {
        Self { whole: Some(options.timeout.saturating_mul(WHOLE).max(options.grace)), ..self }
    }

    /// The next bytes of a body; 0 at its end.
    pub(crate) fn read(
        &mut self,
        body: &mut impl Read,
        piece: &mut [u8],
        options: &HttpOptions,
    ) -> Result<usize, Failure> {
        let start = Instant::now();
        let n = read_piece(body, piece).map_err(|error| self.told(body_failure(&error, options)))?;
        self.take(n, start.elapsed()).map_err(|failure| self.told(failure))?;
        Ok(n)
    }

    /// Names the server that the body comes from, where it is not the one that was asked.
    pub(crate) fn told(&self, failure: Failure) -> Failure {
        match &self.server {
            Some(server) => server.failing("read from", failure),
            None => failure,
        }
    }

    fn take(&mut self, n: usize, waited: Duration) -> Result<(), Failure> {
        if n == 0 {
            return Ok(());
        }
        self.waited = self.waited.saturating_add(waited);
        self.total = self.total.saturating_add(waited);
        self.came += n as u64;
        if let Some(whole) = self.whole.filter(|whole| self.total > *whole) {
            let words = format!("the answer does not end within {} s", whole.as_secs_f64());
            return Err(Failure::Final(Error::new(words)));
        }
        if self.waited < self.window {
            return Ok(());
        }
        if u128::from(self.came) < u128::from(SLOWEST) * self.waited.as_millis() / 1000 {
            let seconds = self.waited.as_secs_f64().round();
            let words = format!("the server is too slow: {} bytes in {seconds} s", self.came);
            return Err(Failure::passing(Error::new(words)));
        }
        (self.waited, self.came) = (Duration::ZERO, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many seconds, with so many bytes in each, a body is given up; and the words.
    fn given_up(mut pace: Pace, bytes: usize) -> Option<(u32, String)> {
        (1..2000).find_map(|second| {
            let failed = pace.take(bytes, Duration::from_secs(1)).err()?;
            let (Failure::Final(error) | Failure::Passing { error, .. }) = failed;
            Some((second, error.to_string()))
        })
    }

    #[test]
    fn who_drips_is_given_up() {
        let options = |seconds| HttpOptions { timeout: Duration::from_secs(seconds), ..Default::default() };
        let slow =
            |bytes, seconds| Some((seconds, format!("the server is too slow: {bytes} bytes in {seconds} s")));
        assert_eq!(given_up(Pace::new(&options(30)), 1), slow(90, 90));
        assert_eq!(given_up(Pace::new(&options(1)), 999), slow(59_940, 60));
        assert_eq!(given_up(Pace::new(&options(30)), 1000), None);
        assert_eq!(given_up(Pace::new(&options(30)).until_the_end(&options(30)), 1), slow(90, 90));
        let end = Some((301, "the answer does not end within 300 s".to_owned()));
        assert_eq!(given_up(Pace::new(&options(30)).until_the_end(&options(30)), 2000), end);
    }
}
