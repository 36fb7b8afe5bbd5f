//! The containers of a pod.

use bareboat_formats::yaml::{Entry, Node, Value};
use bareboat_model::Word;

use super::Workload;
use crate::check::container::{By, Container, Line, Probe, Start};

/// The lists of containers that a pod has, with what its containers are called.
const LISTS: [(&str, &str); 3] = [
    ("initContainers", "init container"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral container"),
];

/// All containers of a pod, in the order of the text.
///
/// ```
/// use bareboat_audit::check::kubernetes::{containers, workloads};
/// let text = "{kind: Pod, apiVersion: v1, metadata: {name: web}, spec: {containers: [{name: app, command: [sh]}]}}";
/// let document = bareboat_formats::yaml::parse(text, std::path::Path::new("pod.yaml")).unwrap();
/// assert_eq!(containers(&workloads(&document)[0])[0].name, "Pod/web, container app");
/// ```
pub fn containers(workload: &Workload<'_>) -> Vec<Container> {
    let described = LISTS.iter().flat_map(|(list, called)| {
        workload.spec.get(list).map_or(&[][..], Node::items).iter().map(move |node| (*called, &**node))
    });
    let mut containers: Vec<_> = described.map(|(called, node)| container(workload, called, node)).collect();
    containers.sort_by_key(|container| container.span.start);
    containers
}

fn container(workload: &Workload<'_>, called: &str, node: &Node) -> Container {
    let Workload { kind, name, spec, .. } = workload;
    let own = node.get("name").and_then(Node::word).map_or(String::new(), |word| word.text);
    let user = |node: &Node| node.get("securityContext")?.get("runAsUser").and_then(Node::word);
    Container {
        name: format!("{kind}/{name}, {called} {own}"),
        span: node.span.clone(),
        image: node.get("image").and_then(Node::word),
        starts: starts(node),
        environment: environment(node),
        user: user(node).or_else(|| user(spec)),
        workdir: node.get("workingDir").and_then(Node::word),
        read_only: node
            .get("securityContext")
            .and_then(|context| context.get("readOnlyRootFilesystem")?.boolean()),
        mounts: mounts(node),
    }
}

fn starts(node: &Node) -> Vec<Start> {
    let mut starts = Vec::new();
    let mut push = |by, entry: Option<&Entry>| {
        if let Some((key, list)) = entry
            && matches!(list.value, Value::Sequence(_))
        {
            let words = list.items().iter().filter_map(|item| item.word()).collect();
            starts.push(Start { by, span: key.span.clone(), line: Line::Exec(words) });
        }
    };
    push(By::Entrypoint, node.entry("command"));
    push(By::Arguments, node.entry("args"));
    for (key, probe) in [
        ("startupProbe", Probe::Startup),
        ("readinessProbe", Probe::Readiness),
        ("livenessProbe", Probe::Liveness),
    ] {
        push(By::Probe(probe), executed(node.get(key)));
    }
    let hook = |key| executed(node.get("lifecycle").and_then(|hooks| hooks.get(key)));
    push(By::PostStart, hook("postStart"));
    push(By::PreStop, hook("preStop"));
    starts.sort_by_key(|start| start.span.start);
    starts
}

fn executed(handler: Option<&Node>) -> Option<&Entry> {
    handler?.get("exec")?.entry("command")
}

fn environment(node: &Node) -> Vec<(Word, Option<Word>)> {
    let variables = node.get("env").map_or(&[][..], Node::items).iter();
    variables
        .filter_map(|one| {
            Some((one.get("name").and_then(Node::word)?, one.get("value").and_then(Node::word)))
        })
        .collect()
}

fn mounts(node: &Node) -> Vec<(Word, bool)> {
    let mounts = node.get("volumeMounts").map_or(&[][..], Node::items).iter();
    let writable = |mount: &Node| mount.get("readOnly").and_then(Node::boolean) != Some(true);
    mounts.filter_map(|mount| Some((mount.get("mountPath").and_then(Node::word)?, writable(mount)))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::check::kubernetes::workloads;

    const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsUser: 1000}
  containers:
  - name: app
    image: registry.example/app:1
    command: [/app, --port, '80']
    args: [serve]
    env:
    - {name: A, value: b}
    - {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}
    workingDir: /srv
    livenessProbe: {exec: {command: [cat, /tmp/ok]}}
    readinessProbe: {httpGet: {port: 80}}
    lifecycle: {preStop: {exec: {command: [sleep, 5]}}}
    securityContext: {readOnlyRootFilesystem: yes}
    volumeMounts: [{name: t, mountPath: /tmp}, {name: c, mountPath: /etc/c, readOnly: true}]
  initContainers:
  - {name: wait, image: busybox, command: [sh, -c, x], securityContext: {runAsUser: 0}}
";

    #[test]
    fn all_that_a_pod_starts_is_there_with_its_place() {
        let document = bareboat_formats::yaml::parse(POD, Path::new("pod.yaml")).unwrap();
        let found = containers(&workloads(&document)[0]);
        let [app, wait] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&*app.name, &*wait.name), ("Pod/web, container app", "Pod/web, init container wait"));
        let told = |start: &Start| {
            let Line::Exec(words) = &start.line else { panic!("{start:?}") };
            let words: Vec<_> = words.iter().map(|word| &POD[word.span.clone()]).collect();
            format!("{:?} at {}: {}", start.by, &POD[start.span.clone()], words.join(" "))
        };
        assert_eq!(
            app.starts.iter().map(told).collect::<Vec<_>>(),
            [
                "Entrypoint at command: /app --port '80'",
                "Arguments at args: serve",
                "Probe(Liveness) at command: cat /tmp/ok",
                "PreStop at command: sleep 5",
            ]
        );
        assert_eq!(wait.starts.iter().map(told).collect::<Vec<_>>(), ["Entrypoint at command: sh -c x"]);
        let text = |word: &Option<Word>| word.as_ref().map(|word| word.text.clone());
        assert_eq!((text(&app.user), text(&wait.user)), (Some("1000".into()), Some("0".into())));
        assert_eq!(
            (text(&app.image), text(&app.workdir)),
            (Some("registry.example/app:1".into()), Some("/srv".into()))
        );
        assert_eq!((app.read_only, wait.read_only), (Some(true), None));
        let set: Vec<_> = app.environment.iter().map(|(name, value)| (&*name.text, text(value))).collect();
        assert_eq!(set, [("A", Some("b".to_owned())), ("S", None)]);
        let mounts: Vec<_> = app.mounts.iter().map(|(path, writable)| (&*path.text, *writable)).collect();
        assert_eq!(mounts, [("/tmp", true), ("/etc/c", false)]);
    }
}
