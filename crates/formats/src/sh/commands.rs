//! From words to commands: the shell's grammar (POSIX.1-2024, XCU 2.10), by recursive descent.

use std::sync::Arc;

use bareboat_model::{Error, Result};

use super::words::Reader;
use super::{Command, CommandKind, Joint, LONGEST, List, Part, Redirect, RedirectKind, Word};

pub(super) fn parse(text: &str) -> Result<List> {
    if text.len() > LONGEST {
        return Err(Error::new(format!("it has {} bytes, at most {LONGEST} are read", text.len())));
    }
    let mut reader = Reader::new(text, 1, 0)?;
    reader.whole()
}

/// Words that mean something where a command begins.
const ENDS: [&str; 9] = ["then", "else", "elif", "fi", "do", "done", "esac", "}", ";;"];

/// Stands in a redirection until the text of its here-document is read.
fn placeholder(number: usize) -> Word {
    vec![Part::Text { text: number.to_string(), quoted: true }]
}

/// The longest pipeline of Debian's scripts has six commands.
const MOST_STAGES: usize = 1000;

impl Reader<'_> {
    /// All of the text.
    pub(super) fn whole(&mut self) -> Result<List> {
        let mut list = self.list(&[])?;
        self.end_line()?;
        self.skip_to_command()?;
        if !self.rest().is_empty() {
            let here: String = self.rest().chars().take_while(|c| !c.is_whitespace()).take(20).collect();
            return Err(self.wrong(&format!("`{}` is not expected here", bareboat_model::escape(&here))));
        }
        for command in &mut list {
            fill(command, &self.documents);
        }
        Ok(list)
    }

    /// Passes blanks, comments, line ends and `;`.
    pub(super) fn skip_to_command(&mut self) -> Result<()> {
        loop {
            self.skip_blanks();
            if self.rest().starts_with(";;") {
                return Ok(());
            }
            if self.take("\n") {
                self.end_line()?;
            } else if !self.take(";") {
                return Ok(());
            }
        }
    }

    fn skip_lines(&mut self) -> Result<()> {
        loop {
            self.skip_blanks();
            if !self.take("\n") {
                return Ok(());
            }
            self.end_line()?;
        }
    }

    /// Commands up to one of `ends`, a closing bracket, or the end.
    pub(super) fn list(&mut self, ends: &[&str]) -> Result<List> {
        let mut list = List::new();
        loop {
            self.skip_to_command()?;
            let next = self.reserved();
            let over =
                self.rest().is_empty() || self.rest().starts_with(')') || self.rest().starts_with(";;");
            if over || ends.contains(&next) {
                return Ok(list);
            }
            if ENDS.contains(&next) {
                return Err(self.wrong(&format!("`{next}` is not expected here")));
            }
            list.push(self.and_or()?);
            self.skip_blanks();
            // In the background or not: it is done all the same.
            if self.rest().starts_with('&') && !self.rest().starts_with("&&") {
                self.next();
            }
        }
    }

    /// The unquoted word here, if it could be a reserved one.
    fn reserved(&self) -> &'static str {
        const ALL: [&str; 17] = [
            "then", "else", "elif", "fi", "do", "done", "esac", "}", "if", "for", "while", "until", "case",
            "{", "!", "function", "in",
        ];
        let rest = self.rest();
        let end = rest.find([' ', '\t', '\n', '\r', ';', '&', '|', '<', '>', '(', ')']).unwrap_or(rest.len());
        ALL.into_iter().find(|word| *word == &rest[..end]).unwrap_or("")
    }

    fn expect(&mut self, word: &'static str) -> Result<()> {
        self.skip_to_command()?;
        if self.reserved() != word {
            return Err(self.wrong(&format!("`{word}` is missing")));
        }
        self.take(word);
        Ok(())
    }

    fn and_or(&mut self) -> Result<Command> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.skip_blanks();
            let joint = if self.take("&&") {
                Joint::And
            } else if self.take("||") {
                Joint::Or
            } else {
                break;
            };
            self.skip_lines()?;
            rest.push((joint, self.pipeline()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let (line, first) = (first.line, Box::new(first));
        Ok(Command { line, kind: CommandKind::AndOr { first, rest }, redirects: Vec::new() })
    }

    fn pipeline(&mut self) -> Result<Command> {
        self.skip_blanks();
        let line = self.line;
        if self.reserved() == "!" {
            self.take("!");
            let inner = self.deeper(Self::pipeline)?;
            return Ok(Command { line, kind: CommandKind::Not(Box::new(inner)), redirects: Vec::new() });
        }
        let first = self.deeper(Self::command)?;
        let mut commands = vec![first];
        loop {
            self.skip_blanks();
            if !self.rest().starts_with('|') || self.rest().starts_with("||") {
                break;
            }
            self.next();
            self.take("&");
            self.skip_lines()?;
            if commands.len() == MOST_STAGES {
                return Err(self.wrong(&format!("a pipeline has more than {MOST_STAGES} commands")));
            }
            commands.push(self.deeper(Self::command)?);
        }
        if commands.len() > 1 {
            return Ok(Command { line, kind: CommandKind::Pipeline(commands), redirects: Vec::new() });
        }
        commands.pop().ok_or_else(|| self.wrong("a command is missing"))
    }

    fn command(&mut self) -> Result<Command> {
        self.skip_blanks();
        let line = self.line;
        let word = self.reserved();
        let kind = match word {
            "if" => self.if_clause()?,
            "for" => self.for_clause()?,
            "while" | "until" => {
                self.take(word);
                let condition = self.list(&["do"])?;
                CommandKind::While { until: word == "until", condition, body: self.do_group()? }
            }
            "case" => self.case_clause()?,
            "{" => {
                self.take("{");
                let body = self.list(&["}"])?;
                self.expect("}")?;
                CommandKind::Group(body)
            }
            "function" => {
                self.take("function");
                self.skip_blanks();
                let name = self.plain_word()?;
                self.skip_blanks();
                if self.take("(") {
                    self.close_bracket()?;
                }
                self.function(name)?
            }
            _ if self.rest().starts_with('(') => {
                self.next();
                let body = self.list(&[])?;
                self.skip_to_command()?;
                self.close_bracket()?;
                CommandKind::Subshell(body)
            }
            _ => return self.simple(line),
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        Ok(Command { line, kind, redirects })
    }

    fn close_bracket(&mut self) -> Result<()> {
        self.skip_blanks();
        if self.take(")") { Ok(()) } else { Err(self.wrong("`)` is missing")) }
    }

    fn plain_word(&mut self) -> Result<String> {
        let word = self.word()?;
        match word.as_deref() {
            Some([Part::Text { text, quoted: false }]) => Ok(text.clone()),
            _ => Err(self.wrong("a name is missing")),
        }
    }

    fn if_clause(&mut self) -> Result<CommandKind> {
        self.take("if");
        let mut branches = Vec::new();
        loop {
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            branches.push((condition, self.list(&["elif", "else", "fi"])?));
            if self.reserved() != "elif" {
                break;
            }
            self.take("elif");
        }
        let otherwise = match self.reserved() {
            "else" => {
                self.take("else");
                self.list(&["fi"])?
            }
            _ => List::new(),
        };
        self.expect("fi")?;
        Ok(CommandKind::If { branches, otherwise })
    }

    fn do_group(&mut self) -> Result<List> {
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn for_clause(&mut self) -> Result<CommandKind> {
        self.take("for");
        self.skip_blanks();
        let name = self.plain_word()?;
        self.skip_lines()?;
        let words = if self.reserved() == "in" {
            self.take("in");
            let mut words = Vec::new();
            loop {
                self.skip_blanks();
                match self.word()? {
                    Some(word) => words.push(word),
                    None => break,
                }
            }
            Some(words)
        } else {
            None
        };
        Ok(CommandKind::For { name, words, body: self.do_group()? })
    }

    fn case_clause(&mut self) -> Result<CommandKind> {
        self.take("case");
        self.skip_blanks();
        let word = self.word()?.ok_or_else(|| self.wrong("`case` looks at nothing"))?;
        self.skip_lines()?;
        if self.reserved() != "in" {
            return Err(self.wrong("`in` is missing"));
        }
        self.take("in");
        let mut arms = Vec::new();
        loop {
            self.skip_to_command()?;
            while self.take(";;") {
                self.skip_to_command()?;
            }
            if self.reserved() == "esac" {
                self.take("esac");
                return Ok(CommandKind::Case { word, arms });
            }
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                let pattern = self.word()?.ok_or_else(|| self.wrong("a pattern is missing"))?;
                patterns.push(pattern);
                self.skip_blanks();
                if !self.take("|") {
                    break;
                }
            }
            self.close_bracket()?;
            arms.push((patterns, self.list(&["esac"])?));
        }
    }

    fn function(&mut self, name: String) -> Result<CommandKind> {
        self.skip_lines()?;
        let body = Arc::new(self.deeper(Self::command)?);
        Ok(CommandKind::Function { name, body })
    }

    fn simple(&mut self, line: usize) -> Result<Command> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.skip_blanks();
            let in_brackets = words.first().is_some_and(|word| text_of(word) == "[[");
            if !in_brackets && let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if is_name(&words, &assignments) && self.rest().starts_with('(') {
                self.next();
                self.close_bracket()?;
                let name = text_of(&words.remove(0));
                return Ok(Command { line, kind: self.function(name)?, redirects });
            }
            if words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                continue;
            }
            match self.word()? {
                Some(word) => words.push(word),
                None if in_brackets && self.bracket_operator(&mut words) => {}
                None => break,
            }
            if in_brackets && words.last().is_some_and(|word| text_of(word) == "]]") {
                while let Some(redirect) = self.redirect()? {
                    redirects.push(redirect);
                }
                break;
            }
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            return Err(self.wrong("a command is missing"));
        }
        Ok(Command { line, kind: CommandKind::Simple { assignments, words }, redirects })
    }

    /// `&&`, `(` and their like mean something else between `[[` and `]]`.
    fn bracket_operator(&mut self, words: &mut Vec<Word>) -> bool {
        let found = ["&&", "||", "(", ")", "<", ">", "|", "\n"].into_iter().find(|text| self.take(text));
        if let Some(operator) = found {
            words.push(vec![Part::Text { text: operator.to_owned(), quoted: false }]);
        }
        found.is_some()
    }

    /// `NAME=VALUE`
    fn assignment(&mut self) -> Result<Option<(String, Word)>> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !rest[end..].starts_with('=')
        {
            return Ok(None);
        }
        self.at += end + 1;
        if self.rest().starts_with('(') {
            return Err(self.wrong("arrays are bash's"));
        }
        Ok(Some((name.to_owned(), self.word()?.unwrap_or_default())))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>> {
        self.skip_blanks();
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let behind = self.rest().get(digits..).unwrap_or_default();
        if self.take("&>") {
            let target = self.target()?;
            return Ok(Some(Redirect { descriptor: 1, kind: RedirectKind::Output, target }));
        }
        if !behind.starts_with(['<', '>']) || digits > 4 {
            return Ok(None);
        }
        let number = self.rest()[..digits].parse().ok();
        let input = behind.starts_with('<');
        self.at += digits;
        let Some((kind, strip)) = self.redirect_operator() else { return Ok(None) };
        let mut target = self.target()?;
        if kind == RedirectKind::Document {
            target = placeholder(self.name_document(&target, strip));
        }
        Ok(Some(Redirect { descriptor: number.unwrap_or(u32::from(!input)), kind, target }))
    }

    fn target(&mut self) -> Result<Word> {
        self.skip_blanks();
        self.word()?.ok_or_else(|| self.wrong("a redirection leads nowhere"))
    }
}

