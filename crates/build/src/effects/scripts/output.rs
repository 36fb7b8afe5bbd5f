//! Where the output of commands goes, and where their input comes from: pipelines, `$(…)`, files.

use bareboat_formats::sh::{Command, RedirectKind};

use super::flow::{Flow, Truth};
use super::follow::{Follower, LONGEST_VALUE, Value};
use super::sources::LARGEST_SOURCED;
use crate::effects::files;

impl Follower<'_, '_> {
    /// Each command of a pipeline is a process of its own: its `exit` and its variables end with it.
    pub(super) fn pipeline(&mut self, commands: &[Command]) -> Flow {
        let mut input = None;
        let mut truth = Truth::Unknown;
        let last = commands.len() - 1;
        let piped = self.piped.len();
        for (index, command) in commands.iter().enumerate() {
            self.line = command.line;
            if index > 0
                && let Some(known) = input.as_deref()
                && let Some((output, holds)) = self.filter(command, known)
            {
                (input, truth) = (Some(output), holds);
                if index == last {
                    self.emit(command, input.clone());
                }
                continue;
            }
            let (variables, left) = (self.snapshot(), self.left);
            truth = Truth::Unknown;
            if index == last {
                // What it reads is not known, and so it is not known what it finds.
                self.command(command);
            } else {
                input = self.captured(|follower| {
                    follower.command(command);
                });
            }
            (self.variables, self.left) = (variables, left);
            let shown = self.expanded.rsplit(" | ").next().unwrap_or_default().to_owned();
            self.piped.push(shown);
        }
        self.piped.truncate(piped);
        Flow::Next(truth)
    }

    /// What is printed while `follow` works, when that can be known.
    pub(super) fn captured(&mut self, follow: impl FnOnce(&mut Self)) -> Value {
        self.captures.push(Some(String::new()));
        follow(self);
        self.captures.pop().flatten()
    }

    /// A command's output goes where it is redirected, else to whoever takes it.
    pub(super) fn emit(&mut self, command: &Command, text: Value) {
        let goes_elsewhere = command.redirects.iter().any(|redirect| redirect.descriptor == 1);
        if goes_elsewhere {
            self.redirect(command, text.as_deref());
        } else if let Some(capture) = self.captures.last_mut() {
            let doubtful = self.doubt > 0;
            let both = capture.take().zip(text.filter(|_| !doubtful));
            *capture = both.map(|(so_far, more)| so_far + &more).filter(|text| text.len() <= LONGEST_VALUE);
        }
    }

    /// What commands print, in `$(…)`.
    pub(super) fn output_of(&mut self, commands: &[Command]) -> Value {
        let (variables, left, line) = (self.snapshot(), self.left, self.line);
        self.depth += 1;
        let output = self.captured(|follower| {
            follower.list(commands);
        });
        self.depth -= 1;
        (self.variables, self.left, self.line) = (variables, left, line);
        output
    }

    /// What a command reads, when that stands in the script or in a known file.
    pub(super) fn input_of(&mut self, command: &Command) -> Value {
        let input = command.redirects.iter().rev().find(|redirect| redirect.descriptor == 0)?;
        match input.kind {
            RedirectKind::Document => self.one(&input.target),
            RedirectKind::Input => {
                let path = self.one(&input.target)?;
                self.system.text(&path, LARGEST_SOURCED)
            }
            _ => None,
        }
    }

    /// Where a command's output goes; `text` is the output, when it is known.
    fn redirect(&mut self, command: &Command, text: Option<&str>) {
        for redirect in &command.redirects {
            let append = match redirect.kind {
                RedirectKind::Output => false,
                RedirectKind::Append => true,
                _ => continue,
            };
            self.steps += 1;
            let path = self.one(&redirect.target);
            if path.as_deref().is_some_and(|path| path.starts_with("/dev/") || path == "/proc/self/fd/1") {
                continue;
            }
            if redirect.descriptor != 1 {
                continue; // error messages
            }
            let path = path.map(|path| self.place(&path).map_or(path, |place| place.to_string()));
            let done = files::write(self, path.as_deref(), text, append);
            self.settle(done.unwrap_or_else(Some));
        }
    }
}
