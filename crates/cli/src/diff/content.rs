//! One file of both images, line by line.

use std::time::Duration;

use bareboat_model::{Digest, Error, ImagePath, Result, escape};
use serde::Serialize;
use similar::TextDiff;

/// Lines around each change, as diff(1) has it.
const CONTEXT: usize = 3;

/// After so long lines are no longer matched one by one: what was made to be slow is still told, only coarser.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file of both images.
#[derive(Serialize)]
pub(super) struct Compared {
    path: String,
    pub(super) equal: bool,
    before: Option<Digest>,
    after: Option<Digest>,
    /// As `diff -u` writes it, with what would steer a terminal escaped; empty when the contents are equal.
    pub(super) diff: String,
}

/// Compares contents; none where the image has no such file.
pub(super) fn compare(
    path: &ImagePath,
    images: [&str; 2],
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Result<Compared> {
    if before.is_none() && after.is_none() {
        return Err(Error::new(format!("cannot compare `{path}`: neither image has it")));
    }
    let equal = before == after;
    let [is_text_before, is_text_after] = [before, after].map(|content| text(content.unwrap_or_default()));
    let diff = match (is_text_before, is_text_after) {
        _ if equal => String::new(),
        (Some(before), Some(after)) => unified(path, images, before, after),
        _ => match (before.is_some(), after.is_some()) {
            (true, false) => format!("Binary file {path} is only in {}\n", images[0]),
            (false, true) => format!("Binary file {path} is only in {}\n", images[1]),
            _ => format!("Binary file {path} differs\n"),
        },
    };
    let digest = |content: Option<&[u8]>| content.map(Digest::of);
    Ok(Compared { path: path.to_string(), equal, before: digest(before), after: digest(after), diff })
}

/// Text as Git tells it: without NUL.
fn text(content: &[u8]) -> Option<&str> {
    std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'))
}

fn unified(path: &ImagePath, images: [&str; 2], before: &str, after: &str) -> String {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(before, after);
    let [old, new] = images.map(|image| format!("{image} {path}"));
    let unified = diff.unified_diff().context_radius(CONTEXT).header(&old, &new).to_string();
    // Lines stay lines, and tabs are harmless.
    let lines =
        unified.lines().map(|line| line.split('\t').map(escape).collect::<Vec<_>>().join("\t") + "\n");
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: Option<&[u8]>, after: Option<&[u8]>) -> String {
        let path = ImagePath::absolute("/etc/x").unwrap();
        compare(&path, ["a", "b"], before, after).unwrap_or_else(|error| panic!("{error}")).diff
    }

    #[test]
    fn lines_that_differ_are_told() {
        insta::assert_snapshot!(shown(Some(b"1\n2\n3\n"), Some(b"1\ntwo\t\x1b[31m\n3\n")), @r"
        --- a /etc/x
        +++ b /etc/x
        @@ -1,3 +1,3 @@
         1
        -2
        +two	\u{1b}[31m
         3
        ");
        insta::assert_snapshot!(shown(None, Some(b"new\n")), @r"
        --- a /etc/x
        +++ b /etc/x
        @@ -0,0 +1 @@
        +new
        ");
        insta::assert_snapshot!(shown(Some(b"a\0b"), Some(b"text")), @r"Binary file /etc/x differs");
        insta::assert_snapshot!(shown(Some(b"a\0b"), None), @r"Binary file /etc/x is only in a");
        insta::assert_snapshot!(shown(None, Some(b"a\0b")), @r"Binary file /etc/x is only in b");
        assert_eq!(shown(Some(b"x"), Some(b"x")), "");
        let path = ImagePath::absolute("/no").unwrap();
        assert!(compare(&path, ["a", "b"], None, None).is_err());
    }
}
