//! `bareboat cache`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bareboat_io::store::{Amount, Cleaned, Keep, Store, ThingKind, Verified};
use bareboat_model::{Result, escape};
use serde::Serialize;

use crate::args::{Args, Cache, CacheAction, Format};
use crate::output::{Failure, answer, answer_json};
use crate::summary::size;
use crate::terminal::Terminal;

const DAY: Duration = Duration::from_hours(24);

/// After a month, what an image needs has mostly been updated.
const KEPT_DAYS: u32 = 30;

/// Something damaged was found: the answer is no.
const DAMAGED: u8 = 1;

pub(crate) fn run(command: &Cache, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let store = args.place.store()?;
    match &command.action {
        None => show(&store, args.story.format),
        Some(CacheAction::Gc { keep_days, max_size, dry_run }) => {
            let days = keep_days.or(max_size.is_none().then_some(KEPT_DAYS));
            let keep =
                Keep { used_within: days.map(|days| DAY * days), at_most: max_size.map(|size| size.0) };
            let cleaned = store.clean(keep, *dry_run)?;
            tell_cleaned("bareboat.cache-gc/1", &cleaned, *dry_run, args.story.format)
        }
        Some(CacheAction::Clear) => {
            let cleaned = store.clean(Keep::NOTHING, false)?;
            tell_cleaned("bareboat.cache-clear/1", &cleaned, false, args.story.format)
        }
        Some(CacheAction::Verify) => {
            let threads = args.place.threads.map(usize::from);
            let threads = threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
            let verified = store.verify(threads.unwrap_or(1), &bareboat_io::root::damage, terminal)?;
            terminal.finish();
            tell_verified(&verified, args.story.format)
        }
    }
}

/// What JSON says of some things of a kind.
#[derive(Serialize)]
struct Counted {
    kind: &'static str,
    count: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Total {
    count: u64,
    bytes: u64,
}

impl From<Amount> for Total {
    fn from(amount: Amount) -> Self {
        Self { count: amount.count, bytes: amount.bytes }
    }
}

fn counted(kinds: &BTreeMap<ThingKind, Amount>) -> Vec<Counted> {
    let one = |(kind, amount): (&ThingKind, &Amount)| Counted {
        kind: kind.words(),
        count: amount.count,
        bytes: amount.bytes,
    };
    kinds.iter().map(one).collect()
}

fn sum(kinds: &BTreeMap<ThingKind, Amount>) -> Amount {
    kinds.values().fold(Amount::default(), |sum, amount| Amount {
        count: sum.count + amount.count,
        bytes: sum.bytes + amount.bytes,
    })
}

fn things(count: u64) -> String {
    if count == 1 { "1 thing".to_owned() } else { format!("{count} things") }
}

fn table(text: &mut String, kinds: &BTreeMap<ThingKind, Amount>) {
    let mut row = |kind: &str, count: &str, bytes: &str| {
        let _ = writeln!(text, "{kind:<28} {count:>8} {bytes:>10}");
    };
    for (kind, amount) in kinds {
        row(kind.words(), &amount.count.to_string(), &size(amount.bytes));
    }
    let sum = sum(kinds);
    row("together", &sum.count.to_string(), &size(sum.bytes));
}

fn show(store: &Store, format: Format) -> Result<(), Failure> {
    let mut kinds: BTreeMap<ThingKind, Amount> = BTreeMap::new();
    for thing in store.things()? {
        kinds.entry(thing.kind).or_default().add(&thing);
    }
    let dir = store.dir().display().to_string();
    if format == Format::Json {
        #[derive(Serialize)]
        struct Shown {
            dir: String,
            total: Total,
            kinds: Vec<Counted>,
        }
        let shown = Shown { dir, total: sum(&kinds).into(), kinds: counted(&kinds) };
        return answer_json("bareboat.cache/1", &shown);
    }
    let dir = escape(&dir);
    if kinds.is_empty() {
        return answer(&format!("{dir}: nothing is in it\n"));
    }
    let mut text = format!("{dir}\n\n");
    table(&mut text, &kinds);
    answer(&text)
}

fn tell_cleaned(schema: &str, cleaned: &Cleaned, dry_run: bool, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        #[derive(Serialize)]
        struct Told {
            dry_run: bool,
            removed: Vec<Counted>,
            removed_total: Total,
            kept: Total,
            in_use: Total,
        }
        let told = Told {
            dry_run,
            removed: counted(&cleaned.removed),
            removed_total: sum(&cleaned.removed).into(),
            kept: cleaned.kept.into(),
            in_use: cleaned.in_use.into(),
        };
        return answer_json(schema, &told);
    }
    let mut text = String::new();
    let removed = sum(&cleaned.removed);
    if removed.count > 0 {
        table(&mut text, &cleaned.removed);
        text.push('\n');
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    let kept = cleaned.kept;
    let _ = writeln!(
        text,
        "{verb} {} ({}), {} {} ({})",
        things(removed.count),
        size(removed.bytes),
        if dry_run { "keep" } else { "kept" },
        kept.count,
        size(kept.bytes)
    );
    if cleaned.in_use.count > 0 {
        let _ = writeln!(
            text,
            "{} ({}) of what is kept may be needed by other commands that are running",
            things(cleaned.in_use.count),
            size(cleaned.in_use.bytes)
        );
    }
    answer(&text)
}

fn tell_verified(verified: &Verified, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => {
            #[derive(Serialize)]
            struct Told<'a> {
                verified: Total,
                damaged: Vec<Damaged<'a>>,
            }
            #[derive(Serialize)]
            struct Damaged<'a> {
                kind: &'static str,
                name: &'a str,
                why: &'a str,
                removed: bool,
            }
            let damaged = verified.damaged.iter().map(|one| Damaged {
                kind: one.kind.words(),
                name: &one.name,
                why: &one.why,
                removed: one.removed,
            });
            let total = Total { count: verified.count, bytes: verified.bytes };
            answer_json("bareboat.cache-verify/1", &Told { verified: total, damaged: damaged.collect() })?;
        }
        Format::Text => {
            let mut text = String::new();
            for one in &verified.damaged {
                let fate = if one.removed { "removed" } else { "still in use" };
                let _ = writeln!(text, "damaged, and {fate}: {}: {}", escape(&one.name), one.why);
            }
            let damaged = match verified.damaged.len() {
                0 => "none is damaged".to_owned(),
                1 => "1 was damaged".to_owned(),
                count => format!("{count} were damaged"),
            };
            let _ = writeln!(text, "{}, {}: {damaged}", things(verified.count), size(verified.bytes));
            answer(&text)?;
        }
    }
    if verified.damaged.is_empty() { Ok(()) } else { Err(Failure::Code(DAMAGED)) }
}

