//! The text of Release files.

use std::fmt::Write as _;

use bareboat_model::{Digest, Timestamp};
use md5::Digest as _;

use super::Suite;
use crate::Files;

/// The Release file that names these indexes by hash, as Debian's archive writes it.
pub(super) fn text(suite: &Suite, indexes: &Files) -> String {
    let mut out = format!(
        "Origin: Debian\nLabel: {}\nSuite: {}\nCodename: {}\nDate: {}\n",
        suite.label,
        suite.name,
        suite.codename,
        rfc2822(suite.date)
    );
    let mut add = |line: String| out.push_str(&(line + "\n"));
    if let Some(moment) = suite.valid_until {
        add(format!("Valid-Until: {}", rfc2822(moment)));
    }
    if suite.by_hash {
        add("Acquire-By-Hash: yes".to_owned());
    }
    if !suite.all_apart {
        add("No-Support-for-Architecture-all: Packages".to_owned());
    }
    add(format!("Architectures: all {}", suite.architectures.join(" ")));
    add(format!("Components: {}", suite.components().join(" ")));
    add("Description: made by the test kit".to_owned());
    section(&mut out, "MD5Sum", indexes, |bytes| {
        md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    });
    section(&mut out, "SHA256", indexes, |bytes| Digest::of(bytes).hex());
    out
}

fn section(out: &mut String, name: &str, indexes: &Files, hash: impl Fn(&[u8]) -> String) {
    let _ = writeln!(out, "{name}:");
    for (path, bytes) in &**indexes {
        let _ = writeln!(out, " {} {:>8} {path}", hash(bytes), bytes.len());
    }
}

/// `Sat, 15 Nov 2025 00:00:00 UTC`: the form of Debian's Release files.
fn rfc2822(moment: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let rfc3339 = moment.to_string();
    let day = DAYS[(moment.seconds() / 86_400 % 7) as usize]; // 1970-01-01 was a Thursday
    let month = MONTHS[rfc3339[5..7].parse::<usize>().unwrap_or(1) - 1];
    format!("{day}, {} {month} {} {} UTC", &rfc3339[8..10], &rfc3339[..4], &rfc3339[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_back() {
        for seconds in [0, 951_782_400, 1_763_164_800, 1_767_225_599] {
            let moment = Timestamp::from_seconds(seconds);
            assert_eq!(Timestamp::from_rfc2822(&rfc2822(moment)).unwrap(), moment);
        }
        assert_eq!(rfc2822(crate::release_date()), "Sat, 15 Nov 2025 00:00:00 UTC");
    }
}
