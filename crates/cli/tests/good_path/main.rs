//! What a recipe asks for is what the image has, and what the program says of it is right. The real program runs
//! here, over a small signed Debian on the loopback; one file a topic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy does not see that helpers of tests are tests")]

#[path = "../bench/mod.rs"]
mod bench;
mod layout;
mod words;

mod attachments;
mod base_image;
mod cache;
mod catalog;
mod catalog_command;
mod copy;
mod deckhand;
mod diff;
mod effects;
mod explain;
mod files;
mod image;
mod inspect;
mod json;
mod layers;
mod pulling;
mod registries;
mod relock;
mod structure_tests;
mod summary;
