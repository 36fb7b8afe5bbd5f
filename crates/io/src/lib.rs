//! The outside world: files of this machine, HTTP, the local store, Debian archives, and the places where
//! images are written.
//!
//! Everything here is safe to use from several threads at once, and from several processes that share one
//! store. What comes from outside is verified before it is handed on: a file by its digest, a Release by its
//! signature.

pub mod apt;
pub mod archive;
pub mod files;
pub mod http;
pub mod registry;
pub mod root;
pub mod store;
pub mod transport;
