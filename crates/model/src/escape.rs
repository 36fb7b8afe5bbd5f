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
