//! What is started in containers, whoever says so: a Dockerfile, a manifest, a compose file. Rules look at this.

use std::ops::Range;

use bareboat_model::Word;

/// A container, as a file describes it. What it does not say, the image's own settings say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Container {
    /// Such as `Deployment/web, container app`.
    pub name: String,
    /// Where it is described.
    pub span: Range<usize>,
    /// The image that it is made of, as written; nothing where the file builds it.
    pub image: Option<Word>,
    /// What is started in it, in the order of the text.
    pub starts: Vec<Start>,
    /// What is set for it, with the name of the variable; nothing where the value comes from elsewhere.
    pub environment: Vec<(Word, Option<Word>)>,
    /// Who runs it.
    pub user: Option<Word>,
    /// Where it runs.
    pub workdir: Option<Word>,
    /// Whether its root can only be read, where the file says it.
    pub read_only: Option<bool>,
    /// Where something is mounted, and whether it can be written.
    pub mounts: Vec<(Word, bool)>,
}

/// A command that somebody will start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Start {
    /// Who starts it, and when.
    pub by: By,
    /// The key or keyword that says so.
    pub span: Range<usize>,
    /// What is started.
    pub line: Line,
}

/// Who starts a command, and when.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum By {
    /// While the image is built.
    Build,
    /// As the container's program: its first words.
    Entrypoint,
    /// As the container's program: what stands behind its first words, or all of it.
    Arguments,
    /// To see whether it lives.
    Healthcheck,
    /// Kubernetes' probes.
    Probe(Probe),
    /// When it was started.
    PostStart,
    /// Before it is stopped.
    PreStop,
}

/// Kubernetes' probes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Probe {
    /// `startupProbe`
    Startup,
    /// `readinessProbe`
    Readiness,
    /// `livenessProbe`
    Liveness,
}

/// What is started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// A program with its arguments, as they are.
    Exec(Vec<Word>),
    /// A line for the image's shell.
    Shell(Word),
}
