//! For tests only: everything that a test of bareboat needs of the outside world, made in memory.
//!
//! * [`Tree`]: a file tree as readable text, to build packages from and to compare layers with
//! * [`DebBuilder`]: `.deb` files, honest or hostile
//! * [`Key`]: OpenPGP keys that are the same in every run
//! * [`Archive`] and [`Suite`]: a signed Debian archive as a map of [`Files`]
//! * [`Mirror`]: these files over HTTP on the loopback, with faults on demand
//! * [`FakeRegistry`]: a registry of images on the loopback, as limited and as faulty as a test wants it
//! * [`Authority`] and [`Tls`]: certificates, good and bad, and what a registry does with them
//! * [`FakeEngine`]: an engine of containers on a Unix socket
//! * [`world()`]: a small Debian with all that the catalog asks for
//!
//! A fixture that cannot be made is a broken test, and the useful thing is to stop right there:
//! so, unlike the rest of bareboat, functions here panic with a sentence instead of returning errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "see the crate's documentation")]

mod archive;
pub mod compress;
mod deb;
pub mod elf;
mod engine;
mod files;
mod keys;
mod mirror;
mod registry;
mod serve;
mod tls;
pub mod tree;
mod world;

pub use archive::{Archive, Suite};
pub use compress::Compression;
pub use deb::{Deb, DebBuilder, ar};
pub use engine::FakeEngine;
pub use files::Files;
pub use keys::{Algorithm, Key, KeyBuilder, SignatureHash};
pub use mirror::{Mirror, Request};
pub use registry::{Auth, Exchange, FakeRegistry, Settings};
pub use serve::Fault;
pub use tls::{Authority, Certificate, Tls};
pub use tree::Tree;
pub use world::{World, world};

use bareboat_model::Timestamp;

/// When the fixtures' packages were built: 2025-06-01. Their members and `ar` headers carry it.
pub fn build_date() -> Timestamp {
    Timestamp::from_seconds(1_748_736_000)
}

/// When the fixtures' archives were published: 2025-11-15. Release files and their signatures carry it.
pub fn release_date() -> Timestamp {
    Timestamp::from_seconds(1_763_164_800)
}
