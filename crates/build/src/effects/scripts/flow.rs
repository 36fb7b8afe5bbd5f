//! The way through a script: lists, conditions and loops, where what is known is taken and the rest is doubted.

use std::sync::Arc;

use bareboat_formats::sh::{self, Command, CommandKind, Joint, Word};

use super::expand;
use super::finding::Outcome;
use super::follow::Follower;
use super::sources::Function;

/// How deep calls and sourced files may be in one another.
const DEEPEST: usize = 40;

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

impl Follower<'_, '_> {
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

    /// Whether this script is followed no further; told when it begins to be so.
    fn gives_up(&mut self) -> bool {
        if !self.gave_up && (self.is_giving_up() || self.depth > DEEPEST) {
            self.gave_up = true;
            self.note(Outcome::unknown("it takes too many steps to follow"));
        }
        self.gave_up
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
                let value = value.as_deref().filter(|value| value.len() <= expand::LONGEST_MATCHED);
                self.costs_matching(pattern.as_deref().unwrap_or_default(), value.map_or(0, str::len));
                truth = match (value, pattern) {
                    (_, Some(pattern)) if pattern == "*" && known => Truth::Yes,
                    (Some(value), Some(pattern)) => Truth::of(expand::matches(&pattern, value)),
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
