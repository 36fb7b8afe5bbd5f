//! What `--help` and `--version` say.

/// The answer to `--version`.
pub const VERSION: &str = "deckhand 0.1.0\n";

/// The answer to `--help`, of all commands.
pub const HELP: &str = "\
deckhand COMMAND..., or a link named COMMAND to it

sleep [5|0.5|200ms|30s|2m|1h|1d|infinity]...
print NAME=PATH...
  files in base64, as a JSON object
exec [--log-file FILE [--also-stdout] [--max-size N [--keep K]]] -- COMMAND...
  output to the end of FILE; at N bytes (64K, 10M, 1G) FILE becomes FILE.1, up to FILE.K
probe http URL [--timeout 1s] [--status 200-399] [--header NAME:VALUE]...
probe tcp HOST:PORT [--timeout 1s]
probe exec [--timeout 1s] -- COMMAND...
probe file PATH [--newer-than 30s]
wait-for [--timeout infinity] [--interval 1s] http|tcp|exec|file ...

0 yes, 1 no, 2 misused, 128+N signal N; exec: COMMAND's, 127 not found, 126 cannot run, 125 own
";

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_manifests() {
        assert_eq!(super::VERSION, format!("deckhand {}\n", env!("CARGO_PKG_VERSION")));
    }
}
