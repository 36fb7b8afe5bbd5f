//! What is wrong in the input or the environment ends with one clear message, exit code 2, nothing
//! half-written, and a cache that the next build can use. The real program runs here, against a mirror on the
//! loopback; one test a line of the list, one file a kind.
#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "../bench/mod.rs"]
mod bench;
mod failing;

mod archive;
mod copy;
mod effects;
mod environment;
mod inspect;
mod libraries;
mod mirror;
mod package;
mod places;
mod recipe;
mod registries;
mod run;
mod structure_tests;
