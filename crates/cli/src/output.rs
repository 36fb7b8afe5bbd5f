//! Writing answers and errors. A closed pipe is no error: whoever read had enough.

use std::io::{self, Write as _};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use bareboat_model::{Error, escape_json};
use serde::Serialize;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done.
    Error(Error),
    /// Nobody reads the answer any more.
    ClosedPipe,
    /// It was done, and this is how it ended; all that there is to tell was told.
    Code(u8),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Writes the answer to stdout.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::Error(Error::from(error).context("cannot write the answer")),
    })
}

/// Writes one JSON object, with the name and version of its schema first.
pub(crate) fn answer_json(schema: &str, value: &impl Serialize) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        schema: &'a str,
        #[serde(flatten)]
        value: T,
    }
    let json = serde_json::to_string_pretty(&Versioned { schema, value })
        .map_err(|error| Error::new(error.to_string()).context("cannot write the answer"))?;
    answer(&format!("{}\n", escape_json(&json)))
}

/// Tells an error, and what could be done about it.
pub(crate) fn report(error: &Error) {
    let bold = |color: AnsiColor| Style::new().bold().fg_color(Some(color.into()));
    let (red, cyan) = (bold(AnsiColor::Red), bold(AnsiColor::Cyan));
    let mut stderr = anstream::stderr().lock();
    // When stderr is closed there is nobody left to tell.
    let _ = writeln!(stderr, "{red}error:{red:#} {}", harmless(&error.to_string()));
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "{cyan}hint:{cyan:#} {}", harmless(hint));
    }
}

/// Names of files and packages may hold what a terminal would obey. Lines stay lines: a snippet has several.
pub(crate) fn harmless(text: &str) -> String {
    text.lines().map(bareboat_model::escape).collect::<Vec<_>>().join("\n")
}

/// What clap has to say: help and version go to stdout, wrong usage to stderr.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { super::CANNOT } else { 0 })
}

/// A panic is our bug, and says so.
pub(crate) fn report_bug(info: &PanicHookInfo<'_>) {
    let mut stderr = anstream::stderr().lock();
    let _ = writeln!(stderr, "error: this is a bug in bareboat, please report it: {info}");
}
