//! What can be wrong with a server.

use std::time::Duration;

/// How a request goes wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Answers with this status and a short text.
    Status(u16),
    /// Answers 503 with a `Retry-After` of so many seconds.
    Busy {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// Closes the connection without any answer.
    HangUp,
    /// Does what it is asked for, and closes the connection without any answer. For a registry; a mirror only hangs up.
    LoseAnswer,
    /// Promises the whole body, sends this many bytes of it and closes.
    Cut {
        /// Bytes of the body that are sent.
        after: usize,
    },
    /// Promises the whole body, sends this many bytes of it and then nothing for a while.
    Stall {
        /// Bytes of the body that are sent first.
        after: usize,
        /// How long nothing comes; then the connection is closed.
        pause: Duration,
    },
    /// Begins an answer, one byte after another, and never comes to the end of its first lines.
    DripHead {
        /// The time between two bytes.
        pause: Duration,
    },
    /// Sends so many bytes, pauses, and so on to the end.
    Slow {
        /// Bytes in one go.
        chunk: usize,
        /// The time between two goes.
        pause: Duration,
    },
    /// Sends these bytes with status 200 as if they were the file.
    Body(Vec<u8>),
    /// Sends the right number of bytes with one bit wrong in the middle.
    Corrupt,
    /// Sends the file and then this many bytes more, without saying how many there are.
    TooLong {
        /// Bytes behind the end.
        extra: usize,
    },
    /// Answers a request for a part with status 200 and the whole file.
    NoRange,
    /// Answers just so.
    Answer {
        /// The status.
        status: u16,
        /// Names and values of headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Takes so many bytes of what is sent to it, keeps them, and closes the connection. For a registry only.
    CutUpload {
        /// Bytes of the request's body that are read.
        after: usize,
    },
    /// Answers 302 and sends the client there: a path on this server, or a URL.
    Redirect(String),
}

/// The faults of one server, the first that applies is taken.
#[derive(Default)]
pub(crate) struct Faults(Vec<Planned>);

struct Planned {
    part: String,
    fault: Fault,
    left: Option<u32>,
}

impl Faults {
    pub(crate) fn add(&mut self, part: &str, fault: Fault, times: Option<u32>) {
        self.0.push(Planned { part: part.to_owned(), fault, left: times });
    }

    /// The fault that a request for `path` meets, used up by one.
    pub(crate) fn take(&mut self, path: &str) -> Option<Fault> {
        let planned =
            self.0.iter_mut().find(|planned| planned.left != Some(0) && path.contains(&planned.part))?;
        planned.left = planned.left.map(|left| left - 1);
        Some(planned.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_up_in_their_order() {
        let mut faults = Faults::default();
        faults.add("pool", Fault::Status(500), Some(1));
        faults.add(".deb", Fault::HangUp, None);
        assert_eq!(faults.take("pool/a.deb"), Some(Fault::Status(500)));
        assert_eq!(faults.take("pool/a.deb"), Some(Fault::HangUp));
        assert_eq!(faults.take("dists/Release"), None);
    }
}