fn is_name(words: &[Word], assignments: &[(String, Word)]) -> bool {
    assignments.is_empty()
        && matches!(words, [word] if matches!(&word[..], [Part::Text { quoted: false, .. }]))
}

fn text_of(word: &Word) -> String {
    match &word[..] {
        [Part::Text { text, quoted: false }] => text.clone(),
        _ => String::new(),
    }
}

/// Puts the texts of here-documents where they are named.
fn fill(command: &mut Command, documents: &[Word]) {
    for redirect in &mut command.redirects {
        if redirect.kind == RedirectKind::Document
            && let [Part::Text { text, .. }] = &redirect.target[..]
            && let Some(document) = text.parse().ok().and_then(|number: usize| documents.get(number))
        {
            redirect.target = document.clone();
        }
    }
    let all = |list: &mut List| list.iter_mut().for_each(|command| fill(command, documents));
    match &mut command.kind {
        CommandKind::Simple { .. } => {}
        CommandKind::AndOr { first, rest } => {
            fill(first, documents);
            rest.iter_mut().for_each(|(_, command)| fill(command, documents));
        }
        CommandKind::Not(inner) => fill(inner, documents),
        // Nobody else has it while the script is read.
        CommandKind::Function { body, .. } => {
            Arc::get_mut(body).into_iter().for_each(|body| fill(body, documents));
        }
        CommandKind::Pipeline(list) | CommandKind::Group(list) | CommandKind::Subshell(list) => all(list),
        CommandKind::If { branches, otherwise } => {
            for (condition, body) in branches {
                all(condition);
                all(body);
            }
            all(otherwise);
        }
        CommandKind::For { body, .. } => all(body),
        CommandKind::While { condition, body, .. } => {
            all(condition);
            all(body);
        }
        CommandKind::Case { arms, .. } => arms.iter_mut().for_each(|(_, body)| all(body)),
    }
}
