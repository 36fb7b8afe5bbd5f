//! Following one script the way a first installation goes through it, without running anything.
//!
//! Values are known or not, and so are conditions. Where a condition is known, the other way is not looked at. Where it is
//! not, both ways are looked at with doubt: nothing is done there, and what would have been done is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use bareboat_formats::sh::{self, Command, CommandKind, Joint, Word};
use bareboat_model::{ImagePath, Result};

use super::finding::{Finding, Outcome};
use super::package::Package;
use super::system::System;
use super::{calls, dispatch};

/// What a value is, when it can be known.
pub(super) type Value = Option<String>;

/// Commands that are followed in one script: 10 times what the longest of Debian's takes.
const MOST_STEPS: usize = 100_000;
/// Bytes or files that are looked at in the time of a step.
const WORK_OF_A_STEP: usize = 1000;
/// How deep calls and sourced files may be in one another.
const DEEPEST: usize = 40;
/// The longest word, and so the longest value of a variable.
pub(super) const LONGEST_VALUE: usize = 1 << 16;
/// The words of a command, and the bytes in them.
pub(super) const MOST_FIELDS: usize = 1 << 16;
pub(super) const LONGEST_COMMAND: usize = 1 << 20;
/// The longest command that is told with its values.
const LONGEST_SHOWN: usize = 2000;
/// What is told of one script.
const MOST_FINDINGS: usize = 2000;
/// The largest file that is sourced.
pub(super) const LARGEST_SOURCED: u64 = 1 << 20;

/// Whether something holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Truth {
    Yes,
    No,
    Unknown,
}

impl Truth {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// How a command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    /// The next one follows.
    Next(Truth),
    /// `return`
    Return(Truth),
    /// `exit`
    Exit,
    /// `break` and `continue`: the loop's business.
    Loop { ends: bool },
}

use Flow::Next;

/// What may have been left already, without our knowing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Left {
    /// This round of a loop.
    Round,
    Loop,
    Function,
    Script,
}

/// A text whose commands are followed.
pub(super) struct Source {
    name: String,
    lines: Vec<String>,
}

