//! What `--help` and `--version` say.

/// The answer to `--version`.
pub const VERSION: &str = "deckhand 0.1.0\n";

/// What all of it is for.
pub const INTRODUCTION: &str = "\
deckhand: what images without a shell need of one.
Also by link: /bin/sleep -> /usr/local/bin/deckhand
Exit codes: 0 yes, 1 no, 2 misused, 128+N ended by signal N.
";

pub const SLEEP: &str = "
sleep [DURATION...]
  5, 0.5, 200ms, 30s, 2m, 1h, 1d, summed; for ever without. Reaps orphans as PID 1.
  Asked to end, ends at once: with 0 if for ever, else with 128+N.
";

pub const PRINT: &str = "
print NAME=PATH...
  Files as a JSON object of base64; nothing unless all can be opened.
";

pub const EXEC: &str = "
exec [--log-file FILE [--also-stdout] [--max-size N [--keep K]]] -- COMMAND...
  Appends the command's output to FILE; at N bytes (64K, 10M, 1G) FILE becomes FILE.1, up to FILE.K (1).
  Forwards signals, reaps orphans as PID 1, ends as COMMAND does; 127 not found, 126 cannot run, 125 own failure.
";

pub const PROBE: &str = "
probe http URL [--timeout D] [--status N|N-M] [--header NAME:VALUE]...
probe tcp HOST:PORT [--timeout D]
probe exec [--timeout D] -- COMMAND...
probe file PATH [--newer-than D]
  Whether it answers with 200-399, takes connections, ends with 0, exists. D is 1s for all of it.
";

pub const WAIT_FOR: &str = "
wait-for [--timeout D] [--interval D] http|tcp|exec|file ...
  Probes every second, for ever, until the answer is yes.
";

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_manifests() {
        assert_eq!(super::VERSION, format!("deckhand {}\n", env!("CARGO_PKG_VERSION")));
    }
}
