//! Judges one image: what it must hold, and how it must behave. Knows nothing of how the image was made.

pub mod check;
pub mod diff;
pub mod inspect;
pub mod packages;
pub mod structure;
pub mod view;
