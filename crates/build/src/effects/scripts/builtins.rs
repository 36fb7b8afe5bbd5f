//! The shell's own commands, as far as maintainer scripts use them.

use bareboat_formats::sh::Command;

use super::finding::Outcome;
use super::flow::{Flow, Truth};
use super::follow::{Follower, Value};

const NAMES: &[&str] = &[
    ":", "true", "false", "exit", "return", "break", "continue", "shift", "set", "unset", "export", "local",
    "readonly", "typeset", "declare", "read", "eval", ".", "source", "umask", "trap", "cd", "wait", "echo",
    "printf", "sleep", "times", "ulimit", "hash", "test", "[", "command", "type",
];

pub(super) fn is_builtin(name: &str) -> bool {
    NAMES.contains(&name)
}

pub(super) fn run(
    follower: &mut Follower<'_, '_>,
    command: &Command,
    name: &str,
    arguments: &[Value],
) -> Option<Flow> {
    let done = Some(Flow::Next(Truth::Yes));
    let first = arguments.first().and_then(Option::as_deref);
    match name {
        ":" | "true" => {
            follower.emit(command, Some(String::new()));
            done
        }
        "false" => Some(Flow::Next(Truth::No)),
        "exit" => Some(Flow::Exit),
        "return" => Some(Flow::Return(match first {
            None | Some("0") => Truth::Yes,
            Some(code) if code.parse::<u8>().is_ok() => Truth::No,
            _ => Truth::Unknown,
        })),
        "break" => Some(Flow::Loop { ends: true }),
        "continue" => Some(Flow::Loop { ends: false }),
        "shift" => {
            let count = first.and_then(|count| count.parse().ok()).unwrap_or(1).min(follower.arguments.len());
            follower.costs(follower.arguments.len());
            follower.arguments.drain(..count);
            done
        }
        "set" => {
            set(follower, arguments);
            done
        }
        "unset" => {
            for name in arguments.iter().flatten() {
                follower.variables.remove(name);
            }
            done
        }
        "export" | "local" | "readonly" | "typeset" | "declare" => {
            declare(follower, name, arguments);
            done
        }
        "read" => {
            for name in arguments.iter().flatten().filter(|name| !name.starts_with('-')) {
                follower.assign(name, None);
            }
            Some(Flow::Next(Truth::Unknown))
        }
        "." | "source" => Some(dot(follower, first)),
        "eval" => Some(follower.not_literal()),
        "echo" => {
            let text = echo(arguments);
            follower.emit(command, text);
            done
        }
        "printf" => {
            let text = printf(arguments);
            follower.emit(command, text);
            done
        }
        "umask" => {
            if let Some(umask) = first.and_then(|text| u32::from_str_radix(text, 8).ok()) {
                follower.umask = umask & 0o777;
            }
            done
        }
        "cd" => {
            follower.folder = match first {
                Some(folder) if folder.starts_with('/') => Some(folder.to_owned()),
                _ => None,
            };
            done
        }
        "trap" | "wait" | "sleep" | "times" | "ulimit" | "hash" => done,
        _ => None,
    }
}

/// `set -- A B`: options change nothing here.
fn set(follower: &mut Follower<'_, '_>, arguments: &[Value]) {
    let is_option = |value: &Value| value.as_deref().is_some_and(|text| text.starts_with(['-', '+']));
    match arguments.iter().position(|value| value.as_deref() == Some("--")) {
        Some(at) => follower.arguments = arguments[at + 1..].to_vec(),
        None if arguments.first().is_some_and(|first| !is_option(first)) => {
            follower.arguments = arguments.to_vec();
        }
        None => {}
    }
}

fn declare(follower: &mut Follower<'_, '_>, command: &str, arguments: &[Value]) {
    for argument in arguments.iter().flatten() {
        match argument.split_once('=') {
            Some((name, value)) => follower.assign(name, Some(value.to_owned())),
            None if command == "local" && !argument.starts_with('-') => {
                follower.assign(argument, Some(String::new()));
            }
            None => {}
        }
    }
    if arguments.iter().any(Option::is_none) && command != "export" {
        // `local x=$unknown`: which variable it is stands in the words, which are gone by now.
        follower.forget_variables();
    }
}

fn dot(follower: &mut Follower<'_, '_>, path: Option<&str>) -> Flow {
    match path {
        // Its functions are answered by `debconf`.
        Some("/usr/share/debconf/confmodule") => Flow::Next(Truth::Yes),
        Some(path) => follower.source(path).unwrap_or_else(|| {
            let why = format!("`{path}` is not in the image, or is no shell script");
            Flow::Next(follower.settle(Some(Outcome::unknown(why))))
        }),
        None => follower.not_literal(),
    }
}

fn echo(arguments: &[Value]) -> Value {
    let newline = arguments.first().and_then(Option::as_deref) != Some("-n");
    let words: Option<Vec<&str>> = arguments[usize::from(!newline)..].iter().map(Option::as_deref).collect();
    let mut text = words?.join(" ");
    // What a backslash means differs between shells.
    if text.contains('\\') {
        return None;
    }
    if newline {
        text.push('\n');
    }
    Some(text)
}

/// `%s` and the common escapes; anything else is not known.
fn printf(arguments: &[Value]) -> Value {
    let (format, rest) = arguments.split_first()?;
    let mut rest = rest.iter();
    let mut text = String::new();
    let mut chars = format.as_deref()?.chars();
    while let Some(c) = chars.next() {
        match (c, c == '%' || c == '\\') {
            ('%', _) => match chars.next()? {
                's' => text.push_str(rest.next().map_or(Some(""), Option::as_deref)?),
                '%' => text.push('%'),
                _ => return None,
            },
            (_, true) => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                '\\' => text.push('\\'),
                _ => return None,
            },
            _ => text.push(c),
        }
    }
    rest.next().is_none().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(words: &[&str]) -> Vec<Value> {
        words.iter().map(|word| Some((*word).to_owned())).collect()
    }

    #[test]
    fn output_is_known_where_all_shells_agree() {
        assert_eq!(echo(&known(&["a", "b"])).as_deref(), Some("a b\n"));
        assert_eq!(echo(&known(&["-n", "a"])).as_deref(), Some("a"));
        assert_eq!(echo(&known(&["a\\n"])), None);
        assert_eq!(printf(&known(&["%s:%s\\n", "a", "b"])).as_deref(), Some("a:b\n"));
        assert_eq!(printf(&known(&["%d", "1"])), None);
        assert_eq!(printf(&known(&["%s", "1", "2"])), None);
    }
}
