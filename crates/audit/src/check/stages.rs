//! The stages of a Dockerfile, with what each has set when it ends.

use std::collections::BTreeMap;

use bareboat_formats::dockerfile::{Command, Dockerfile, Expanded, Instruction, Kind, Variable, expand};
use bareboat_model::Word;

/// A stage: from one `FROM` to the next.
#[derive(Clone, Debug)]
pub struct Stage<'a> {
    /// Its `FROM`, and what follows it.
    pub instructions: &'a [Instruction],
    /// What later stages call it, in lower case as Docker compares it.
    pub name: Option<String>,
    /// What it begins with.
    pub base: Base,
    /// Whether an image is below it, perhaps below the stages that it builds on: then settings may come from there.
    pub on_image: bool,
    /// What is set at its end, by it and by the stages that it builds on.
    pub settings: Settings<'a>,
}

/// What a stage begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Base {
    /// Nothing at all.
    Scratch,
    /// A stage before it, counted from 0.
    Stage(usize),
    /// An image.
    Image(Expanded),
}

/// What a stage sets. What is not set here, the image that it builds on says.
#[derive(Clone, Default, Debug)]
pub struct Settings<'a> {
    /// `ENV`
    pub environment: BTreeMap<String, Variable>,
    /// `USER`
    pub user: Option<Setting<'a>>,
    /// `WORKDIR`; each is relative to the one before.
    pub workdir: Option<Setting<'a>>,
    /// `SHELL`
    pub shell: Option<&'a [Word]>,
    /// `ENTRYPOINT`
    pub entrypoint: Option<&'a Command>,
    /// `CMD`; nothing once an `ENTRYPOINT` came behind that of the base, which Docker then drops.
    pub cmd: Option<&'a Command>,
    /// `HEALTHCHECK`; nothing inside for `NONE`.
    pub healthcheck: Option<Option<&'a Command>>,
}

/// A word with its place, and what it says.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// As written.
    pub word: &'a Word,
    /// Variables put in.
    pub value: Expanded,
}

/// The arguments that BuildKit sets by itself: what they are is not known before a build.
const OF_THE_BUILD: [&str; 8] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

/// The stages, in the order of the text.
///
/// ```
/// use bareboat_audit::check::stages::{Base, stages};
/// let text = b"ARG V=13\nFROM debian:$V AS build\nFROM scratch\nCOPY --from=build /a /a";
/// let file = bareboat_formats::dockerfile::parse(text, std::path::Path::new("Dockerfile")).unwrap();
/// assert_eq!(stages(&file)[1].base, Base::Scratch);
/// ```
pub fn stages(file: &Dockerfile) -> Vec<Stage<'_>> {
    let begins = |instruction: &Instruction| matches!(instruction.kind, Kind::From { .. });
    let first = file.instructions.iter().position(begins).unwrap_or(file.instructions.len());
    let (before, rest) = file.instructions.split_at(first);
    let mut global = Scope::new(file.escape, Variable::Unset);
    before.iter().for_each(|instruction| global.arguments(instruction, &BTreeMap::new()));
    let mut stages: Vec<Stage<'_>> = Vec::new();
    for instructions in rest.chunk_by(|_, next| !begins(next)) {
        stages.extend(Stage::read(instructions, &global, &stages));
    }
    stages
}

