//! Compose files (the Compose Specification): what their services start.

use bareboat_formats::yaml::{Entry, Node, Value};
use bareboat_model::Word;

use super::container::{By, Container, Line, Start};

/// The services of a compose file; none when the document is no such file.
///
/// ```
/// let text = "services: {web: {image: app, command: /app --port 80}}";
/// let document = bareboat_formats::yaml::parse(text, std::path::Path::new("compose.yaml")).unwrap();
/// assert_eq!(bareboat_audit::check::compose::services(&document)[0].name, "service web");
/// ```
pub fn services(document: &Node) -> Vec<Container> {
    document.get("services").map_or(&[][..], Node::entries).iter().map(service).collect()
}

fn service((name, node): &Entry) -> Container {
    let (user, workdir) =
        (node.get("user").and_then(Node::word), node.get("working_dir").and_then(Node::word));
    Container {
        name: format!("service {}", name.text),
        span: name.span.clone(),
        // What it builds may have a name, too, which is that of the result.
        image: node.get("image").filter(|_| node.get("build").is_none()).and_then(Node::word),
        starts: starts(node),
        environment: environment(node),
        user,
        workdir,
        read_only: node.get("read_only").and_then(Node::boolean),
        mounts: mounts(node),
    }
}

fn starts(node: &Node) -> Vec<Start> {
    let mut starts = Vec::new();
    for (key, by) in [("entrypoint", By::Entrypoint), ("command", By::Arguments)] {
        let Some((key, value)) = node.entry(key) else { continue };
        let line = match &value.value {
            Value::Sequence(items) => Some(items.iter().filter_map(|item| item.word()).collect()),
            // Not for a shell: compose cuts it into words as a shell would, and starts the first.
            Value::Scalar { .. } => value.word().map(|word| split(&word)),
            Value::Mapping(_) => None,
        };
        starts.extend(line.map(|words| Start { by, span: key.span.clone(), line: Line::Exec(words) }));
    }
    starts.extend(node.get("healthcheck").and_then(|check| check.entry("test")).and_then(healthcheck));
    starts.sort_by_key(|start| start.span.start);
    starts
}

/// A line for a shell, `["CMD-SHELL", LINE]`, `["CMD", WORD…]`, or `["NONE"]`.
fn healthcheck((key, value): &Entry) -> Option<Start> {
    let line = match &value.value {
        Value::Scalar { .. } => Line::Shell(value.word()?),
        _ => {
            let mut words = value.items().iter().filter_map(|item| item.word());
            match &*words.next()?.text {
                "CMD" => Line::Exec(words.collect()),
                "CMD-SHELL" => Line::Shell(words.next()?),
                _ => return None,
            }
        }
    };
    Some(Start { by: By::Healthcheck, span: key.span.clone(), line })
}

/// Cuts at white space that is neither quoted nor escaped, and takes quotes and escapes off. Each word has the place of the whole:
/// what YAML did to the text in between is not known here.
fn split(line: &Word) -> Vec<Word> {
    let mut words: Vec<String> = Vec::new();
    let mut current: Option<String> = None;
    let mut quote = None;
    let mut chars = line.text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(current.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                current.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => current.get_or_insert_default().extend(chars.next()),
            (_, c) => current.get_or_insert_default().push(c),
        }
    }
    words.extend(current);
    words.into_iter().map(|text| Word { text, span: line.span.clone() }).collect()
}

/// A mapping, or a list of `NAME=VALUE` and `NAME`.
fn environment(node: &Node) -> Vec<(Word, Option<Word>)> {
    let Some(set) = node.get("environment") else { return Vec::new() };
    let mapped = set
        .entries()
        .iter()
        .map(|(key, value)| (Word { text: key.text.clone(), span: key.span.clone() }, value.word()));
    let listed = set.items().iter().filter_map(|item| {
        let Word { text, span } = item.word()?;
        let part = |text: &str| Word { text: text.to_owned(), span: span.clone() };
        Some(match text.split_once('=') {
            Some((name, value)) => (part(name), Some(part(value))),
            None => (part(&text), None),
        })
    });
    mapped.chain(listed).collect()
}

