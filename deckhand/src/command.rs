//! Which command is meant, by the name of the link or by the first argument.

use crate::help;
use crate::kernel::Fd;
use crate::message::{fail, misuse};
use crate::text::{Text, text};
use crate::words::Words;
use crate::{exec, print, probe, sleep, wait_for};

type Run = fn(Words, Words) -> u8;

/// Does what the command line says, and gives the exit code.
pub fn run(mut arguments: Words, environment: Words) -> u8 {
    let mut called = arguments.take();
    while !called.find(b'/').is_empty() {
        called = called.find(b'/').next();
    }
    let command = find(called).unwrap_or_else(|| {
        let name = arguments.take();
        match find(name) {
            Some(command) => command,
            None if name.same(text!("--help")) => help,
            None if name.same(text!("--version")) => version,
            None => misuse(text!("sleep, print, exec, probe, wait-for, --help or --version"), name),
        }
    });
    if arguments.peek().same(text!("--help")) {
        return help(arguments, environment);
    }
    command(arguments, environment)
}

static COMMANDS: [(Text<'static>, Run); 5] = [
    (text!("sleep"), sleep::run),
    (text!("print"), print::run),
    (text!("exec"), exec::run),
    (text!("probe"), probe::run),
    (text!("wait-for"), wait_for::run),
];

#[inline(never)]
fn find(name: Text<'_>) -> Option<Run> {
    COMMANDS.iter().find(|(known, _)| known.same(name)).map(|(_, run)| *run)
}

fn help(_: Words, _: Words) -> u8 {
    write(help::HELP.as_bytes());
    0
}

fn version(_: Words, _: Words) -> u8 {
    write(help::VERSION.as_bytes());
    0
}

/// Writes to standard output, or ends.
#[inline(never)]
pub fn write(bytes: &[u8]) {
    if let Err(error) = Fd::OUTPUT.write_all(bytes) {
        fail(text!("write to"), text!("standard output"), error);
    }
}
