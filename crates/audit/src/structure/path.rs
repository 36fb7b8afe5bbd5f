//! Paths as test files write them.

use bareboat_model::{ImagePath, Result};

/// `.` and `..` are taken out as text, as Go's `path.Join` does, and nothing is above the root. A path without a leading
/// slash is from the root too.
pub(super) fn image_path(written: &str) -> Result<ImagePath> {
    let mut names: Vec<&str> = Vec::new();
    for name in written.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    ImagePath::parse(names.join("/").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_stay_inside() {
        for (written, expected) in [
            ("/", "/"),
            ("", "/"),
            ("etc/passwd", "/etc/passwd"),
            ("/tmp/", "/tmp"),
            ("/a/./b//../c", "/a/c"),
            ("/../../etc/shadow", "/etc/shadow"),
        ] {
            assert_eq!(image_path(written).unwrap().to_string(), expected, "{written}");
        }
        assert!(image_path("/a\0b").is_err());
    }
}
