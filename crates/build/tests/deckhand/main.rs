//! deckhand beside what it stands in for: coreutils' sleep, a shell's redirection, an HTTP client; and against bad input.
//! Runs the program that this crate carries for the machine that the tests run on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy does not see that helpers of tests are tests")]

mod exec;
mod print;
mod probe;
mod program;
mod sleep;
mod wait_for;
