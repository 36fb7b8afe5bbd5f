//! Names from packages, images and recipes are untrusted: nothing in them may steer a terminal.

/// `text` with control characters and bidirectional overrides escaped.
///
/// ```
/// assert_eq!(bareboat_model::escape("a\x1b[31m"), "a\\u{1b}[31m");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let steers = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
