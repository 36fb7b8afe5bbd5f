//! From lines to instructions.

use std::path::Path;

use bareboat_model::{Error, Result, Word, error_at, escape};

use super::lines::{Lines, Text};
use super::words::{blank_separated, exec_form, quoted_words, word_end};
use super::{Command, Dockerfile, Document, Flag, Instruction, Kind};

/// More than any person writes.
const LARGEST: usize = 1 << 20;

/// Reads a Dockerfile. `file` is what messages call it; nothing is read from disk.
///
/// # Errors
/// When the text is too large, or no text. All else that is wrong is among the [`Dockerfile::problems`].
///
/// ```
/// use bareboat_formats::dockerfile::{Command, Kind, parse};
/// let read = parse(b"FROM debian\nCMD echo $HOME", std::path::Path::new("Dockerfile")).unwrap();
/// assert!(matches!(&read.instructions[1].kind, Kind::Cmd(Command::Shell(line)) if line.text == "echo $HOME"));
/// ```
pub fn parse(bytes: &[u8], file: &Path) -> Result<Dockerfile> {
    let shown = || escape(&file.display().to_string());
    if bytes.len() > LARGEST {
        let found = bytes.len();
        return Err(Error::new(format!(
            "cannot read `{}`: {found} bytes, expected at most {LARGEST}",
            shown()
        )));
    }
    let source = std::str::from_utf8(bytes).map_err(|error| {
        let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        error_at(file, good, good.len()..good.len(), "this is no UTF-8")
    })?;
    let mut lines = Lines::new(source);
    let mut instructions = Vec::new();
    while let Some(text) = lines.logical() {
        instructions.push(Reader { lines: &mut lines, text }.instruction());
    }
    let Lines { escape, syntax, comments, mut problems, .. } = lines;
    problems.sort_by_key(|problem| problem.span.start);
    Ok(Dockerfile { escape, syntax, instructions, comments, problems })
}

struct Reader<'l, 's> {
    lines: &'l mut Lines<'s>,
    text: Text,
}

impl Reader<'_, '_> {
    fn instruction(mut self) -> Instruction {
        let start = self.text.span(0..0).start;
        let mut keyword = self.keyword();
        let on_build = keyword.text == "ONBUILD";
        if on_build {
            keyword = self.keyword();
            if matches!(&*keyword.text, "ONBUILD" | "FROM" | "MAINTAINER") {
                self.problem(&keyword, &format!("{} cannot stand behind ONBUILD", keyword.text));
            }
        }
        let flags = self.flags(&keyword);
        let documents = match &*keyword.text {
            "RUN" | "COPY" | "ADD" => self.documents(),
            _ => Vec::new(),
        };
        let kind = self.kind(&keyword);
        Instruction { span: start..self.lines.end(), keyword, on_build, flags, kind, documents }
    }

    fn problem(&mut self, at: &Word, message: &str) {
        self.lines.problem(at.span.clone(), message);
    }

    /// The first word, in upper case; what is read next stands behind it.
    fn keyword(&mut self) -> Word {
        let end = self.text.text.find(char::is_whitespace).unwrap_or(self.text.text.len());
        let word = self.text.word(0..end);
        self.text = self.text.behind(end);
        Word { text: word.text.to_ascii_uppercase(), span: word.span }
    }

    /// `--NAME[=VALUE]` words; `--` ends them. What stands behind them is read next.
    fn flags(&mut self, keyword: &Word) -> Vec<Flag> {
        let known: &[&str] = match &*keyword.text {
            "FROM" => &["platform"],
            "COPY" => &["from", "chown", "chmod", "link", "parents", "exclude"],
            "ADD" => &["chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"],
            "RUN" => &["mount", "network", "security", "device"],
            "HEALTHCHECK" => &["interval", "timeout", "start-period", "start-interval", "retries"],
            _ => return Vec::new(),
        };
        let mut flags = Vec::new();
        while self.text.text.starts_with("--") {
            let end = word_end(&self.text.text, 0, self.lines.escape);
            let word = self.text.word(0..end);
            let equals = word.text.find('=');
            let value = equals.map(|at| self.text.word(at + 1..end));
            self.text = self.text.behind(end);
            if word.text == "--" {
                break;
            }
            let name = word.text[2..equals.unwrap_or(end)].to_owned();
            if !known.contains(&&*name) {
                self.problem(&word, &format!("{} has no flag --{}", keyword.text, escape(&name)));
            }
            flags.push(Flag { name, value, span: word.span });
        }
        flags
    }

    /// The here-documents that the line names; their lines follow it.
    fn documents(&mut self) -> Vec<Document> {
        if exec_form(&self.text).is_some() {
            return Vec::new();
        }
        let named: Vec<Name> = quoted_words(&self.text.text, self.lines.escape)
            .into_iter()
            .filter_map(|word| Name::of(&self.text.text[word]))
            .collect();
        named.into_iter().map(|name| self.lines.document(&name.text, name.expands, name.strip)).collect()
    }

