//! Names from packages, images and recipes are untrusted: nothing in them may steer a terminal.

/// `text` with control characters escaped, and those that cannot be seen: they break lines, turn directions, or hide.
///
/// ```
/// assert_eq!(bareboat_model::escape("a\x1b[31m"), "a\\u{1b}[31m");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A name of more characters than this is cut in a message, and what is kept of its beginning and its end.
const NAME: Cut = Cut { longest: 300, first: 150, last: 80 };

/// The same for a whole line, where a name that holds backticks is not seen to be one.
const LINE: Cut = Cut { longest: 3000, first: 1500, last: 800 };

struct Cut {
    longest: usize,
    first: usize,
    last: usize,
}

/// A message whose names, between backticks, are not endless: their middle is left out, and how long they are is said.
///
/// ```
/// let short = bareboat_model::shorten(&format!("cannot read `/a{}z`: no such file", "/b".repeat(5000)));
/// assert!(short.starts_with("cannot read `/a/b/b/b") && short.ends_with("/b/bz`: no such file"));
/// assert!(short.contains("… (10003 characters) …") && short.len() < 320);
/// ```
pub fn shorten(message: &str) -> String {
    message.split('\n').map(shorten_line).collect::<Vec<_>>().join("\n")
}

fn shorten_line(line: &str) -> String {
    if line.len() <= NAME.longest {
        return line.to_owned();
    }
    let parts = line.split('`').enumerate();
    let parts = parts.map(|(number, part)| if number % 2 == 1 { NAME.apply(part) } else { part.to_owned() });
    LINE.apply(&parts.collect::<Vec<_>>().join("`"))
}

impl Cut {
    fn apply(&self, text: &str) -> String {
        let length = text.chars().count();
        if length <= self.longest {
            return text.to_owned();
        }
        let first: String = text.chars().take(self.first).collect();
        let last: String = text.chars().skip(length - self.last).collect();
        format!("{first}… ({length} characters) …{last}")
    }
}

/// JSON with the same characters escaped as JSON has it. They stand in its strings only.
///
/// ```
/// assert_eq!(bareboat_model::escape_json("[\"a\u{202e}b\u{e0041}\"]\n"), "[\"a\\u202eb\\udb40\\udc41\"]\n");
/// ```
pub fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Line ends and tabs lay the document out; in its strings they are escaped already.
        if steers(c) && !matches!(c, '\n' | '\t') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Controls (Unicode's categories Cc, Zl and Zp), and what formats text without being seen (Cf).
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_end_are_cut_once_and_say_how_long_they_were() {
        let long = "é".repeat(10_000);
        let cut = format!("{}… (10000 characters) …{}", "é".repeat(150), "é".repeat(80));
        for (given, expected) in [
            ("`a`: b".to_owned(), "`a`: b".to_owned()),
            (format!("x `{long}` y `{long}`"), format!("x `{cut}` y `{cut}`")),
            (format!("first\n`{long}`\nlast"), format!("first\n`{cut}`\nlast")),
            // A list of names that are none of them long.
            ("`name`, ".repeat(200), "`name`, ".repeat(200)),
        ] {
            let short = shorten(&given);
            assert_eq!(short, expected);
            assert_eq!(shorten(&short), short);
        }
        // Backticks in a name hide where it begins.
        for evil in [format!("`{}`", "`".repeat(10_000)), format!("`` {long}"), format!("`{long}")] {
            let short = shorten(&evil);
            assert!(short.chars().count() < 3000 && short.contains("characters) …"), "{short}");
            assert_eq!(shorten(&short), short);
        }
    }
}
