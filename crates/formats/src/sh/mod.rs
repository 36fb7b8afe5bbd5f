//! Shell scripts (POSIX.1-2024, XCU 2) as values: what stands in them, not what they do.
//!
//! Written by hand because nothing else is bounded: maintainer scripts come from packages, and the parsers there
//! are recurse or backtrack as deep as the input says. Covers what Debian Policy 10.4 lets a `/bin/sh` script use, and of
//! bash `[[ … ]]` and `function`, as commands like others.

mod commands;
mod words;

use std::sync::Arc;

use bareboat_model::Result;

/// The longest script that is read; Debian's longest has some 100 kB.
const LONGEST: usize = 1 << 20;
/// How deep commands, substitutions and words may stand in one another.
const DEEPEST: usize = 64;

/// Commands one after another.
pub type List = Vec<Command>;

/// One command, simple or compound, with the line in which it begins (from 1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// The line, from 1.
    pub line: usize,
    /// What it is.
    pub kind: CommandKind,
    /// Where its input and output go.
    pub redirects: Vec<Redirect>,
}

/// The kinds of commands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandKind {
    /// `NAME=VALUE… WORD…`
    Simple {
        /// The assignments before the first word.
        assignments: Vec<(String, Word)>,
        /// The name and the arguments; empty when there are only assignments or redirections.
        words: Vec<Word>,
    },
    /// `A && B || C …`, from left to right; a list, because a script may have any number of them.
    AndOr {
        /// What is done in any case.
        first: Box<Command>,
        /// What else, and when.
        rest: Vec<(Joint, Command)>,
    },
    /// `! A`
    Not(Box<Command>),
    /// `A | B | …`, two or more.
    Pipeline(Vec<Command>),
    /// `if … then … elif … then … else … fi`
    If {
        /// Conditions with what is done when they hold.
        branches: Vec<(List, List)>,
        /// What is done when none does.
        otherwise: List,
    },
    /// `for NAME in WORD…; do … done`; without `in`, over the arguments.
    For {
        /// The variable.
        name: String,
        /// The values.
        words: Option<Vec<Word>>,
        /// What is done with each.
        body: List,
    },
    /// `while … do … done`, or `until`.
    While {
        /// Whether it is `until`.
        until: bool,
        /// What is asked before each round.
        condition: List,
        /// What is done in each.
        body: List,
    },
    /// `case WORD in PATTERN|…) … ;; esac`
    Case {
        /// What is looked at.
        word: Word,
        /// Patterns, and what is done when one of them matches.
        arms: Vec<(Vec<Word>, List)>,
    },
    /// `{ … }`
    Group(List),
    /// `( … )`
    Subshell(List),
    /// `NAME() …`
    Function {
        /// The name.
        name: String,
        /// What a call does; shared, because a script may define it again and again.
        body: Arc<Command>,
    },
}

/// What stands between two commands of [`CommandKind::AndOr`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Joint {
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A word: parts that stand side by side.
pub type Word = Vec<Part>;

/// A part of a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Text as it is; `quoted` text is neither split nor a pattern.
    Text {
        /// The characters.
        text: String,
        /// Whether it stands in quotes or behind a backslash.
        quoted: bool,
    },
    /// `$NAME`, `${NAME}`, `${NAME…}`
    Variable {
        /// The name: an identifier, a digit, or one of `@*#?$!-`.
        name: String,
        /// What is done with the value.
        operation: Operation,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
    /// `$(…)` or `` `…` ``
    Substitution {
        /// The commands whose output it stands for.
        commands: List,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
    /// `$((…))`: not read any further.
    Arithmetic,
}

/// What `${NAME…}` does with the value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Nothing.
    None,
    /// `${#NAME}`
    Length,
    /// `${NAME:-WORD}`, and `${NAME-WORD}` without `empty_too`.
    Default {
        /// What stands in.
        word: Word,
        /// Whether an empty value counts as none.
        empty_too: bool,
    },
    /// `${NAME:=WORD}`, `${NAME=WORD}`
    Assign {
        /// What stands in, and is the value from then on.
        word: Word,
        /// Whether an empty value counts as none.
        empty_too: bool,
    },
    /// `${NAME:+WORD}`, `${NAME+WORD}`
    Alternative {
        /// What stands instead of a value.
        word: Word,
        /// Whether an empty value counts as none.
        empty_too: bool,
    },
    /// `${NAME#WORD}`, `${NAME##WORD}`
    RemovePrefix {
        /// The pattern.
        pattern: Word,
        /// Whether as much as possible goes.
        longest: bool,
    },
    /// `${NAME%WORD}`, `${NAME%%WORD}`
    RemoveSuffix {
        /// The pattern.
        pattern: Word,
        /// Whether as much as possible goes.
        longest: bool,
    },
    /// Anything else, such as bash's `${NAME/…/…}`: not read any further.
    Other,
}

/// `2>FILE` and its like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirect {
    /// The file descriptor.
    pub descriptor: u32,
    /// What kind.
    pub kind: RedirectKind,
    /// The file, the other descriptor, or the text of a here-document.
    pub target: Word,
}

/// The kinds of redirections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RedirectKind {
    /// `<`
    Input,
    /// `>` and `>|`
    Output,
    /// `>>`
    Append,
    /// `<&`, `>&`
    Duplicate,
    /// `<<`, with the text as target
    Document,
}

/// Reads a script.
///
/// ```
/// use bareboat_formats::sh::{CommandKind, parse};
/// let script = parse("#!/bin/sh\nset -e\nfor i in a b; do echo \"$i\"; done\n").unwrap();
/// assert_eq!(script.len(), 2);
/// assert!(matches!(script[1].kind, CommandKind::For { .. }));
/// ```
///
/// # Errors
/// When it is no shell script, or one that is too long or too deep; the message names the line.
pub fn parse(text: &str) -> Result<List> {
    commands::parse(text)
}

#[cfg(test)]
mod tests;