    fn kind(&mut self, keyword: &Word) -> Kind {
        let kind = match &*keyword.text {
            "FROM" => self.from(),
            "ARG" => self.arguments().map(Kind::Arg),
            "ENV" => self.pairs().map(Kind::Env),
            "LABEL" => self.pairs().map(Kind::Label),
            "COPY" | "ADD" => self.copy(),
            "RUN" => self.command().map(Kind::Run),
            "CMD" => self.command().map(Kind::Cmd),
            "ENTRYPOINT" => self.command().map(Kind::Entrypoint),
            "HEALTHCHECK" => self.healthcheck(),
            "SHELL" => exec_form(&self.text)
                .filter(|words| !words.is_empty())
                .map(Kind::Shell)
                .ok_or("expected a list of strings in JSON, such as [\"/bin/sh\", \"-c\"]"),
            "USER" => self.one().map(Kind::User),
            "WORKDIR" => self.one().map(Kind::Workdir),
            "STOPSIGNAL" => self.one().map(Kind::StopSignal),
            "VOLUME" => self.several().map(Kind::Volume),
            "EXPOSE" => self.several().map(Kind::Expose),
            "MAINTAINER" => Ok(Kind::Other),
            _ => Err("Docker knows no such instruction"),
        };
        kind.unwrap_or_else(|wrong| {
            let message = match wrong {
                "Docker knows no such instruction" => format!("{wrong}: {}", escape(&keyword.text)),
                _ => format!("{}: {wrong}", keyword.text),
            };
            self.problem(keyword, &message);
            Kind::Other
        })
    }

    fn from(&self) -> Result<Kind, &'static str> {
        let mut words = blank_separated(&self.text).into_iter();
        let image = words.next().ok_or("expected an image")?;
        let rest: Vec<Word> = words.collect();
        match <[Word; 2]>::try_from(rest) {
            Ok([by, name]) if by.text.eq_ignore_ascii_case("as") => {
                Ok(Kind::From { image, name: Some(name) })
            }
            Err(rest) if rest.is_empty() => Ok(Kind::From { image, name: None }),
            _ => Err("expected IMAGE or IMAGE AS NAME"),
        }
    }

    fn arguments(&self) -> Result<Vec<(Word, Option<Word>)>, &'static str> {
        let words = quoted_words(&self.text.text, self.lines.escape);
        if words.is_empty() {
            return Err("expected NAME or NAME=VALUE");
        }
        Ok(words
            .into_iter()
            .map(|word| match self.text.text[word.clone()].find('=') {
                Some(equals) => (
                    self.text.word(word.start..word.start + equals),
                    Some(self.text.word(word.start + equals + 1..word.end)),
                ),
                None => (self.text.word(word), None),
            })
            .collect())
    }

    /// `NAME=VALUE…`; when the first word has no `=`, it is a name, and all behind it the value.
    fn pairs(&self) -> Result<Vec<(Word, Word)>, &'static str> {
        let words = quoted_words(&self.text.text, self.lines.escape);
        let first = words.first().ok_or("expected NAME=VALUE")?.clone();
        if !self.text.text[first.clone()].contains('=') {
            let value = self.text.behind(first.end).whole();
            return match words.len() {
                1 => Err("expected NAME=VALUE"),
                _ => Ok(vec![(self.text.word(first), value)]),
            };
        }
        words
            .into_iter()
            .map(|word| {
                let equals =
                    word.start + self.text.text[word.clone()].find('=').ok_or("expected NAME=VALUE")?;
                Ok((self.text.word(word.start..equals), self.text.word(equals + 1..word.end)))
            })
            .collect()
    }

    fn copy(&self) -> Result<Kind, &'static str> {
        let mut sources = self.several()?;
        let to = sources.pop().filter(|_| !sources.is_empty()).ok_or("expected SOURCE… and DESTINATION")?;
        Ok(Kind::Copy { sources, to })
    }

    fn healthcheck(&mut self) -> Result<Kind, &'static str> {
        let how = self.keyword();
        match &*how.text {
            "NONE" => Ok(Kind::Healthcheck(None)),
            "CMD" => Ok(Kind::Healthcheck(Some(self.command()?))),
            _ => Err("expected CMD or NONE"),
        }
    }

    fn command(&self) -> Result<Command, &'static str> {
        Ok(match exec_form(&self.text) {
            Some(words) => Command::Exec(words),
            None => Command::Shell(self.text.clone()),
        })
    }

    /// A list of strings in JSON, else words between white space.
    fn several(&self) -> Result<Vec<Word>, &'static str> {
        let words = exec_form(&self.text).unwrap_or_else(|| blank_separated(&self.text));
        if words.is_empty() { Err("expected at least one word") } else { Ok(words) }
    }

    fn one(&self) -> Result<Word, &'static str> {
        if self.text.text.is_empty() { Err("expected a word") } else { Ok(self.text.whole()) }
    }
}

/// What a word says of a here-document: `<<NAME`, `<<-NAME`, `<<"NAME"`, with a file descriptor before it.
struct Name {
    text: String,
    expands: bool,
    strip: bool,
}

impl Name {
    fn of(word: &str) -> Option<Self> {
        let said = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
        let (said, strip) = said.strip_prefix('-').map_or((said, false), |rest| (rest, true));
        // `<<<` is a string, not a document.
        if said.is_empty() || said.contains('<') {
            return None;
        }
        let text: String = said.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        let expands = text.len() == said.len();
        (!text.is_empty()).then_some(Self { text, expands, strip })
    }
}