/// A number of bytes, as it is written on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bytes(pub(crate) u64);

/// `500MB`, `2GiB`, `1.5 GB`, or a plain number of bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<Bytes, String> {
    let wrong = || "write a number and a unit, such as 500MB, 10GB or 2GiB".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit.trim().to_ascii_lowercase().trim_end_matches('b') {
        "" => 1,
        "k" => 1000,
        "m" => 1000_u64.pow(2),
        "g" => 1000_u64.pow(3),
        "t" => 1000_u64.pow(4),
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ => return Err(wrong()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    // Three places are more than anybody wants, and keep this exact.
    if part.len() > 3 || (number.contains('.') && part.is_empty()) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let thousandths: u64 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
    let bytes = whole.checked_mul(factor).and_then(|bytes| bytes.checked_add(thousandths * factor / 1000));
    bytes.map(Bytes).ok_or_else(|| "it is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let wrong = Err("write a number and a unit, such as 500MB, 10GB or 2GiB".to_owned());
        for (text, expected) in [
            ("0", Ok(0)),
            ("1024", Ok(1024)),
            ("500MB", Ok(500_000_000)),
            ("500m", Ok(500_000_000)),
            ("2 GiB", Ok(2 << 30)),
            ("1.5GB", Ok(1_500_000_000)),
            ("0.5kb", Ok(500)),
            ("", wrong.clone()),
            ("GB", wrong.clone()),
            ("-1", wrong.clone()),
            ("1.", wrong.clone()),
            ("1.2345GB", wrong.clone()),
            ("1.2.3", wrong.clone()),
            ("1e9", wrong.clone()),
            ("10 parsecs", wrong.clone()),
            ("99999999999TB", Err("it is too large".to_owned())),
        ] {
            assert_eq!(parse_bytes(text).map(|bytes| bytes.0), expected, "{text}");
        }
    }
}
