//! The pipeline from a recipe to an image, one folder a stage: recipe → resolve → lock → fetch → unpack → root
//! tree → effects → prune → layers → image → output. `pipeline` runs it as a whole.

pub mod assemble;
pub mod base_image;
pub mod closure;
pub mod effects;
pub mod fetch;
pub mod files;
pub mod image;
pub mod layers;
pub mod lock;
pub mod pipeline;
mod provenance;
pub mod prune;
pub mod recipe;
pub mod relock;
pub mod resolve;
pub mod tree;
pub mod unpack;
