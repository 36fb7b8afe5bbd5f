//! Following one script the way a first installation goes through it, without running anything.
//!
//! Values are known or not, and so are conditions. Where a condition is known, the other way is not looked at. Where it is
//! not, both ways are looked at with doubt: nothing is done there, and what would have been done is told.

use std::collections::BTreeMap;

use bareboat_formats::sh::{self, Command, Word};
use bareboat_model::{ImagePath, Result};

use super::finding::{Finding, Outcome};
use super::flow::{Flow, Left, Truth};
use super::package::Package;
use super::sources::{Function, Source, joined, whole_line};
use super::system::System;
use super::{calls, dispatch};

/// What a value is, when it can be known.
pub(super) type Value = Option<String>;

/// Commands that are followed in one script: 10 times what the longest of Debian's takes.
const MOST_STEPS: usize = 100_000;
/// Bytes or files that are looked at in the time of a step.
const WORK_OF_A_STEP: usize = 1000;
/// The longest word, and so the longest value of a variable.
pub(super) const LONGEST_VALUE: usize = 1 << 16;
/// The words of a command, and the bytes in them.
pub(super) const MOST_FIELDS: usize = 1 << 16;
pub(super) const LONGEST_COMMAND: usize = 1 << 20;
/// What is told of one script.
const MOST_FINDINGS: usize = 2000;

/// The state of a script that is followed.
pub(in crate::effects) struct Follower<'f, 'a> {
    pub(in crate::effects) system: &'f mut System<'a>,
    pub(in crate::effects) package: &'f Package<'f>,
    pub(super) variables: BTreeMap<String, Value>,
    pub(super) arguments: Vec<Value>,
    pub(super) functions: BTreeMap<String, Function>,
    pub(super) sources: Vec<Source>,
    pub(super) source: usize,
    /// Whether the package's own files are not there yet.
    pub(super) before_unpacking: bool,
    pub(super) line: usize,
    /// The source and the line that stand for what a program does that the script calls.
    pub(super) pinned: Option<(usize, usize)>,
    /// The folder that it is in, when that is known.
    pub(super) folder: Option<String>,
    /// The command that is looked at, with its values; what is not known is an ellipsis.
    pub(super) expanded: String,
    /// What a script takes from the modes of what it makes.
    pub(in crate::effects) umask: u32,
    /// How the last command ended.
    pub(super) last: Truth,
    /// As whom it runs: root, but for `su`.
    pub(super) user: u32,
    /// Above zero where it is not known whether we get here.
    pub(super) doubt: usize,
    pub(super) left: Option<Left>,
    pub(super) depth: usize,
    pub(super) steps: usize,
    /// Work that does not make a step yet.
    pub(super) work: usize,
    pub(super) gave_up: bool,
    pub(super) findings: Vec<Finding>,
    /// The commands before this one in a pipeline.
    pub(super) piped: Vec<String>,
    /// What is printed where somebody takes it; none when that is not known.
    pub(super) captures: Vec<Value>,
}

impl<'f, 'a> Follower<'f, 'a> {
    /// Follows one script of a package; gives back what was done, and what was not.
    pub(super) fn follow(
        system: &'f mut System<'a>,
        package: &'f Package<'f>,
        script: &str,
        text: &str,
        arguments: &[&str],
    ) -> Vec<Finding> {
        let known = |text: &str| Some(text.to_owned());
        let variables = [
            ("DPKG_ROOT", ""),
            ("DPKG_MAINTSCRIPT_PACKAGE", package.name),
            ("DPKG_MAINTSCRIPT_NAME", script),
            ("DPKG_MAINTSCRIPT_ARCH", package.arch.debian()),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ];
        let mut follower = Self {
            system,
            package,
            variables: variables.iter().map(|(name, value)| ((*name).to_owned(), known(value))).collect(),
            arguments: arguments.iter().map(|argument| known(argument)).collect(),
            functions: BTreeMap::new(),
            sources: Vec::new(),
            source: 0,
            before_unpacking: script == "preinst",
            line: 0,
            pinned: None,
            folder: Some("/".to_owned()),
            expanded: String::new(),
            umask: 0o022,
            last: Truth::Yes,
            user: 0,
            doubt: 0,
            left: None,
            depth: 0,
            steps: 0,
            work: 0,
            gave_up: false,
            findings: Vec::new(),
            piped: Vec::new(),
            captures: Vec::new(),
        };
        match sh::parse(text) {
            _ if text.starts_with("#!") && !calls::is_shell_script(text.as_bytes()) => {
                follower.enter_source(script, "");
                follower.note(Outcome::unknown("it is no shell script"));
            }
            Ok(list) => {
                follower.enter_source(script, text);
                follower.list(&list);
            }
            Err(error) => {
                follower.enter_source(script, "");
                follower.note(Outcome::unknown(format!("it cannot be read as a shell script: {error}")));
            }
        }
        follower.findings
    }

