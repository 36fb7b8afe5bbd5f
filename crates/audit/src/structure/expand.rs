//! `$NAME` and `${NAME}` as Go's `os.Expand` replaces them.

/// The longest word that the kernel hands to a program (`MAX_ARG_STRLEN`); what is longer is cut, and does not start.
const LONGEST: usize = 128 << 10;

/// Replaces each variable by what `value_of` says. Corners are Go's: `$$` and `$1` are variables with these names, `${` that
/// does not close is dropped, a `$` before anything else stays.
pub(super) fn expand(text: &str, value_of: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        out.push_str(&rest[..at]);
        if after.is_empty() {
            out.push('$');
            return out;
        }
        let (name, length) = name(after);
        match (name, length) {
            ("", 0) => out.push('$'),
            ("", _) => {}
            (name, _) => out.push_str(&value_of(name)),
        }
        // The kernel refuses it one byte beyond: that it is too long must stay visible.
        if out.len() > LONGEST {
            out.truncate(out.floor_char_boundary(LONGEST + 3));
            return out;
        }
        rest = &after[length..];
    }
    out + rest
}

/// The name at the start of what follows a `$`, and how many bytes it takes.
fn name(after: &str) -> (&str, usize) {
    let special = |c: char| matches!(c, '*' | '#' | '$' | '@' | '!' | '?' | '-' | '0'..='9');
    if let Some(inside) = after.strip_prefix('{') {
        return match inside.find('}') {
            Some(end) => (&inside[..end], end + 2),
            None => ("", 1),
        };
    }
    if after.starts_with(special) {
        return (&after[..1], 1);
    }
    let end = after.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(after.len());
    (&after[..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_does_not_grow_without_end() {
        let long = "x".repeat(100_000);
        let grown = expand(&"$A".repeat(100_000), |_| long.clone());
        assert!((LONGEST..LONGEST + 4).contains(&grown.len()), "{}", grown.len());
    }

    #[test]
    fn variables_are_replaced_as_go_does() {
        // What Go 1.26 gives for the same.
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$A", "<A>"),
            ("${A}b", "<A>b"),
            ("$A_1-$B", "<A_1>-<B>"),
            ("a$", "a$"),
            ("$ a", "$ a"),
            ("$é", "$é"),
            ("$$", "<$>"),
            ("$12", "<1>2"),
            ("${}x", "x"),
            ("${x", "x"),
            ("${*}", "<*>"),
            ("${A:-b}", "<A:-b>"),
            ("$?!", "<?>!"),
            ("a$/b", "a$/b"),
        ] {
            assert_eq!(expand(text, |name| format!("<{name}>")), expected, "{text}");
        }
    }
}
