//! Where pods stand in a manifest.

use bareboat_formats::yaml::{Node, Value};

/// A pod, or the template of pods, with what holds it.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// What holds it, such as `Deployment`; empty when it does not say.
    pub kind: &'a str,
    /// Its name; empty when it has none yet.
    pub name: &'a str,
    /// The object that has the kind.
    pub object: &'a Node,
    /// The pod's `spec`.
    pub spec: &'a Node,
    /// The Go type of `object`, where its fields are known: not for custom resources.
    pub known: Option<&'static str>,
}

/// The kinds of Kubernetes itself, each with the way to its pod's `spec`.
const KINDS: [(&str, &[&str]); 9] = [
    ("Pod", &["spec"]),
    ("PodTemplate", &["template", "spec"]),
    ("ReplicationController", &["spec", "template", "spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
];

/// The groups of those kinds; others use the same names, such as Knative's.
const VERSIONS: [&str; 3] = ["v1", "apps/v1", "batch/v1"];

/// All pods in a document: of a workload, of each in a `List`, and the templates in a custom resource.
///
/// ```
/// let text = "kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec: {containers: []}";
/// let document = bareboat_formats::yaml::parse(text, std::path::Path::new("pod.yaml")).unwrap();
/// let found = bareboat_audit::check::kubernetes::workloads(&document);
/// assert_eq!((found[0].kind, found[0].name), ("Pod", "web"));
/// ```
pub fn workloads(document: &Node) -> Vec<Workload<'_>> {
    let mut found = Vec::new();
    object(document, &mut found);
    found
}

fn object<'a>(node: &'a Node, found: &mut Vec<Workload<'a>>) {
    let kind = node.get("kind").and_then(text).unwrap_or_default();
    let version = node.get("apiVersion").and_then(text).unwrap_or_default();
    if kind.ends_with("List") && node.get("items").is_some() {
        node.get("items").map_or(&[][..], Node::items).iter().for_each(|item| object(item, found));
        return;
    }
    let name = node.get("metadata").and_then(|data| data.get("name")).and_then(text).unwrap_or_default();
    let own = VERSIONS.contains(&version).then(|| KINDS.iter().find(|(known, _)| *known == kind)).flatten();
    match own {
        Some((known, way)) => {
            let spec = way.iter().try_fold(node, |node, key| node.get(key));
            found.extend(spec.map(|spec| Workload { kind, name, object: node, spec, known: Some(known) }));
        }
        None => {
            templates(node, &mut |spec| found.push(Workload { kind, name, object: node, spec, known: None }));
        }
    }
}

/// What looks like the `spec` of a pod: it has containers, each with a name and what it runs.
fn templates<'a>(node: &'a Node, found: &mut dyn FnMut(&'a Node)) {
    match &node.value {
        Value::Mapping(_) if is_pod(node) => found(node),
        Value::Mapping(entries) => entries.iter().for_each(|(_, value)| templates(value, found)),
        Value::Sequence(items) => items.iter().for_each(|item| templates(item, found)),
        Value::Scalar { .. } => {}
    }
}

fn is_pod(node: &Node) -> bool {
    let containers = node.get("containers").map_or(&[][..], Node::items);
    let is_container = |node: &Node| {
        node.get("name").is_some() && ["image", "command", "args"].iter().any(|key| node.get(key).is_some())
    };
    !containers.is_empty() && containers.iter().all(|container| is_container(container))
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let document = bareboat_formats::yaml::parse(text, Path::new("f.yaml")).unwrap();
        let told = |one: &Workload<'_>| {
            let containers = one.spec.get("containers").map_or(0, |list| list.items().len());
            let known = if one.known.is_some() { "" } else { " (its own)" };
            format!("{}/{}{known}: {containers}", one.kind, one.name)
        };
        workloads(&document).iter().map(told).collect()
    }

    #[test]
    fn pods_are_found_wherever_they_stand() {
        let containers = "containers: [{name: a, image: b}]";
        for (text, expected) in [
            (
                format!("{{kind: Pod, apiVersion: v1, metadata: {{name: p}}, spec: {{{containers}}}}}"),
                vec!["Pod/p: 1"],
            ),
            (
                format!(
                    "{{kind: Deployment, apiVersion: apps/v1, spec: {{template: {{spec: {{{containers}}}}}}}}}"
                ),
                vec!["Deployment/: 1"],
            ),
            (
                format!(
                    "{{kind: CronJob, apiVersion: batch/v1, spec: {{jobTemplate: {{spec: {{template: {{spec: {{{containers}}}}}}}}}}}}}"
                ),
                vec!["CronJob/: 1"],
            ),
            (
                format!(
                    "{{kind: List, apiVersion: v1, items: [{{kind: Pod, apiVersion: v1, spec: {{{containers}}}}}, {{kind: Service}}]}}"
                ),
                vec!["Pod/: 1"],
            ),
            (
                format!(
                    "{{kind: Rollout, apiVersion: argoproj.io/v1alpha1, metadata: {{name: r}}, spec: {{template: {{spec: {{{containers}}}}}}}}}"
                ),
                vec!["Rollout/r (its own): 1"],
            ),
            (
                format!(
                    "{{kind: Two, spec: {{a: {{{containers}}}, b: [{{podTemplate: {{spec: {{{containers}}}}}}}]}}}}"
                ),
                vec!["Two/ (its own): 1", "Two/ (its own): 1"],
            ),
            (
                format!("{{kind: Deployment, apiVersion: example.org/v1, spec: {{{containers}}}}}"),
                vec!["Deployment/ (its own): 1"],
            ),
            ("{kind: ConfigMap, data: {containers: x}}".to_owned(), vec![]),
            ("{kind: Pod, apiVersion: v1}".to_owned(), vec![]),
            ("[]".to_owned(), vec![]),
        ] {
            assert_eq!(told(&text), expected, "{text}");
        }
    }
}