    /// A path that a command names, from the folder that it is in.
    pub(in crate::effects) fn place(&self, path: &str) -> Result<ImagePath> {
        match &self.folder {
            Some(folder) if !path.starts_with('/') && !path.is_empty() => {
                ImagePath::absolute(&format!("{folder}/{path}"))
            }
            _ => ImagePath::absolute(path),
        }
    }

    /// Notes what became of the command in the current line, once.
    pub(super) fn note(&mut self, outcome: Outcome) {
        if self.findings.len() >= MOST_FINDINGS {
            return;
        }
        let source = &self.sources[self.pinned.map_or(self.source, |(source, _)| source)];
        let text = whole_line(&source.lines, self.pinned.map_or(self.line, |(_, line)| line));
        let line = self.pinned.map_or(self.line, |(_, line)| line);
        let command = self.expanded.clone();
        let finding = Finding { script: source.name.clone(), line, text, command, outcome };
        let same = |held: &Finding| held.line == finding.line && *held == finding;
        if !self.findings.iter().rev().any(same) {
            self.findings.push(finding);
        }
    }

    pub(in crate::effects) fn is_doubtful(&self) -> bool {
        self.doubt > 0
    }

    /// Work that is more than a step: so many bytes or files are looked at.
    pub(in crate::effects) fn costs(&mut self, amount: usize) {
        self.work = self.work.saturating_add(amount);
        self.steps = self.steps.saturating_add(self.work / WORK_OF_A_STEP);
        self.work %= WORK_OF_A_STEP;
    }

    /// Holding a text against a pattern: a character of the one with one of the other is some nanoseconds.
    pub(super) fn costs_matching(&mut self, pattern: &str, text: usize) {
        self.costs(16 + pattern.len().saturating_mul(text) / 8);
    }

    pub(in crate::effects) fn is_giving_up(&self) -> bool {
        self.steps > MOST_STEPS
    }

    /// The variables, to have them back.
    pub(super) fn snapshot(&mut self) -> BTreeMap<String, Value> {
        let size = |value: &Value| value.as_ref().map_or(16, |text| 16 + text.len());
        self.costs(100 + self.variables.values().map(size).sum::<usize>());
        self.variables.clone()
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) {
        let value = value.filter(|value| value.len() <= LONGEST_VALUE);
        self.variables.insert(name.to_owned(), value);
    }

    /// What a question is answered with; none when that is not known, or nobody asks it.
    pub(super) fn answer(&self, question: &str) -> Value {
        self.system.answers.get(question).cloned().flatten()
    }

    pub(super) fn set_answer(&mut self, question: &str, answer: Value) {
        let answer = answer.filter(|_| !self.is_doubtful());
        self.system.answers.insert(question.to_owned(), answer);
    }

    /// When it is no longer known which variable was set.
    pub(super) fn forget_variables(&mut self) {
        for value in self.variables.values_mut() {
            *value = None;
        }
    }

    pub(super) fn simple(
        &mut self,
        command: &Command,
        assignments: &[(String, Word)],
        words: &[Word],
    ) -> Flow {
        let values: Vec<(String, Value)> =
            assignments.iter().map(|(name, word)| (name.clone(), self.one(word))).collect();
        let fields = self.fields(words);
        // Words may have been commands of other lines.
        self.line = command.line;
        let folder = self.folder.as_deref().filter(|folder| *folder != "/");
        let folder = folder.map(|folder| format!("cd {folder};")).unwrap_or_default();
        let texts = fields.iter().map(|field| field.as_deref().unwrap_or("…"));
        let texts = Some(folder.as_str()).filter(|folder| !folder.is_empty()).into_iter().chain(texts);
        let shown = joined(texts, " ");
        self.expanded = joined(self.piped.iter().map(String::as_str).chain([shown.as_str()]), " | ");
        let Some((name, arguments)) = fields.split_first() else {
            for (name, value) in values {
                self.assign(&name, value);
            }
            // `: >FILE`, without the colon; and `x=$(…)`, whose output was taken.
            if !command.redirects.is_empty() {
                self.emit(command, Some(String::new()));
            }
            return Flow::Next(Truth::Yes);
        };
        let Some(name) = name else {
            self.note(Outcome::unknown("which command it is only running it would tell"));
            return Flow::Next(Truth::Unknown);
        };
        dispatch::run(self, command, name, arguments)
    }

    /// Notes what became of a command, and says whether it succeeded.
    pub(super) fn settle(&mut self, outcome: Option<Outcome>) -> Truth {
        match outcome {
            Some(outcome) => {
                let truth = match outcome {
                    Outcome::Unknown { .. } => Truth::Unknown,
                    _ => Truth::Yes,
                };
                self.note(outcome);
                truth
            }
            None => Truth::Yes,
        }
    }
}
