//! What came of the tests.

use std::fmt;

use serde::Serialize;

/// As much of what a program printed or a file holds as a report keeps.
const MOST_KEPT: usize = 16 << 10;

/// What came of all test files.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The image, as it was named.
    pub image: String,
    /// How many tests passed.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
    /// The files in the order in which they were named.
    pub files: Vec<FileReport>,
}

/// What came of one test file.
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// The file, as it was named.
    pub file: String,
    /// Its tests in the order in which they ran.
    pub tests: Vec<Outcome>,
}

/// What came of one test.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// `command`, `file content`, `file existence`, `licence` or `metadata`.
    pub kind: &'static str,
    /// What the test is called; licence and metadata tests have no name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where it begins: `FILE:LINE:COLUMN`.
    pub place: String,
    /// Whether everything was as it should be.
    pub passed: bool,
    /// What was not.
    pub failures: Vec<Failure>,
    /// What else should be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the program of a command test did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran: Option<Ran>,
}

/// What a program did.
#[derive(Debug, Serialize)]
pub struct Ran {
    /// Its exit code, if it came that far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// What it wrote on standard output, the first 16 KiB.
    pub stdout: String,
    /// What it wrote on standard error, the first 16 KiB.
    pub stderr: String,
    /// How long it took.
    pub seconds: f64,
}

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// What it is about.
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Failure {
    pub(super) fn new(what: impl Into<String>, expected: impl Into<String>, found: impl AsRef<str>) -> Self {
        Self { what: what.into(), expected: expected.into(), found: kept(found.as_ref()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

/// The beginning of a text, and how much more there is.
pub(super) fn kept(text: &str) -> String {
    let Some(more) = text.len().checked_sub(MOST_KEPT + 1) else { return text.to_owned() };
    let end = (0..=MOST_KEPT).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}\n… {} more bytes", &text[..end], more + 1 + MOST_KEPT - end)
}

impl Report {
    /// Puts together what came of the files.
    pub fn new(image: String, files: Vec<FileReport>) -> Self {
        let all = || files.iter().flat_map(|file| &file.tests);
        let passed = all().filter(|test| test.passed).count();
        Self { image, passed, failed: all().count() - passed, files }
    }
}
