//! The recipe's steps: commands on this machine that make the files the image takes. Nothing runs in the image.

use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use bareboat_model::{Context, Error, Progress, Result, escape};
use rustix::fs::Mode;
use rustix::process::umask;

use crate::recipe::Step;

/// Runs the steps one after another, each in the folder of the recipe that asks for it. What they print goes to
/// stderr: stdout is for the answer.
///
/// # Errors
/// When a command cannot be started or fails; the message names the place in the recipe.
pub(super) fn run(steps: &[Step], progress: &dyn Progress) -> Result<()> {
    for step in steps {
        let shown = escape(&step.run.join(" "));
        let _bar = progress.begin(&format!("running {shown}"), None);
        run_one(step).context(|| format!("cannot run the step at {}: `{shown}`", step.place))?;
    }
    Ok(())
}

fn run_one(step: &Step) -> Result<()> {
    let (program, arguments) = step.run.split_first().ok_or_else(|| Error::new("the command is empty"))?;
    let stderr = std::io::stderr().as_fd().try_clone_to_owned()?;
    // What a step makes must not depend on the umask of whoever runs it.
    let callers = umask(Mode::from_raw_mode(0o022));
    let status = Command::new(program)
        .args(arguments)
        .current_dir(step.place.folder())
        .stdin(Stdio::null())
        .stdout(stderr)
        .status();
    umask(callers);
    let status = status?;
    if status.success() {
        return Ok(());
    }
    Err(match status.code() {
        Some(code) => Error::new(format!("it failed with exit code {code}")),
        None => Error::new(format!("it was ended by a {status}")),
    })
}
