//! A test file against an image.

use std::collections::BTreeMap;

use bareboat_model::{Context, Result};

use super::command::{self, Checked};
use super::host::FromHost;
use super::report::{FileReport, Outcome};
use super::schema::{Test, TestFile, TestKind};
use super::subject::{Subject, Terms};
use super::{content, existence, licence, metadata};

/// Runs the tests of `file`, each for itself.
///
/// # Errors
/// When a test could not be made, not when it fails: the image is damaged, or this machine gives no container.
pub fn run(file: &TestFile, subject: &Subject<'_>, host: &FromHost) -> Result<FileReport> {
    let global = command::with(&metadata::variables(&subject.settings.env), &file.global_env);
    let mut of_commands = global.clone();
    of_commands.extend(host.env.iter().cloned());
    let terms = Terms { user: file.options.user.clone(), mounts: host.mounts.clone() };
    let runner = Runner { subject, terms, global, of_commands };
    let tests = file.tests.iter().map(|test| runner.outcome(test)).collect::<Result<_>>()?;
    Ok(FileReport { file: file.file.display().to_string(), tests })
}

struct Runner<'a> {
    subject: &'a Subject<'a>,
    terms: Terms,
    /// The image's variables with the file's.
    global: BTreeMap<String, String>,
    /// With this machine's on top.
    of_commands: BTreeMap<String, String>,
}

impl Runner<'_> {
    fn outcome(&self, test: &Test) -> Result<Outcome> {
        let checked = self
            .check(test)
            .context(|| format!("{}: cannot make the {} test", test.place, test.kind.name()))?;
        Ok(Outcome {
            kind: test.kind.name(),
            name: test.name.clone(),
            place: test.place.to_string(),
            passed: checked.failures.is_empty(),
            failures: checked.failures,
            notes: checked.notes,
            ran: checked.ran,
        })
    }

    fn check(&self, test: &Test) -> Result<Checked> {
        let Subject { settings, files, containers } = *self.subject;
        let failures = match &test.kind {
            TestKind::Command(test) => {
                return command::check(test, containers, &self.terms, &self.of_commands);
            }
            TestKind::Content(test) => content::check(test, files)?,
            TestKind::Existence(test) => existence::check(test, files, &self.global)?,
            TestKind::Licence(test) => licence::check(test, files)?,
            TestKind::Metadata(test) => metadata::check(test, settings),
        };
        Ok(Checked { failures, notes: Vec::new(), ran: None })
    }
}
