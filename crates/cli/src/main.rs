//! The command line: arguments in, the answer on stdout, the story on stderr, an exit code.

mod args;
mod build;
mod bytes;
mod cache;
mod catalog;
mod copy;
mod delete;
mod diff;
mod effects;
mod image;
mod inspect;
mod layout;
mod list;
mod lock;
mod login;
mod output;
mod referrers;
mod run;
mod summary;
mod tag;
mod terminal;
mod test;
mod update;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser as _;
use output::{Failure, report};
use terminal::Terminal;

/// The input or the environment does not allow it.
const CANNOT: u8 = 2;
/// Our own bug.
const BUG: u8 = 3;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(output::report_bug));
    std::panic::catch_unwind(run).unwrap_or(ExitCode::from(BUG))
}

fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return output::usage(&error),
    };
    let args = match args.settle() {
        Ok(args) => args,
        Err(error) => {
            report(&error);
            return ExitCode::from(CANNOT);
        }
    };
    let terminal = Terminal::new(&args.story);
    let result = match &args.command {
        Command::Build(command) => build::run(command, &args, &terminal),
        Command::Lock(command) => lock::run(command, &args, &terminal),
        Command::Update(command) => update::run(command, &args, &terminal),
        Command::Catalog(command) => catalog::run(command, &args),
        Command::Run(command) => run::run(command, &args, &terminal),
        Command::Test(command) => test::run(command, &args, &terminal),
        Command::Inspect(command) => inspect::run(command, &args, &terminal),
        Command::Copy(command) => copy::copy(command, &args, &terminal),
        Command::Pull(command) => copy::pull(command, &args, &terminal),
        Command::Push(command) => copy::push(command, &args, &terminal),
        Command::Diff(command) => diff::run(command, &args, &terminal),
        Command::Referrers(command) => referrers::run(command, &args, &terminal),
        Command::Effects(command) => effects::run(command, &args, &terminal),
        Command::Cache(command) => cache::run(command, &args, &terminal),
        Command::List(command) => list::run(command, &args, &terminal),
        Command::Tag(command) => tag::run(command, &args, &terminal),
        Command::Delete(command) => delete::run(command, &args, &terminal),
        Command::Login(command) => login::log_in(command, &args, &terminal),
        Command::Logout(command) => login::log_out(command, &args),
    };
    terminal.finish();
    match result {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Code(code)) => ExitCode::from(code),
        Err(Failure::Error(error)) => {
            report(&error);
            ExitCode::from(CANNOT)
        }
    }
}