/// A function, and which text it stands in.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) body: Arc<Command>,
    pub(super) source: usize,
}

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

    pub(super) fn enter_source(&mut self, name: &str, text: &str) {
        self.source = self.sources.len();
        let lines = text.lines().map(|line| line.trim().to_owned()).collect();
        self.sources.push(Source { name: name.to_owned(), lines });
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

    /// Follows what may be done or not.
    pub(super) fn doubtfully(&mut self, follow: impl FnOnce(&mut Self) -> Flow) -> Flow {
        let (before, folder) = (self.snapshot(), self.folder.clone());
        self.doubt += 1;
        let flow = follow(self);
        self.doubt -= 1;
        self.folder = folder.filter(|folder| self.folder.as_ref() == Some(folder));
        // What was set on a way that may not have been taken is not known afterwards.
        for (name, value) in &mut self.variables {
            if before.get(name) != Some(value) {
                *value = None;
            }
        }
        for name in before.into_keys() {
            self.variables.entry(name).or_insert(None);
        }
        flow
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

    pub(super) fn list(&mut self, list: &[Command]) -> Flow {
        let doubt = self.doubt;
        let mut left = None;
        let mut flow = Next(Truth::Yes);
        for command in list {
            // What follows a way out that may have been taken is in doubt.
            left = left.max(self.left.take());
            self.doubt = doubt + usize::from(left.is_some());
            flow = self.command(command);
            if !matches!(flow, Next(_)) {
                break;
            }
        }
        self.doubt = doubt;
        self.left = self.left.max(left);
        flow
    }

    pub(super) fn command(&mut self, command: &Command) -> Flow {
        self.steps += 1;
        self.costs(16 * command.redirects.len());
        if self.gives_up() {
            return Flow::Exit;
        }
        self.line = command.line;
        self.depth += 1;
        let flow = self.kind(command);
        self.depth -= 1;
        if let Next(truth) = flow {
            self.last = truth;
        }
        flow
    }

    /// Whether this script is followed no further; told when it begins to be so.
    fn gives_up(&mut self) -> bool {
        if !self.gave_up && (self.is_giving_up() || self.depth > DEEPEST) {
            self.gave_up = true;
            self.note(Outcome::unknown("it takes too many steps to follow"));
        }
        self.gave_up
    }

    fn kind(&mut self, command: &Command) -> Flow {
        match &command.kind {
            CommandKind::Simple { assignments, words } => self.simple(command, assignments, words),
            CommandKind::AndOr { first, rest } => self.and_or(first, rest),
            CommandKind::Not(inner) => match self.command(inner) {
                Next(truth) => Next(truth.not()),
                flow => flow,
            },
            CommandKind::Pipeline(commands) => self.pipeline(commands),
            CommandKind::If { branches, otherwise } => self.branches(branches, otherwise),
            CommandKind::For { name, words, body } => self.for_each(name, words.as_deref(), body),
            CommandKind::While { until, condition, body } => self.repeat(*until, condition, body),
            CommandKind::Case { word, arms } => self.case(word, arms),
            CommandKind::Group(list) => {
                match command.redirects.iter().any(|redirect| redirect.descriptor == 1) {
                    true => {
                        let mut flow = Next(Truth::Yes);
                        let text = self.captured(|follower| flow = follower.list(list));
                        self.emit(command, text);
                        flow
                    }
                    false => self.list(list),
                }
            }
            CommandKind::Subshell(list) => {
                let captures = command.redirects.iter().any(|redirect| redirect.descriptor == 1);
                if !captures {
                    return self.subshell(list);
                }
                let mut flow = Next(Truth::Yes);
                let text = self.captured(|follower| flow = follower.subshell(list));
                self.emit(command, text);
                flow
            }
            CommandKind::Function { name, body } => {
                let function = Function { body: Arc::clone(body), source: self.source };
                self.functions.insert(name.clone(), function);
                Next(Truth::Yes)
            }
        }
    }

    fn and_or(&mut self, first: &Command, rest: &[(Joint, Command)]) -> Flow {
        let mut flow = self.command(first);
        for (joint, command) in rest {
            flow = match (flow, joint) {
                (Next(Truth::Yes), Joint::And) | (Next(Truth::No), Joint::Or) => self.command(command),
                (Next(Truth::Unknown), _) => self.perhaps(command),
                (Next(truth), _) => Next(truth),
                (flow, _) => return flow,
            };
            if let Next(truth) = flow {
                self.last = truth;
            }
        }
        flow
    }

    /// What may be done or not; a script that may end here may also go on.
    fn perhaps(&mut self, command: &Command) -> Flow {
        let flow = self.doubtfully(|follower| follower.command(command));
        self.after_doubt(flow)
    }

    fn after_doubt(&mut self, flow: Flow) -> Flow {
        let left = match flow {
            Next(_) => None,
            Flow::Loop { ends: false } => Some(Left::Round),
            Flow::Loop { ends: true } => Some(Left::Loop),
            Flow::Return(_) => Some(Left::Function),
            Flow::Exit => Some(Left::Script),
        };
        self.left = self.left.max(left);
        Next(Truth::Unknown)
    }

    /// What may have been left is over: doubts about it do not reach further.
    pub(super) fn is_over(&mut self, what: Left) {
        self.left = self.left.filter(|left| *left > what);
    }

    fn perhaps_list(&mut self, list: &[Command]) {
        let flow = self.doubtfully(|follower| follower.list(list));
        self.after_doubt(flow);
    }

    fn branches(&mut self, branches: &[(Vec<Command>, Vec<Command>)], otherwise: &[Command]) -> Flow {
        for (index, (condition, body)) in branches.iter().enumerate() {
            let truth = match self.list(condition) {
                Next(truth) => truth,
                flow => return flow,
            };
            match truth {
                Truth::Yes => return self.list(body),
                Truth::No => {}
                // An installation that fails is none: that way is not taken.
                Truth::Unknown if always_fails(body) => {}
                Truth::Unknown => {
                    self.perhaps_list(body);
                    for (condition, body) in &branches[index + 1..] {
                        self.perhaps_list(condition);
                        self.perhaps_list(body);
                    }
                    self.perhaps_list(otherwise);
                    return Next(Truth::Unknown);
                }
            }
        }
        self.list(otherwise)
    }

    fn for_each(&mut self, name: &str, words: Option<&[Word]>, body: &[Command]) -> Flow {
        let values = match words {
            Some(words) => self.fields(words),
            None => self.arguments.clone(),
        };
        for value in values {
            self.steps += 1;
            if self.gives_up() {
                return Flow::Exit;
            }
            if value.is_none() {
                self.assign(name, None);
                self.perhaps_list(body);
            } else {
                self.assign(name, value);
                match self.list(body) {
                    Flow::Loop { ends: true } => break,
                    Next(_) | Flow::Loop { ends: false } => {}
                    flow => return flow,
                }
            }
            self.is_over(Left::Round);
        }
        self.is_over(Left::Loop);
        Next(Truth::Yes)
    }

    fn repeat(&mut self, until: bool, condition: &[Command], body: &[Command]) -> Flow {
        loop {
            // Both lists may be empty.
            self.steps += 1;
            if self.gives_up() {
                return Flow::Exit;
            }
            let truth = match self.list(condition) {
                Next(truth) if until => truth.not(),
                Next(truth) => truth,
                flow => return flow,
            };
            match truth {
                Truth::No => return Next(Truth::Yes),
                Truth::Unknown => {
                    self.perhaps_list(body);
                    self.is_over(Left::Loop);
                    return Next(Truth::Unknown);
                }
                Truth::Yes => match self.list(body) {
                    Flow::Loop { ends: true } => return Next(Truth::Yes),
                    Next(_) | Flow::Loop { ends: false } if !self.is_doubtful() => {}
                    Next(_) | Flow::Loop { .. } => return Next(Truth::Unknown),
                    flow => return flow,
                },
            }
            self.is_over(Left::Loop);
        }
    }

    fn case(&mut self, word: &Word, arms: &[(Vec<Word>, Vec<Command>)]) -> Flow {
        let value = self.one(word);
        let mut known = true;
        for (patterns, body) in arms {
            let mut truth = Truth::No;
            for pattern in patterns {
                let pattern = self.pattern(pattern);
                let value = value.as_deref().filter(|value| value.len() <= super::expand::LONGEST_MATCHED);
                self.costs_matching(pattern.as_deref().unwrap_or_default(), value.map_or(0, str::len));
                truth = match (value, pattern) {
                    (_, Some(pattern)) if pattern == "*" && known => Truth::Yes,
                    (Some(value), Some(pattern)) => Truth::of(super::expand::matches(&pattern, value)),
                    _ => Truth::Unknown,
                };
                if truth != Truth::No {
                    break;
                }
            }
            match truth {
                Truth::No => {}
                _ if always_fails(body) => {}
                Truth::Yes if known => return self.list(body),
                _ => {
                    known = false;
                    self.perhaps_list(body);
                }
            }
        }
        Next(if known { Truth::Yes } else { Truth::Unknown })
    }

    fn simple(&mut self, command: &Command, assignments: &[(String, Word)], words: &[Word]) -> Flow {
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
            return Next(Truth::Yes);
        };
        let Some(name) = name else {
            self.note(Outcome::unknown("which command it is only running it would tell"));
            return Next(Truth::Unknown);
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

/// Whether a way only ends in failure: the last thing it does is `exit 1`.
fn always_fails(body: &[Command]) -> bool {
    let text = |word: &Word| match &word[..] {
        [sh::Part::Text { text, .. }] => text.clone(),
        _ => String::new(),
    };
    match body.last().map(|command| &command.kind) {
        Some(CommandKind::Simple { words, .. }) => match &words[..] {
            [name, code] => text(name) == "exit" && text(code).parse().is_ok_and(|code: u8| code > 0),
            _ => false,
        },
        Some(CommandKind::Group(list)) => always_fails(list),
        _ => false,
    }
}

/// The line, with those that it goes on in.
fn whole_line(lines: &[String], number: usize) -> String {
    let mut text = String::new();
    for line in lines.iter().skip(number.saturating_sub(1)).take(200) {
        let more = line.strip_suffix('\\');
        text.push_str(start(more.unwrap_or(line)).trim_end());
        if more.is_none() || text.len() > LONGEST_SHOWN {
            break;
        }
        text.push(' ');
    }
    cut(&mut text);
    text
}

/// As many of the texts, with `between` between them, as are shown.
fn joined<'t>(texts: impl Iterator<Item = &'t str>, between: &str) -> String {
    let mut all = String::new();
    for (index, text) in texts.enumerate() {
        if index > 0 {
            all.push_str(between);
        }
        all.push_str(start(text));
        if all.len() > LONGEST_SHOWN {
            break;
        }
    }
    cut(&mut all);
    all
}

/// No more of a text than is shown.
fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_SHOWN)]
}

fn cut(text: &mut String) {
    text.truncate(start(text).len());
}
