//! Kubernetes manifests: where pods stand in them, and whether their fields are fields of a pod.

mod containers;
mod fields;
mod workloads;

pub use containers::containers;
pub use fields::{Wrong, WrongKind, wrong_fields};
pub use workloads::{Workload, workloads};