/// `SOURCE:TARGET[:ro]`, `TARGET`, or a mapping with a `target`; and `tmpfs`, which can be written.
fn mounts(node: &Node) -> Vec<(Word, bool)> {
    let volumes = node.get("volumes").map_or(&[][..], Node::items).iter().filter_map(|volume| {
        if let Some(target) = volume.get("target") {
            return Some((target.word()?, volume.get("read_only").and_then(Node::boolean) != Some(true)));
        }
        let Word { text, span } = volume.word()?;
        let parts: Vec<&str> = text.split(':').collect();
        let writable = !parts.get(2).is_some_and(|options| options.split(',').any(|option| option == "ro"));
        Some((Word { text: (*parts.get(1).unwrap_or(&&*text)).to_owned(), span }, writable))
    });
    let tmpfs = node.get("tmpfs").into_iter().flat_map(|paths| match &paths.value {
        Value::Sequence(items) => items.iter().filter_map(|item| item.word()).collect(),
        _ => paths.word().into_iter().collect::<Vec<_>>(),
    });
    volumes.chain(tmpfs.map(|path| (path, true))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let document = bareboat_formats::yaml::parse(text, Path::new("compose.yaml")).unwrap();
        let told = |start: &Start| match &start.line {
            Line::Exec(words) => {
                format!(
                    "{:?} {}",
                    start.by,
                    words.iter().map(|word| format!("<{}>", word.text)).collect::<String>()
                )
            }
            Line::Shell(line) => format!("{:?} sh {}", start.by, line.text),
        };
        services(&document)
            .iter()
            .flat_map(|service| service.starts.iter().map(told).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn commands_are_read_as_compose_reads_them() {
        for (service, expected) in [
            ("command: /app --a 'b c' \"d\\\"e\" f\\ g", vec!["Arguments </app><--a><b c><d\"e><f g>"]),
            ("command: [/app, 80]", vec!["Arguments </app><80>"]),
            ("entrypoint: ['']", vec!["Entrypoint <>"]),
            ("command: ''", vec!["Arguments "]),
            ("command: null", vec![]),
            ("healthcheck: {test: curl -f x}", vec!["Healthcheck sh curl -f x"]),
            ("healthcheck: {test: [CMD-SHELL, curl -f x]}", vec!["Healthcheck sh curl -f x"]),
            ("healthcheck: {test: [CMD, curl, -f]}", vec!["Healthcheck <curl><-f>"]),
            ("healthcheck: {test: [NONE]}", vec![]),
            ("healthcheck: {disable: true}", vec![]),
        ] {
            assert_eq!(told(&format!("services: {{a: {{{service}}}}}")), expected, "{service}");
        }
    }

    #[test]
    fn what_a_service_is_given_is_there() {
        let text = "services: {a: {image: x, user: '1:2', read_only: true, tmpfs: /run, environment: {A: 1, B: null},
            volumes: [data:/d:ro, ./c:/c, /e, {type: bind, target: /t, read_only: true}]}, b: {build: ., image: x, environment: [A=b=c, D]}}";
        let document = bareboat_formats::yaml::parse(text, Path::new("compose.yaml")).unwrap();
        let [a, b] = &services(&document)[..] else { panic!("two services") };
        let mounts: Vec<_> = a.mounts.iter().map(|(path, writable)| (&*path.text, *writable)).collect();
        assert_eq!(mounts, [("/d", false), ("/c", true), ("/e", true), ("/t", false), ("/run", true)]);
        let set = |service: &Container| -> Vec<String> {
            let shown =
                |value: &Option<Word>| value.as_ref().map_or("?".to_owned(), |value| value.text.clone());
            service
                .environment
                .iter()
                .map(|(name, value)| format!("{}={}", name.text, shown(value)))
                .collect()
        };
        assert_eq!((set(a), set(b)), (vec!["A=1".into(), "B=?".into()], vec!["A=b=c".into(), "D=?".into()]));
        assert_eq!((a.read_only, a.image.is_some(), b.image.is_some()), (Some(true), true, false));
    }
}
