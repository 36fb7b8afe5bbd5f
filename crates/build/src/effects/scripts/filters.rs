//! `… | grep`, `… | cut`: where both what goes in and what is asked are plain.

use bareboat_formats::sh::{Command, CommandKind};

use super::flow::Truth;
use super::follow::{Follower, Value};

impl Follower<'_, '_> {
    /// What a command makes of known input; none when that is not known.
    pub(super) fn filter(&mut self, command: &Command, input: &str) -> Option<(String, Truth)> {
        let CommandKind::Simple { assignments, words } = &command.kind else { return None };
        if !assignments.is_empty() {
            return None;
        }
        self.costs(1000 + 2 * input.len());
        let fields = self.fields(words);
        let (name, arguments) = fields.split_first()?;
        match name.as_deref()? {
            "grep" => grep(arguments, input),
            "fgrep" => grep(&[&[Some("-F".to_owned())], arguments].concat(), input),
            "cut" => cut(arguments, input),
            "head" | "tail" => ends(name.as_deref()? == "head", arguments, input),
            // Whatever they do to lines, there are none.
            "sed" | "tr" | "sort" | "uniq" if input.is_empty() => Some((String::new(), Truth::Yes)),
            "sed" => {
                let mut work = 0;
                let read = |files: &[&str]| files.is_empty().then(|| input.to_owned());
                let output = super::sed::run(arguments, &mut work, read);
                self.costs(work);
                output.map(|output| (output, Truth::Yes))
            }
            "awk" => column(arguments, input),
            "wc" if matches!(arguments, [Some(flag)] if flag == "-l") => {
                Some((format!("{}\n", input.matches('\n').count()), Truth::Yes))
            }
            "cat" if arguments.is_empty() => Some((input.to_owned(), Truth::Yes)),
            _ => None,
        }
    }
}

/// grep with a pattern in which no character is special, but for `^` and `$` at the ends.
pub(super) fn grep(arguments: &[Value], input: &str) -> Option<(String, Truth)> {
    let (mut quiet, mut word, mut line, mut inverted, mut fixed, mut fold) = Default::default();
    let mut pattern = None;
    for argument in arguments {
        let argument = argument.as_deref()?;
        if pattern.is_some() {
            return None; // files
        }
        match argument.strip_prefix('-') {
            Some("-quiet") => quiet = true,
            Some("-" | "e" | "regexp") => {}
            Some(flags) if !flags.is_empty() => {
                for flag in flags.chars() {
                    match flag {
                        'q' => quiet = true,
                        'w' => word = true,
                        'x' => line = true,
                        'v' => inverted = true,
                        'F' => fixed = true,
                        'i' => fold = true,
                        's' | 'e' => {}
                        _ => return None,
                    }
                }
            }
            _ => pattern = Some(argument),
        }
    }
    let pattern = pattern?;
    let (mut text, mut at_start, mut at_end) = (pattern, line, line);
    if !fixed {
        if let Some(rest) = text.strip_prefix('^') {
            (text, at_start) = (rest, true);
        }
        if let Some(rest) = text.strip_suffix('$') {
            (text, at_end) = (rest, true);
        }
        if text.replace("\\.", "").contains(['.', '*', '[', '\\', '^', '$', '+', '?', '(', '|', '{']) {
            return None;
        }
    }
    let unescaped = text.replace("\\.", ".");
    let text = if fixed { text } else { unescaped.as_str() };
    let folded = |text: &str| if fold { text.to_lowercase() } else { text.to_owned() };
    let text = folded(text);
    let matching = |line: &&str| {
        let line = folded(line);
        let found = match (at_start, at_end) {
            (true, true) => line == text,
            (true, false) => line.starts_with(&text) && (!word || ends_word(&line, text.len())),
            (false, true) => line.ends_with(&text) && (!word || begins_word(&line, line.len() - text.len())),
            (false, false) if word => line
                .match_indices(&text)
                .any(|(at, _)| begins_word(&line, at) && ends_word(&line, at + text.len())),
            (false, false) => line.contains(&text),
        };
        found != inverted
    };
    let mut lines = input.lines().filter(matching).peekable();
    let truth = Truth::of(lines.peek().is_some());
    let output = if quiet { String::new() } else { lines.map(|line| format!("{line}\n")).collect() };
    Some((output, truth))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn begins_word(line: &str, at: usize) -> bool {
    !line[..at].chars().next_back().is_some_and(is_word)
}

fn ends_word(line: &str, at: usize) -> bool {
    !line[at..].chars().next().is_some_and(is_word)
}

/// `cut -d C -f N`
fn cut(arguments: &[Value], input: &str) -> Option<(String, Truth)> {
    let text: Option<Vec<&str>> = arguments.iter().map(Option::as_deref).collect();
    let text = text?.join(" ");
    let (mut delimiter, mut field) = ("\t", None);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        if let Some(more) = rest.strip_prefix("-d") {
            let more = more.strip_prefix(' ').filter(|more| !more.starts_with(' ')).unwrap_or(more);
            delimiter = more.get(..1)?;
            rest = more.get(1..)?.trim_start();
        } else if let Some(more) = rest.strip_prefix("-f") {
            let more = more.trim_start();
            let end = more.find(|c: char| !c.is_ascii_digit()).unwrap_or(more.len());
            field = more[..end].parse::<usize>().ok().filter(|field| *field > 0);
            rest = more[end..].trim_start();
        } else {
            return None;
        }
    }
    let field = field?;
    let output = input.lines().map(|line| {
        let whole = !line.contains(delimiter);
        let part = if whole { line } else { line.split(delimiter).nth(field - 1).unwrap_or_default() };
        format!("{part}\n")
    });
    Some((output.collect(), Truth::Yes))
}

