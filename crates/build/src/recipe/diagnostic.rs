//! Errors that point into a recipe, in a person's words.

use std::path::Path;

use bareboat_model::{Error, error_at, escape, nearest};

/// An error at whatever begins at `offset`: up to the end of the key or value, or of the line.
pub(crate) fn error_from(file: &Path, text: &str, offset: usize, message: &str) -> Error {
    let rest = text.get(offset..).unwrap_or_default();
    let end = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].find([quote, '\n']).map_or(rest.len(), |at| at + 2),
        Some('[') => rest.find('\n').unwrap_or(rest.len()),
        _ => rest.find(['\n', ',', '=', ']', '#']).unwrap_or(rest.len()),
    };
    let length = rest.get(..end).unwrap_or_default().trim_end().len();
    error_at(file, text, offset..offset + length, message)
}

/// What `toml` found wrong, in a person's words and with its place.
pub(crate) fn toml_error(file: &Path, text: &str, error: &toml::de::Error) -> Error {
    let message = match error.span().and_then(|span| text.get(span)) {
        Some(key) if error.message() == "duplicate key" => format!("key `{}` is there twice", escape(key)),
        Some("") if error.message().starts_with("string values must be quoted") => {
            "a value is missing".to_owned()
        }
        _ => plain_words(error.message()),
    };
    match error.span() {
        // A missing key has the whole table for its place, which for the top table is the whole file.
        Some(span) if span.start < text.len() => error_at(file, text, span, &message),
        _ => error_at(file, text, text.trim_end().len()..text.len(), &message),
    }
}

/// serde's and toml's messages, reworded: no Rust type names, the field's terms, and a guess at what was meant.
fn plain_words(message: &str) -> String {
    if let Some((given, known)) = after(message, "unknown field `", "`, ") {
        return unknown("key", given, known);
    }
    if let Some((given, known)) = after(message, "unknown variant `", "`, ") {
        return unknown("value", given, known);
    }
    if let Some((key, _)) = after(message, "missing field `", "`") {
        return format!("key `{key}` is missing");
    }
    let mismatch = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = mismatch.and_then(|rest| rest.split_once(", expected ")) {
        return format!("expected {}, found {}", in_toml_terms(expected), escape(&in_toml_terms(found)));
    }
    if message.starts_with("unexpected leading zero") {
        return "a number cannot begin with 0; a mode is a string, such as \"0644\"".to_owned();
    }
    escape(message.strip_suffix(", expected nothing").unwrap_or(message))
}

fn after<'a>(message: &'a str, prefix: &str, end: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(prefix)?.split_once(end)
}

fn unknown(what: &str, given: &str, known: &str) -> String {
    let names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let shown = escape(given);
    match nearest(given, names.iter().copied()) {
        Some(near) => format!("unknown {what} `{shown}`, did you mean `{near}`?"),
        None => format!("unknown {what} `{shown}`, expected one of {}", names.join(", ")),
    }
}

fn in_toml_terms(words: &str) -> String {
    match words {
        "sequence" => "an array".to_owned(),
        "a sequence" => "an array".to_owned(),
        "map" => "a table".to_owned(),
        "a map" => "a table".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "i64" | "u8" | "u16" | "u32" | "u64" => "a whole number".to_owned(),
        other => other.replace("floating point", "number"),
    }
}
