//! From the root tree to layers: which path goes where, and the layers' bytes.
//!
//! From the bottom: the packages of each recipe in the chain of bases, grouped by Debian source package; one
//! layer of settings (what the effects made); files of the bases; your files. A security update comes as a
//! source package, so it changes the layer of that source, and images that share a base share its layers.

mod plan;
mod write;

pub use plan::{LayerPlan, PackageGroup, plan};
pub use write::{Layer, Settings, write};
