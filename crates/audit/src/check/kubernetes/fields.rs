//! Which fields Kubernetes knows at which place.
//!
//! A field that it does not know is dropped without a word by clients that do not validate, and so is what it was to
//! protect: Pinniped ran five weeks with `readOnlyRootFilesystem` in the pod's security context, where there is none.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use bareboat_formats::yaml::{Node, Scalar, Value};

/// The fields of an object with their types, by name.
type Fields = BTreeMap<&'static str, Type>;

/// By the names of Kubernetes' Go types. The text is part of this program, and a test reads it all.
static OBJECTS: LazyLock<BTreeMap<&'static str, Fields>> =
    LazyLock::new(|| objects(include_str!("fields.txt")));

#[derive(Clone, PartialEq, Eq, Debug)]
enum Type {
    Object(&'static str),
    List(Box<Type>),
    Map(Box<Type>),
    String,
    Integer,
    Boolean,
    Number,
    IntegerOrString,
    Any,
}

/// A field that is not as Kubernetes wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// The key, or the value when that is wrong.
    pub span: Range<usize>,
    /// Where it stands, such as `spec.securityContext.readOnlyRootFilesystem`.
    pub path: String,
    /// What is wrong.
    pub kind: WrongKind,
}

/// What is wrong with a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WrongKind {
    /// The object at this place has no such field.
    Unknown {
        /// The Go name of the object, such as `PodSecurityContext`.
        object: &'static str,
        /// Objects that have it, for whoever put it in the wrong place.
        elsewhere: Vec<&'static str>,
    },
    /// The value is of another type.
    Type {
        /// Such as `a list`.
        expected: &'static str,
        /// Such as `text`.
        found: &'static str,
    },
}

/// What is wrong in an object of a Go type, such as `PodSpec` or `Deployment`. Of a type that is not known, nothing.
///
/// ```
/// use bareboat_audit::check::kubernetes::wrong_fields;
/// let spec = bareboat_formats::yaml::parse("hostnetwork: true", std::path::Path::new("pod.yaml")).unwrap();
/// assert_eq!(wrong_fields(&spec, "PodSpec")[0].path, "hostnetwork");
/// ```
pub fn wrong_fields(node: &Node, object: &str) -> Vec<Wrong> {
    let mut walk = Walk { path: Vec::new(), wrong: Vec::new() };
    if let Some((name, _)) = OBJECTS.get_key_value(object) {
        walk.value(node, &Type::Object(name));
    }
    walk.wrong
}

/// More than anybody reads: the rest of the document is taken as it is.
const MOST: usize = 1000;

struct Walk<'a> {
    path: Vec<Step<'a>>,
    wrong: Vec<Wrong>,
}

enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> Walk<'a> {
    fn value(&mut self, node: &'a Node, expected: &Type) {
        // Null is the same as not being there.
        if node.is_null() {
            return;
        }
        match (expected, &node.value) {
            (Type::Any, _) => {}
            (Type::Object(object), Value::Mapping(_)) => self.object(node, object),
            (Type::Map(of), Value::Mapping(entries)) => {
                for (key, value) in entries {
                    self.below(Step::Key(&key.text), value, of);
                }
            }
            (Type::List(of), Value::Sequence(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.below(Step::Item(index), item, of);
                }
            }
            _ if fits(expected, node.scalar()) => {}
            _ => self
                .push(node.span.clone(), WrongKind::Type { expected: expected.words(), found: kind(node) }),
        }
    }

    fn object(&mut self, node: &'a Node, object: &'static str) {
        let Some(fields) = OBJECTS.get(object) else { return };
        for (key, value) in node.entries() {
            match fields.get(&*key.text) {
                Some(expected) => self.below(Step::Key(&key.text), value, expected),
                None => {
                    self.path.push(Step::Key(&key.text));
                    self.push(key.span.clone(), WrongKind::Unknown { object, elsewhere: having(&key.text) });
                    self.path.pop();
                }
            }
        }
    }

    fn below(&mut self, step: Step<'a>, node: &'a Node, expected: &Type) {
        self.path.push(step);
        self.value(node, expected);
        self.path.pop();
    }

    fn push(&mut self, span: Range<usize>, kind: WrongKind) {
        if self.wrong.len() < MOST {
            self.wrong.push(Wrong { span, path: self.place(), kind });
        }
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if place.is_empty() => place.push_str(key),
                Step::Key(key) => place.extend([".", key]),
                Step::Item(index) => place.push_str(&format!("[{index}]")),
            }
        }
        place
    }
}

/// The objects that have a field.
fn having(field: &str) -> Vec<&'static str> {
    OBJECTS.iter().filter(|(_, fields)| fields.contains_key(field)).map(|(object, _)| *object).collect()
}

fn fits(expected: &Type, scalar: Option<Scalar<'_>>) -> bool {
    match (expected, scalar) {
        (Type::String, Some(Scalar::Text(_)))
        | (Type::Integer, Some(Scalar::Integer(_)))
        | (Type::Boolean, Some(Scalar::Boolean(_)))
        | (Type::IntegerOrString, Some(Scalar::Integer(_) | Scalar::Text(_)))
        // A quantity (`500m`, `1Gi`, `0.5`) is text or a number.
        | (Type::Number, Some(Scalar::Integer(_) | Scalar::Float(_) | Scalar::Text(_))) => true,
        // JSON has one kind of number, and `3.0` is whole.
        (Type::Integer, Some(Scalar::Float(number))) => number.fract() == 0.0,
        _ => false,
    }
}

