//! Runs a program inside an image's root file system, on this machine, without a daemon and without root.
//!
//! The program gets namespaces of its own (user, mount, pid, ipc, uts, network), sees nothing but the root and what is
//! mounted into it, has no capability and cannot get one, and meets a filter before system calls that programs do not
//! need. What it leaves running ends with it. It is still the same kernel: see docs/run.md for what that means.

mod diagnose;
mod ids;
mod image;
mod init;
mod outcome;
mod plan;
mod relay;
mod report;
mod run;
mod seccomp;
mod settings;
mod stub;
mod sys;
mod terminal;
mod view;

pub use image::{command_line, for_image, user};
pub use outcome::{Outcome, Status};
pub use settings::{Mount, Network, Output, Sandbox, User};
