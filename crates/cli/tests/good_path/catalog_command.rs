//! What `bareboat catalog` says.

use crate::bench::Bench;

#[test]
fn entries_are_listed_with_sizes() {
    let bench = Bench::new("");
    let listed = bench.says(&["catalog", "--platform", "linux/amd64"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].ends_with("files compressed  for"), "{listed}");
    for (line, name) in
        lines[1..].iter().zip(["static", "base-nossl", "base", "cc", "python3", "nodejs", "java"])
    {
        assert!(
            line.starts_with(name) && line.matches(" MB ").count() + line.matches(" kB ").count() == 2,
            "{line}"
        );
        assert!(line.len() <= 110, "{line}");
    }
    assert_eq!(
        lines[9],
        "variants: root, nonroot, debug, debug-root, debug-nonroot, as in base = \"static:debug\""
    );
}

#[test]
fn an_entry_is_shown_as_its_recipe() {
    let bench = Bench::new("");
    let shown = bench.says(&["catalog", "python3", "--suite", "bookworm"]);
    assert!(shown.starts_with("# python3: Python 3.11 "), "{shown}");
    assert!(bench.says(&["catalog", "debug"]).contains("busybox-static"));
    let json = bench.says(&["catalog", "--format", "json"]);
    assert!(json.starts_with("{\n  \"schema\": \"bareboat.catalog/1\",\n"), "{json}");
}