impl<'a> Stage<'a> {
    fn read(instructions: &'a [Instruction], global: &Scope, before: &[Stage<'a>]) -> Option<Self> {
        let Kind::From { image, name } = &instructions.first()?.kind else { return None };
        let base = match global.expand(&image.text) {
            Expanded::Text(name) if name == "scratch" => Base::Scratch,
            Expanded::Text(name) => {
                named(before, &name).map_or(Base::Image(Expanded::Text(name)), Base::Stage)
            }
            Expanded::Unknown => Base::Image(Expanded::Unknown),
        };
        let (mut settings, on_image) = match base {
            Base::Stage(index) => (before[index].settings.clone(), before[index].on_image),
            Base::Scratch => (Settings::default(), false),
            Base::Image(_) => (Settings::default(), true),
        };
        let other = if on_image { Variable::Unknown } else { Variable::Unset };
        let mut scope = Scope::new(global.escape, other);
        scope.environment = std::mem::take(&mut settings.environment);
        let mut has_cmd = false;
        for instruction in instructions.iter().filter(|instruction| !instruction.on_build) {
            scope.arguments(instruction, &global.arguments);
            scope.environment(instruction);
            settings.take(instruction, &scope, &mut has_cmd);
        }
        settings.environment = scope.environment;
        let name = name.as_ref().map(|name| name.text.to_lowercase());
        Some(Self { instructions, name, base, on_image, settings })
    }
}

