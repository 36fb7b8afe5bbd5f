//! What an image's config says to the engine that runs it: ports and the signal to stop.

use std::fmt;
use std::str::FromStr;

use bareboat_model::{Error, Result, escape, nearest};

use super::text_value;

/// A port that the program listens on, as image configs name it: `8080/tcp`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Port {
    /// The number, from 1.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Protocol {
    /// `tcp`, the default.
    Tcp,
    /// `udp`
    Udp,
    /// `sctp`
    Sctp,
}

impl FromStr for Port {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol {
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            "sctp" => Some(Protocol::Sctp),
            _ => None,
        };
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse().ok().filter(|&number| digits && number > 0);
        number.zip(protocol).map(|(number, protocol)| Self { number, protocol }).ok_or_else(|| {
            Error::new(format!(
                "`{}` is not a port, expected a number from 1 to 65535, perhaps with /tcp, /udp or /sctp",
                escape(text)
            ))
        })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(f, "{}/{protocol}", self.number)
    }
}

text_value!(Port, "A port, such as 8080 or 8080/udp.", "^[0-9]{1,5}(/(tcp|udp|sctp))?$");

/// The signal that asks the program to stop: a name such as `SIGTERM`, `SIGRTMIN+3`, or a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal(String);

impl Signal {
    /// The signal as written, which is how image configs have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The names of Linux's signals, signal(7), without `SIG`.
const SIGNALS: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "RTMAX", "RTMIN", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// Linux has the signals 1 to 64, of which the last 31 are real-time ones.
const HIGHEST_SIGNAL: u32 = 64;

impl FromStr for Signal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.parse().is_ok_and(|number: u32| (1..=HIGHEST_SIGNAL).contains(&number));
        if number || text.strip_prefix("SIG").is_some_and(is_signal_name) {
            return Ok(Self(text.to_owned()));
        }
        let wrong = format!("`{}` is not a signal", escape(text));
        let bare = text.to_ascii_uppercase();
        let bare = bare.strip_prefix("SIG").unwrap_or(&bare);
        Err(Error::new(match nearest(bare, SIGNALS) {
            Some(near) => format!("{wrong}, did you mean `SIG{near}`?"),
            None => {
                format!("{wrong}, expected a name such as SIGTERM or a number from 1 to {HIGHEST_SIGNAL}")
            }
        }))
    }
}

fn is_signal_name(name: &str) -> bool {
    let is_offset = |text: &str| text.parse().is_ok_and(|offset: u32| offset <= 30);
    match (name.strip_prefix("RTMIN+"), name.strip_prefix("RTMAX-")) {
        (Some(offset), _) | (_, Some(offset)) => is_offset(offset),
        (None, None) => SIGNALS.contains(&name),
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(
    Signal,
    "A signal's name or number, such as SIGTERM.",
    "^(SIG[A-Z0-9]+([+-][0-9]+)?|[0-9]{1,2})$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_a_protocol() {
        for (text, shown) in [("80", "80/tcp"), ("53/udp", "53/udp"), ("65535/sctp", "65535/sctp")] {
            assert_eq!(text.parse::<Port>().unwrap().to_string(), shown);
        }
        for bad in ["", "0", "65536", "+80", "80/", "80/TCP", "80/tcp/udp", "8000-8010", "http"] {
            assert!(bad.parse::<Port>().is_err(), "{bad}");
        }
    }

    #[test]
    fn signals_are_those_of_linux() {
        for good in ["SIGTERM", "SIGRTMIN+3", "SIGRTMAX-1", "SIGRTMIN", "9", "64"] {
            assert_eq!(good.parse::<Signal>().unwrap().as_str(), good);
        }
        for (bad, shown) in [
            ("TERM", "did you mean `SIGTERM`?"),
            ("sigint", "did you mean `SIGINT`?"),
            ("SIGRTMIN+31", "expected a name such as SIGTERM"),
            ("65", "expected a name such as SIGTERM"),
            ("", "expected a name such as SIGTERM"),
        ] {
            let error = bad.parse::<Signal>().unwrap_err().to_string();
            assert!(error.contains(shown), "{error}");
        }
    }
}
