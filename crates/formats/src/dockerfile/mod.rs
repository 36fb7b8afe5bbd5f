//! Dockerfiles (and Containerfiles) as instructions that know where they stand.
//!
//! Read as BuildKit reads them (`frontend/dockerfile/parser` and `instructions`): parser directives, continued lines,
//! comments between them, here-documents, exec form and shell form. By hand, because the crates that do it know no
//! here-documents and no `escape` directive, and stop at what they do not know. What Docker would refuse is a [`Problem`]
//! with its place, and the reading goes on behind it.

mod expand;
mod lines;
mod read;
#[cfg(test)]
mod tests;
mod words;

use std::ops::Range;

use bareboat_model::Word;

pub use expand::{Expanded, Variable, expand};
pub use lines::Text;
pub use read::parse;

/// A Dockerfile, read.
#[derive(Clone, Debug)]
pub struct Dockerfile {
    /// The character that escapes and continues lines: `\`, or a backquote where a directive says so.
    pub escape: char,
    /// The frontend that the `syntax` directive names.
    pub syntax: Option<Word>,
    /// In the order of the text.
    pub instructions: Vec<Instruction>,
    /// What stands behind `#`, directives left out; in the order of the text.
    pub comments: Vec<Word>,
    /// What Docker would refuse, in the order of the text.
    pub problems: Vec<Problem>,
}

/// Something that Docker would refuse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The bytes of the source that it is about.
    pub span: Range<usize>,
    /// What is wrong, in words.
    pub message: String,
}

/// One instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// From the keyword to the end of its last line, here-documents included.
    pub span: Range<usize>,
    /// In upper case, as `COPY`.
    pub keyword: Word,
    /// Whether it stands behind `ONBUILD`, and is done when somebody builds on the image.
    pub on_build: bool,
    /// `--NAME=VALUE`, before all else.
    pub flags: Vec<Flag>,
    /// What it says.
    pub kind: Kind,
    /// What follows it as here-documents; of `COPY`, `ADD` and `RUN` only.
    pub documents: Vec<Document>,
}

/// A flag of an instruction, such as `--from=build`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flag {
    /// `from`
    pub name: String,
    /// `build`; nothing of a flag that only is there.
    pub value: Option<Word>,
    /// The whole flag.
    pub span: Range<usize>,
}

/// What an [`Instruction`] says. Words are as written: variables stand in them, see [`expand`].
#[derive(Clone, Debug)]
pub enum Kind {
    /// `FROM IMAGE [AS NAME]`: a stage begins.
    From {
        /// An image, or the name of a stage before.
        image: Word,
        /// What later stages call it.
        name: Option<Word>,
    },
    /// `ARG NAME[=VALUE]…`
    Arg(Vec<(Word, Option<Word>)>),
    /// `ENV NAME=VALUE…`, or the old `ENV NAME VALUE`.
    Env(Vec<(Word, Word)>),
    /// `LABEL NAME=VALUE…`
    Label(Vec<(Word, Word)>),
    /// `COPY SOURCE… TO`; also `ADD`, which the keyword tells.
    Copy {
        /// Files, folders, patterns and names of here-documents.
        sources: Vec<Word>,
        /// A file, or a folder that ends with a slash.
        to: Word,
    },
    /// `RUN …`
    Run(Command),
    /// `CMD …`
    Cmd(Command),
    /// `ENTRYPOINT …`
    Entrypoint(Command),
    /// `HEALTHCHECK CMD …`; nothing of `HEALTHCHECK NONE`.
    Healthcheck(Option<Command>),
    /// `SHELL ["…"]`: what runs shell form from here on.
    Shell(Vec<Word>),
    /// `USER NAME[:GROUP]`
    User(Word),
    /// `WORKDIR PATH`
    Workdir(Word),
    /// `VOLUME PATH…`
    Volume(Vec<Word>),
    /// `EXPOSE PORT[/PROTOCOL]…`
    Expose(Vec<Word>),
    /// `STOPSIGNAL SIGNAL`
    StopSignal(Word),
    /// `MAINTAINER …`, and what is a [`Problem`].
    Other,
}

/// A command of an instruction.
#[derive(Clone, Debug)]
pub enum Command {
    /// `["PROGRAM", "ARGUMENT", …]`: a program is started with these words, and nothing is expanded.
    Exec(Vec<Word>),
    /// All else: a line for a shell.
    Shell(Text),
}

/// A here-document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// What it is called, quotes taken off.
    pub name: String,
    /// Whether variables in it are expanded: its name was written without quotes.
    pub expands: bool,
    /// Its lines, where asked for without their leading tabs; as in the source otherwise.
    pub text: String,
    /// Its lines in the source, without the one that ends it.
    pub span: Range<usize>,
}

impl Instruction {
    /// The value of a flag; the last one, if it is there several times.
    pub fn flag(&self, name: &str) -> Option<&Word> {
        self.flags.iter().rev().find(|flag| flag.name == name)?.value.as_ref()
    }
}
