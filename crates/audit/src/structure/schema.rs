//! What a test file says, in container-structure-test's schemas 1.0.0 and 2.0.0.
//!
//! 2.0.0 gives commands their arguments apart, and adds the metadata test, options for the container, and owners and
//! executable bits of files. Everything else is the same in both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bareboat_model::{ImagePath, Place};

use super::Pattern;

/// A test file. Its tests stand in the order in which they run.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// The file, as the person named it.
    pub file: PathBuf,
    /// Set for every test.
    pub global_env: Vec<Variable>,
    /// How commands run.
    pub options: RunOptions,
    /// Commands, then contents, existence, licences and metadata.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it is called; of licences and metadata, which have no name, nothing.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// What it asks.
    pub kind: TestKind,
}

/// What a [`Test`] asks.
#[derive(Clone, Debug)]
pub enum TestKind {
    /// That a program behaves.
    Command(CommandTest),
    /// That a file says what it should.
    Content(ContentTest),
    /// That a file is there, or is not.
    Existence(ExistenceTest),
    /// That no forbidden licence is in the image.
    Licence(LicenceTest),
    /// That the image's config says what it should.
    Metadata(MetadataTest),
}

impl TestKind {
    /// What it is called in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Content(_) => "file content",
            Self::Existence(_) => "file existence",
            Self::Licence(_) => "licence",
            Self::Metadata(_) => "metadata",
        }
    }
}

/// `commandTests`.
#[derive(Clone, Debug)]
pub struct CommandTest {
    /// Run before, in the same container.
    pub setup: Vec<Vec<String>>,
    /// Run afterwards, in the same container.
    pub teardown: Vec<Vec<String>>,
    /// Set for this test, over the global ones.
    pub env: Vec<Variable>,
    /// The program and its arguments. No shell is between.
    pub command: Vec<String>,
    /// How it must end.
    pub exit_code: i64,
    /// What standard output must match, all of it.
    pub expected_output: Vec<Pattern>,
    /// What standard output must not match.
    pub excluded_output: Vec<Pattern>,
    /// What standard error must match, all of it.
    pub expected_error: Vec<Pattern>,
    /// What standard error must not match.
    pub excluded_error: Vec<Pattern>,
}

/// `fileContentTests`.
#[derive(Clone, Debug)]
pub struct ContentTest {
    /// The file.
    pub path: ImagePath,
    /// What it must match, all of it.
    pub expected: Vec<Pattern>,
    /// What it must not match.
    pub excluded: Vec<Pattern>,
}

/// `fileExistenceTests`.
#[derive(Clone, Debug)]
pub struct ExistenceTest {
    /// The path as written: in 2.0.0 it may name variables of the environment.
    pub path: String,
    /// Whether variables in the path stand for their values.
    pub expands: bool,
    /// Whether it must be there. All else is asked only if so.
    pub should_exist: bool,
    /// Its mode as Go writes one: `-rw-r--r--`, `Lrwxrwxrwx`, `dtrwxrwxrwx`.
    pub permissions: Option<String>,
    /// The number of its owner.
    pub uid: Option<u64>,
    /// The number of its group.
    pub gid: Option<u64>,
    /// Who can execute it.
    pub executable_by: Option<Executor>,
}

/// Whose executable bit is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Executor {
    /// The owner's.
    Owner,
    /// The group's.
    Group,
    /// Everybody else's.
    Other,
    /// At least one of the three.
    Any,
}

/// `licenseTests`.
#[derive(Clone, Debug)]
pub struct LicenceTest {
    /// Whether the copyright files of Debian's packages are read.
    pub debian: bool,
    /// More files to read.
    pub files: Vec<ImagePath>,
}

/// `metadataTest`.
#[derive(Clone, Default, Debug)]
pub struct MetadataTest {
    /// Variables of the environment with their values.
    pub env: Vec<Expected>,
    /// Variables that must not be set.
    pub unbound: Vec<String>,
    /// Labels with their values.
    pub labels: Vec<Expected>,
    /// The whole entrypoint, when it is asked for.
    pub entrypoint: Option<Vec<String>>,
    /// The whole command, when it is asked for.
    pub cmd: Option<Vec<String>>,
    /// Ports that must be exposed.
    pub exposed_ports: Vec<String>,
    /// Ports that must not be exposed.
    pub unexposed_ports: Vec<String>,
    /// Volumes that must be declared.
    pub volumes: Vec<String>,
    /// Volumes that must not be declared.
    pub unmounted_volumes: Vec<String>,
    /// The working directory, when it is asked for.
    pub workdir: Option<String>,
    /// The user, when it is asked for.
    pub user: Option<String>,
}

/// A name that must have a value.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The name.
    pub key: String,
    /// Its value.
    pub value: ExpectedValue,
}

/// What a value must be.
#[derive(Clone, Debug)]
pub enum ExpectedValue {
    /// This, exactly.
    Exactly(String),
    /// Something that this is found in.
    Matching(Pattern),
}

/// A variable of the environment to set. The value may name others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// `containerRunOptions`, as far as there is a container without an engine.
#[derive(Clone, Default, Debug)]
pub struct RunOptions {
    /// The user in place of the image's.
    pub user: Option<String>,
    /// Whether the program has a terminal.
    pub terminal: Option<Place>,
    /// A file of this machine with variables.
    pub env_file: Option<(PathBuf, Place)>,
    /// Variables of this machine's environment to hand on.
    pub host_env: BTreeMap<String, Place>,
    /// Capabilities beyond the usual ones.
    pub capabilities: BTreeMap<String, Place>,
    /// Folders and files of this machine to show.
    pub mounts: Vec<(BindMount, Place)>,
}

/// A folder or file of this machine, shown in the container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindMount {
    /// Where it is on this machine.
    pub source: PathBuf,
    /// Where it appears.
    pub target: ImagePath,
    /// Whether it can only be read.
    pub read_only: bool,
}
