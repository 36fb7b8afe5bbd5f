//! deckhand: sleep, print, exec, probe and wait-for, for images that have no shell.
//!
//! A static program without libc: it asks the kernel itself. What must be `unsafe` for that is in `start`, `memory`,
//! `words` and `kernel`, each block with its proof; the commands are safe code.

#![cfg_attr(not(test), no_std, no_main)]
// Under `cargo test` the parts that need no kernel are tested, and the rest is called by nobody.
#![cfg_attr(test, allow(dead_code))]

mod base64;
mod buffer;
mod child;
mod command;
mod duration;
mod exec;
mod help;
mod kernel;
mod log_file;
#[cfg(not(test))]
mod memory;
mod message;
mod names;
mod print;
mod probe;
mod sleep;
#[cfg(not(test))]
mod start;
mod text;
mod wait_for;
mod words;
