//! Commands that stand elsewhere: functions, sourced files, programs that are shell scripts, subshells.

use bareboat_formats::sh::{self, Command};
use bareboat_model::ImagePath;

use super::flow::{Flow, Left, Truth};
use super::follow::{Follower, Value};
use super::sources::LARGEST_SOURCED;
use crate::effects::sysusers;

impl Follower<'_, '_> {
    /// Calls a function of the script; none when there is none of this name.
    pub(super) fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Flow> {
        let function = self.functions.get(name)?.clone();
        let before = std::mem::replace(&mut self.arguments, arguments.to_vec());
        let (source, line) = (std::mem::replace(&mut self.source, function.source), self.line);
        let flow = self.command(&function.body);
        (self.arguments, self.source, self.line) = (before, source, line);
        self.is_over(Left::Function);
        Some(match flow {
            Flow::Return(truth) => Flow::Next(truth),
            flow => flow,
        })
    }

    /// Follows another program that is a shell script, as a process of its own; none when it is no such.
    pub(super) fn program(&mut self, path: &str, arguments: &[Value]) -> Option<Flow> {
        let place = ImagePath::absolute(path).ok()?;
        let content = self.system.content(&place)?.clone();
        if !is_shell_script(&content.head(64).ok()?) {
            return None;
        }
        let text = String::from_utf8(content.read(LARGEST_SOURCED).ok()?).ok()?;
        self.costs(text.len());
        let list = sh::parse(&text).ok()?;
        let pinned = self.pinned;
        self.pinned = pinned.or(Some((self.source, self.line)));
        let arguments = std::mem::replace(&mut self.arguments, arguments.to_vec());
        let functions = std::mem::take(&mut self.functions);
        let source = self.source;
        self.enter_source(path, "");
        let flow = self.subshell(&list);
        (self.arguments, self.functions, self.source, self.pinned) = (arguments, functions, source, pinned);
        Some(flow)
    }

    /// Follows commands of a text that stands in the current line.
    pub(super) fn inner_text(&mut self, list: &[Command]) -> Flow {
        let pinned = self.pinned;
        self.pinned = pinned.or(Some((self.source, self.line)));
        let flow = self.subshell(list);
        self.pinned = pinned;
        flow
    }

    /// Follows another file as if it stood here; none when the image does not have it, or it is no script.
    pub(super) fn source(&mut self, path: &str) -> Option<Flow> {
        let place = ImagePath::absolute(path).ok()?;
        let content = self.system.tree.lookup(&place)?.1.content()?.clone();
        let text = String::from_utf8(content.read(LARGEST_SOURCED).ok()?).ok()?;
        self.costs(text.len());
        let list = sh::parse(&text).ok()?;
        let (source, line) = (self.source, self.line);
        self.enter_source(path, &text);
        let flow = self.list(&list);
        (self.source, self.line) = (source, line);
        self.is_over(Left::Function);
        Some(match flow {
            Flow::Return(truth) => Flow::Next(truth),
            flow => flow,
        })
    }

    /// A process of its own: its `exit`, its variables and its directory end with it.
    pub(super) fn subshell(&mut self, list: &[Command]) -> Flow {
        let (variables, left, umask) = (self.snapshot(), self.left, self.umask);
        let folder = self.folder.clone();
        // The lines are those of the command that starts it: its text may not stand in the script.
        let line = self.line;
        let flow = self.list(list);
        (self.variables, self.left, self.umask, self.line) = (variables, left, umask, line);
        self.folder = folder;
        match flow {
            Flow::Exit | Flow::Return(_) => Flow::Next(Truth::Unknown),
            flow => flow,
        }
    }

    /// Makes the users that the package declares in sysusers.d, where its script asks for it.
    pub(super) fn declare_users(&mut self) {
        if !self.is_doubtful() {
            sysusers::apply(self.system, self.package.unpacked, &mut self.findings);
        }
    }
}

/// By its first line: `#!/bin/sh`, `#! /bin/bash -e`.
pub(super) fn is_shell_script(head: &[u8]) -> bool {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let interpreter = line.strip_prefix(b"#!").unwrap_or_default().trim_ascii();
    [&b"/bin/sh"[..], b"/bin/bash", b"/bin/dash", b"/usr/bin/sh"].iter().any(|shell| {
        interpreter.strip_prefix(*shell).is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
    })
}