/// What a value is, as Kubernetes takes it.
fn kind(node: &Node) -> &'static str {
    match node.scalar() {
        Some(Scalar::Boolean(_)) => "a boolean",
        Some(Scalar::Integer(_) | Scalar::Float(_)) => "a number",
        _ => node.kind(),
    }
}

impl Type {
    fn words(&self) -> &'static str {
        match self {
            Self::Object(_) | Self::Map(_) => "a mapping",
            Self::List(_) => "a list",
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Boolean => "true or false",
            Self::Number => "a quantity",
            Self::IntegerOrString => "a whole number or text",
            Self::Any => "anything",
        }
    }

    fn read(text: &'static str) -> Self {
        if let Some(of) = text.strip_prefix("list of ") {
            return Self::List(Box::new(Self::read(of)));
        }
        if let Some(of) = text.strip_prefix("map of ") {
            return Self::Map(Box::new(Self::read(of)));
        }
        match text {
            "string" => Self::String,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "quantity" => Self::Number,
            "integer or string" => Self::IntegerOrString,
            "any" => Self::Any,
            object => Self::Object(object),
        }
    }
}

/// Lines of objects, each with its fields below it, indented.
fn objects(table: &'static str) -> BTreeMap<&'static str, Fields> {
    let mut objects: BTreeMap<&'static str, Fields> = BTreeMap::new();
    let mut current = "";
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("    ").and_then(|field| field.split_once(": ")) {
            Some((name, of)) => {
                objects.entry(current).or_default().insert(name, Type::read(of));
            }
            None => current = line,
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(text: &str, object: &str) -> Vec<String> {
        let node = bareboat_formats::yaml::parse(text, Path::new("f.yaml")).unwrap();
        let told = |wrong: Wrong| match wrong.kind {
            WrongKind::Unknown { object, elsewhere } => {
                assert!(wrong.path.ends_with(&text[wrong.span]));
                format!("{} not in {object}, in {}", wrong.path, elsewhere.join(" "))
            }
            WrongKind::Type { expected, found } => {
                format!("{} expected {expected}, found {found}", wrong.path)
            }
        };
        wrong_fields(&node, object).into_iter().map(told).collect()
    }

    #[test]
    fn each_object_of_the_table_that_is_named_is_there() {
        fn named(of: &Type) -> Option<&'static str> {
            match of {
                Type::Object(object) => Some(object),
                Type::List(of) | Type::Map(of) => named(of),
                _ => None,
            }
        }
        let missing: Vec<_> = OBJECTS
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(named)
            .filter(|object| !OBJECTS.contains_key(object))
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
        assert!(OBJECTS.len() > 120 && OBJECTS.contains_key("PodSpec"));
    }

    #[test]
    fn a_field_in_the_wrong_place_is_told_with_the_places_that_have_it() {
        for (text, expected) in [
            (
                "securityContext: {readOnlyRootFilesystem: true}",
                "securityContext.readOnlyRootFilesystem not in PodSecurityContext, in SecurityContext",
            ),
            (
                "volumes: [{name: a, readOnly: true}]",
                "volumes[0].readOnly not in Volume, in AWSElasticBlockStoreVolumeSource",
            ),
            (
                "containers: [{name: a, imagepullPolicy: Always}]",
                "containers[0].imagepullPolicy not in Container, in ",
            ),
        ] {
            let told = told(text, "PodSpec");
            assert!(told.len() == 1 && told[0].starts_with(expected), "{text}: {told:?}");
        }
    }

    #[test]
    fn values_are_held_against_their_types() {
        for (text, expected) in [
            ("hostNetwork: yes", None),
            ("hostNetwork: 'yes'", Some("hostNetwork expected true or false, found text")),
            ("hostNetwork: null", None),
            ("hostname: 12", Some("hostname expected text, found a number")),
            ("containers: {name: a}", Some("containers expected a list, found a mapping")),
            (
                "containers: [{name: a, command: sh}]",
                Some("containers[0].command expected a list, found text"),
            ),
            (
                "containers: [{name: a, env: [{name: A, value: on}]}]",
                Some("containers[0].env[0].value expected text, found a boolean"),
            ),
            ("containers: [{name: a, resources: {limits: {cpu: 0.5, memory: 1Gi}}}]", None),
            ("containers: [{name: a, livenessProbe: {httpGet: {port: http}}}]", None),
            (
                "terminationGracePeriodSeconds: 1.5",
                Some("terminationGracePeriodSeconds expected a whole number, found a number"),
            ),
            ("volumes: [{name: a, configMap: {defaultMode: 0644}}]", None),
            ("nodeSelector: {a: b, c: 1}", Some("nodeSelector.c expected text, found a number")),
        ] {
            assert_eq!(told(text, "PodSpec"), expected.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn of_what_is_not_known_nothing_is_said() {
        assert_eq!(told("a: 1", "Ingress"), Vec::<String>::new());
        assert_eq!(told("status: {a: 1}\nmetadata: {labels: {a: b}}", "Deployment"), Vec::<String>::new());
    }
}