/// `awk '{print $N}'`
fn column(arguments: &[Value], input: &str) -> Option<(String, Truth)> {
    let [Some(program)] = arguments else { return None };
    let body = program.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let number: usize = body.strip_prefix("print")?.trim().strip_prefix('$')?.parse().ok()?;
    let field = |line: &str| line.split_ascii_whitespace().nth(number.checked_sub(1)?).map(str::to_owned);
    let output = input.lines().map(|line| format!("{}\n", field(line).unwrap_or_default()));
    (number > 0).then(|| (output.collect(), Truth::Yes))
}

/// `head -n 1`, `tail -1`
fn ends(first: bool, arguments: &[Value], input: &str) -> Option<(String, Truth)> {
    let text: Option<Vec<&str>> = arguments.iter().map(Option::as_deref).collect();
    let count: usize = match text?.concat().as_str() {
        "" => 10,
        text => text.strip_prefix("-n").or(text.strip_prefix('-'))?.parse().ok()?,
    };
    let lines: Vec<&str> = input.lines().collect();
    let lines = match first {
        true => &lines[..count.min(lines.len())],
        false => &lines[lines.len().saturating_sub(count)..],
    };
    Some((lines.iter().map(|line| format!("{line}\n")).collect(), Truth::Yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Value> {
        text.split(' ').map(|word| Some(word.to_owned())).collect()
    }

    #[test]
    fn plain_patterns_are_found_or_not() {
        for (arguments, input, expected) in [
            ("-q a", "xax\n", Some(true)),
            ("-qw a", "xax\n", Some(false)),
            ("-qw a", "x a\n", Some(true)),
            ("-qw a$", "xa\n", Some(false)),
            ("-qw a$", "x.a\n", Some(true)),
            ("-q ^a$", "b\na\n", Some(true)),
            ("-qx a", "ab\n", Some(false)),
            ("-qv a", "a\n", Some(false)),
            ("-q a.*", "a\n", None),
            ("-Fq a.*", "a.*\n", Some(true)),
            ("-c a", "a\n", None),
        ] {
            let found = grep(&words(arguments), input).map(|(_, truth)| truth == Truth::Yes);
            assert_eq!(found, expected, "{arguments} on {input:?}");
        }
    }

    #[test]
    fn columns_are_cut_and_lines_taken() {
        assert_eq!(cut(&words("-d: -f2"), "a:b\nc\n").unwrap().0, "b\nc\n");
        assert_eq!(cut(&words("-d : -f 1"), "a:b\n").unwrap().0, "a\n");
        assert_eq!(cut(&words("-c1"), "a:b\n"), None);
        assert_eq!(ends(true, &words("-n 1"), "a\nb\n").unwrap().0, "a\n");
        assert_eq!(ends(false, &words("-1"), "a\nb\n").unwrap().0, "b\n");
    }
}
