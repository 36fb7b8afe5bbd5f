//! Will it run without a shell? Reads what starts containers, and holds it against the images that it names.

pub mod compose;
pub mod container;
pub mod kubernetes;
pub mod stages;