/// The last stage of that name.
fn named(stages: &[Stage<'_>], name: &str) -> Option<usize> {
    stages.iter().rposition(|stage| stage.name.as_deref() == Some(&*name.to_lowercase()))
}

impl<'a> Settings<'a> {
    /// `has_cmd` tells whether this stage had a `CMD` of its own so far.
    fn take(&mut self, instruction: &'a Instruction, scope: &Scope, has_cmd: &mut bool) {
        let setting = |word: &'a Word| Some(Setting { word, value: scope.expand(&word.text) });
        match &instruction.kind {
            Kind::User(word) => self.user = setting(word),
            Kind::Workdir(word) => {
                let value = below(self.workdir.as_ref(), scope.expand(&word.text));
                self.workdir = Some(Setting { word, value });
            }
            Kind::Shell(words) => self.shell = Some(words),
            Kind::Cmd(command) => {
                self.cmd = Some(command);
                *has_cmd = true;
            }
            Kind::Entrypoint(command) => {
                self.entrypoint = Some(command);
                if !*has_cmd {
                    self.cmd = None;
                }
            }
            Kind::Healthcheck(command) => self.healthcheck = Some(command.as_ref()),
            _ => {}
        }
    }
}

/// A relative `WORKDIR` is below the one before; where that is the image's, it is not known.
fn below(before: Option<&Setting<'_>>, path: Expanded) -> Expanded {
    match (before.map(|before| &before.value), path) {
        (_, Expanded::Text(path)) if path.starts_with('/') => Expanded::Text(path),
        (Some(Expanded::Text(before)), Expanded::Text(path)) => {
            Expanded::Text(format!("{}/{path}", before.trim_end_matches('/')))
        }
        _ => Expanded::Unknown,
    }
}

/// What words can name.
struct Scope {
    escape: char,
    /// What a variable is that the text does not set: the image that a stage begins with may do it.
    other: Variable,
    arguments: BTreeMap<String, Variable>,
    environment: BTreeMap<String, Variable>,
}

impl Scope {
    fn new(escape: char, other: Variable) -> Self {
        Self { escape, other, arguments: BTreeMap::new(), environment: BTreeMap::new() }
    }

    /// An environment variable hides an argument of the same name.
    fn expand(&self, word: &str) -> Expanded {
        expand(word, self.escape, &|name| {
            let known = self.environment.get(name).or_else(|| self.arguments.get(name));
            known
                .unwrap_or(if OF_THE_BUILD.contains(&name) { &Variable::Unknown } else { &self.other })
                .clone()
        })
    }

    /// `ARG`: a default may be overruled by whoever builds, and is the best that the text tells.
    fn arguments(&mut self, instruction: &Instruction, global: &BTreeMap<String, Variable>) {
        let Kind::Arg(arguments) = &instruction.kind else { return };
        for (name, default) in arguments {
            let value = match default {
                Some(word) => variable(self.expand(&word.text)),
                None => global.get(&name.text).cloned().unwrap_or(Variable::Unknown),
            };
            self.arguments.insert(name.text.clone(), value);
        }
    }

    /// `ENV`: all its values see what was there before it.
    fn environment(&mut self, instruction: &Instruction) {
        let Kind::Env(pairs) = &instruction.kind else { return };
        let text = |word: &Word| match self.expand(&word.text) {
            Expanded::Text(text) => Some(text),
            Expanded::Unknown => None,
        };
        let values: Vec<_> = pairs
            .iter()
            .filter_map(|(name, value)| Some((text(name)?, variable(self.expand(&value.text)))))
            .collect();
        self.environment.extend(values);
    }
}

fn variable(value: Expanded) -> Variable {
    match value {
        Expanded::Text(text) => Variable::Known(text),
        Expanded::Unknown => Variable::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let file = bareboat_formats::dockerfile::parse(text.as_bytes(), Path::new("Dockerfile")).unwrap();
        let value = |value: &Expanded| match value {
            Expanded::Text(text) => text.clone(),
            Expanded::Unknown => "?".to_owned(),
        };
        let command = |command: &Command| match command {
            Command::Exec(words) => words.iter().map(|word| &*word.text).collect::<Vec<_>>().join(","),
            Command::Shell(line) => format!("sh {}", line.text),
        };
        let told = |stage: &Stage<'_>| {
            let mut told = match &stage.base {
                Base::Scratch => "scratch".to_owned(),
                Base::Stage(index) => format!("stage {index}"),
                Base::Image(image) => value(image),
            };
            let settings = &stage.settings;
            for (name, set) in [("user", &settings.user), ("in", &settings.workdir)] {
                told += &set.as_ref().map_or(String::new(), |set| format!(" {name} {}", value(&set.value)));
            }
            for (name, set) in &settings.environment {
                let set = if let Variable::Known(text) = set { text } else { "?" };
                told += &format!(" {name}={set}");
            }
            for (name, set) in [("entry", settings.entrypoint), ("cmd", settings.cmd)] {
                told += &set.map_or(String::new(), |set| format!(" {name} {}", command(set)));
            }
            told
        };
        stages(&file).iter().map(told).collect()
    }

    #[test]
    fn each_stage_has_what_it_and_those_below_it_set() {
        for (text, expected) in [
            ("ARG V=13\nFROM debian:$V\nFROM debian:${W:-12}", vec!["debian:13", "debian:12"]),
            ("ARG V\nFROM debian:$V", vec!["?"]),
            (
                "FROM --platform=$BUILDPLATFORM go AS B\nFROM b\nFROM scratch",
                vec!["go", "stage 0", "scratch"],
            ),
            ("FROM a AS x\nFROM b AS x\nFROM X", vec!["a", "b", "stage 1"]),
            ("FROM a\nUSER 1\nWORKDIR /a\nWORKDIR b\nUSER 2:3", vec!["a user 2:3 in /a/b"]),
            ("FROM a\nWORKDIR b", vec!["a in ?"]),
            ("FROM scratch\nENV A=1 B=$A\nENV B=${A}2\nENV C=$D", vec!["scratch A=1 B=12 C="]),
            ("FROM a\nENV P=$PATH:/x", vec!["a P=?"]),
            ("FROM a AS b\nENV A=1\nFROM b\nUSER u$A", vec!["a A=1", "stage 0 user u1 A=1"]),
            ("ARG V=1\nFROM a\nENV A=$V\nARG V\nENV B=$V\nARG W=$V-w\nENV C=$W", vec!["a A=? B=1 C=1-w"]),
            ("FROM a\nENV T=$TARGETARCH", vec!["a T=?"]),
            ("FROM a AS b\nCMD x\nFROM b\nENTRYPOINT [\"e\",\"f\"]", vec!["a cmd sh x", "stage 0 entry e,f"]),
            ("FROM a\nCMD [\"x\"]\nENTRYPOINT [\"e\"]", vec!["a entry e cmd x"]),
            ("FROM a\nONBUILD USER 1", vec!["a"]),
            ("RUN x", vec![]),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }
}
