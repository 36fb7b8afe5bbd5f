//! Which command is meant, by the name of the link or by the first argument.

use crate::kernel::Fd;
use crate::message::{self, misuse};
use crate::words::Words;
use crate::{exec, help, print, probe, sleep, text, wait_for};

/// A command: what it is called, what it says to `--help`, and what it does with its arguments and the environment.
struct Command {
    name: &'static [u8],
    help: &'static str,
    run: fn(Words, Words) -> u8,
}

const COMMANDS: [Command; 5] = [
    Command { name: b"sleep", help: help::SLEEP, run: sleep::run },
    Command { name: b"print", help: help::PRINT, run: print::run },
    Command { name: b"exec", help: help::EXEC, run: exec::run },
    Command { name: b"probe", help: help::PROBE, run: probe::run },
    Command { name: b"wait-for", help: help::WAIT_FOR, run: wait_for::run },
];

/// Does what the command line says, and gives the exit code.
pub fn run(mut arguments: Words, environment: Words) -> u8 {
    let mut path = arguments.take().to_bytes();
    let mut called = path;
    while !path.is_empty() {
        called = text::take(&mut path, b"/");
    }
    let command = find(called).unwrap_or_else(|| choose(arguments.take().to_bytes()));
    if text::same(arguments.peek().to_bytes(), b"--help") {
        say(command.help);
        return 0;
    }
    (command.run)(arguments, environment)
}

fn choose(name: &[u8]) -> &'static Command {
    if let Some(command) = find(name) {
        return command;
    }
    if text::same(name, b"--version") {
        say(help::VERSION);
    } else if text::same(name, b"--help") {
        say(help::INTRODUCTION);
        COMMANDS.iter().for_each(|command| say(command.help));
    } else {
        misuse("expected sleep, print, exec, probe, wait-for, --help or --version, found %", name);
    }
    crate::kernel::process::exit(0)
}

#[inline(never)]
fn find(name: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| text::same(command.name, name))
}

#[inline(never)]
fn say(text: &str) {
    write(text.as_bytes());
}

/// Writes to standard output, or ends.
#[inline(never)]
pub fn write(bytes: &[u8]) {
    if let Err(error) = Fd::OUTPUT.write_all(bytes) {
        message::fail("cannot write to standard output: ", b"", error);
    }
}
