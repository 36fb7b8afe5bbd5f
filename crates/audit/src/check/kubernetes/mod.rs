//! Kubernetes manifests: where pods stand in them, and whether their fields are fields of a pod.

mod fields;
mod workloads;

pub use fields::{Wrong, WrongKind, wrong_fields};
pub use workloads::{Workload, workloads};
