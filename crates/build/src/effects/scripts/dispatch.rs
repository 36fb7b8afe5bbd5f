//! Which command means what: the shell's own, questions that can be answered, effects, and what is left out.

use bareboat_formats::sh::{self, Command};

use super::finding::{Done, Outcome};
use super::flow::{Flow, Truth};
use super::follow::{Follower, Value};
use super::{builtins, conditions, debconf, queries};
use crate::effects::{accounts_commands, alternatives, apache, files, known, left_out, modes, php};

/// An effect: does what the command would do.
type Effect = fn(&mut Follower<'_, '_>, &[String]) -> Done;

const EFFECTS: &[(&str, Effect)] = &[
    ("a2enconf", apache::enable_configuration),
    ("a2enmod", apache::enable_module),
    ("a2ensite", apache::enable_site),
    ("addgroup", accounts_commands::addgroup),
    ("adduser", accounts_commands::adduser),
    ("chgrp", modes::chgrp),
    ("chmod", modes::chmod),
    ("chown", modes::chown),
    ("cp", files::cp),
    ("dpkg-divert", files::divert),
    ("dpkg-statoverride", modes::statoverride),
    ("gpasswd", accounts_commands::gpasswd),
    ("groupadd", accounts_commands::groupadd),
    ("install", files::install),
    ("lighty-enable-mod", apache::enable_for_lighttpd),
    ("ln", files::ln),
    ("mkdir", files::mkdir),
    ("mv", files::mv),
    ("phpenmod", php::enable),
    ("rm", files::rm),
    ("rmdir", files::rmdir),
    ("touch", files::touch),
    ("ucf", files::ucf),
    ("update-alternatives", alternatives::install),
    ("useradd", accounts_commands::useradd),
    ("usermod", accounts_commands::usermod),
];

pub(super) fn run(
    follower: &mut Follower<'_, '_>,
    command: &Command,
    name: &str,
    arguments: &[Value],
) -> Flow {
    if let Some(flow) = follower.call(name, arguments) {
        return flow;
    }
    // Debian's scripts name some by path: /usr/sbin/adduser.
    let base = name.rsplit('/').next().unwrap_or(name);
    if matches!(name, "command" | "exec" | "builtin" | "env" | "nice" | "nohup") && is_wrapping(arguments) {
        return match arguments.split_first() {
            Some((Some(inner), rest)) => run(follower, command, inner, rest),
            Some(_) => follower.not_literal(),
            None => Flow::Next(Truth::Yes), // `exec 3>&1`
        };
    }
    if let Some(flow) = builtins::run(follower, command, name, arguments) {
        return flow;
    }
    if let Some(truth) = conditions::run(follower, name, arguments) {
        return Flow::Next(truth);
    }
    if let Some(truth) = debconf::run(follower, name, arguments) {
        return Flow::Next(truth);
    }
    // Done for all packages, after their scripts.
    if base == "systemd-tmpfiles" {
        return Flow::Next(Truth::Yes);
    }
    if base == "systemd-sysusers" {
        follower.declare_users();
        return Flow::Next(Truth::Yes);
    }
    if matches!(base, "su" | "runuser") {
        return follower.as_user(arguments);
    }
    if base == "cat"
        && arguments.iter().all(|argument| argument.as_deref() == Some("-"))
        && let Some(input) = follower.input_of(command)
    {
        follower.emit(command, Some(input));
        return Flow::Next(Truth::Yes);
    }
    if let Some((output, truth)) = queries::run(follower, base, arguments) {
        follower.emit(command, output);
        return Flow::Next(truth);
    }
    // python3.13 -E -S …/py_compile.py FILE…
    let compiles = |argument: &Value| {
        argument.as_deref().is_some_and(|word| word.contains("py_compile") || word == "compileall")
    };
    let left_out = match base.starts_with("python3") && arguments.iter().any(compiles) {
        true => left_out::named("bytecode"),
        false => left_out::of_command(base),
    };
    if let Some(left_out) = left_out {
        follower.settle(Some(Outcome::LeftOut(left_out)));
        if let Some(path) = known::stand_in(base, arguments).filter(|_| !follower.is_doubtful()) {
            let owner = super::system::script_of(follower.package.name);
            follower.system.make_temporary(path, false, owner);
        }
        follower.emit(command, None);
        return Flow::Next(Truth::Yes);
    }
    match EFFECTS.iter().find(|(known, _)| *known == base) {
        Some((_, effect)) => run_effect(follower, *effect, arguments),
        None => {
            if let Some(path) = queries::program(follower, name)
                && let Some(flow) = follower.program(&path, arguments)
            {
                return flow;
            }
            let why = "it is a program that only running it would tell about";
            let truth = follower.settle(Some(Outcome::unknown(why)));
            follower.emit(command, None);
            Flow::Next(truth)
        }
    }
}

/// `command -v` asks; `command NAME` runs.
fn is_wrapping(arguments: &[Value]) -> bool {
    !arguments
        .first()
        .and_then(Option::as_deref)
        .is_some_and(|first| first.starts_with('-') || first.contains('='))
}

fn run_effect(follower: &mut Follower<'_, '_>, effect: Effect, arguments: &[Value]) -> Flow {
    let known: Option<Vec<String>> = arguments.iter().cloned().collect();
    let Some(known) = known else { return follower.not_literal() };
    if follower.is_doubtful() {
        let why = "whether the script comes here is only known when it runs";
        return Flow::Next(follower.settle(Some(Outcome::unknown(why))));
    }
    if follower.user != 0 {
        let why = "it runs as another user";
        return Flow::Next(follower.settle(Some(Outcome::unknown(why))));
    }
    let done = effect(follower, &known);
    Flow::Next(follower.settle(done.unwrap_or_else(Some)))
}

impl Follower<'_, '_> {
    /// `su [-s SHELL] USER -c SCRIPT`: what the script asks is asked as that user.
    fn as_user(&mut self, arguments: &[Value]) -> Flow {
        let known: Option<Vec<&str>> = arguments.iter().map(Option::as_deref).collect();
        let Some(words) = known else { return self.not_literal() };
        let (mut user, mut script) = (None, None);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word {
                "-c" | "--command" => script = words.next(),
                "-s" | "--shell" => drop(words.next()),
                "-u" => user = words.next(),
                word if word.starts_with('-') => {}
                word => user = user.or(Some(word)),
            }
        }
        let uid = user.and_then(|user| self.system.accounts.uid_of(user));
        let list = script.and_then(|script| sh::parse(script).ok());
        let (Some(uid), Some(list)) = (uid, list) else {
            let why = "it runs a program as another user";
            return Flow::Next(self.settle(Some(Outcome::unknown(why))));
        };
        let before = std::mem::replace(&mut self.user, uid);
        let flow = self.inner_text(&list);
        self.user = before;
        flow
    }

    pub(super) fn not_literal(&mut self) -> Flow {
        let why = "its arguments are only known when it runs";
        Flow::Next(self.settle(Some(Outcome::unknown(why))))
    }
}
