//! Running a program.

use std::ffi::OsString;

use bareboat_model::{Error, Result};

use crate::{Outcome, Sandbox};

impl Sandbox {
    /// Runs a program with its arguments, and waits for its end.
    ///
    /// # Errors
    /// When the kernel does not let the sandbox be made, or the program cannot be started; not when the program fails.
    pub fn run(&self, _command: &[OsString]) -> Result<Outcome> {
        Err(Error::new("not yet"))
    }
}
