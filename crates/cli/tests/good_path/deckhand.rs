//! deckhand taken aboard: where it is, who brought it, and how recipes on each other say so.

use crate::bench::{Bench, HELLO};

/// A path's mode and owner in the image, and what is at its beginning.
fn aboard(bench: &Bench) -> String {
    let built = bench.built();
    let listing = built.listing(&["/usr/local/bin", "/bin/sleep", "/usr/bin/sleep"]);
    // The bytes are as the compiler makes them.
    listing
        .lines()
        .map(|line| line.split_once(" <").map_or(line, |(path, _)| path).trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_recipe_takes_it_aboard() {
    let bench = Bench::new(&format!(
        "{HELLO}deckhand = true\n[links]\n\"/usr/bin/sleep\" = \"/usr/local/bin/deckhand\"\n"
    ));
    insta::assert_snapshot!(aboard(&bench), @r"
    /usr/bin/sleep -> /usr/local/bin/deckhand
    /usr/local/bin/ 0755
    /usr/local/bin/deckhand 0755
    ");
    insta::assert_snapshot!(bench.says(&["build", "--explain", "/usr/local/bin/deckhand"]), @r"/usr/local/bin/deckhand is a file of ./bareboat.toml: deckhand = true");
    insta::assert_snapshot!(bench.says(&["build", "--explain", "/usr/bin/sleep"]), @r"
    /usr/bin/sleep is /usr/local/bin/deckhand, through links
    /usr/local/bin/deckhand is a file of ./bareboat.toml: deckhand = true
    ");
    let summary = bench.says(&["build"]);
    let line = summary.lines().find(|line| line.starts_with("deckhand")).unwrap_or_default();
    assert!(line.starts_with("deckhand     /usr/local/bin/deckhand, ") && line.ends_with(" kB"), "{summary}");
}

#[test]
fn a_recipe_inherits_it_and_can_do_without() {
    for (below, above, expected) in [
        ("true", "", true),
        ("", "", false),
        ("true", "deckhand = false", false),
        ("false", "deckhand = true", true),
    ] {
        let below = if below.is_empty() { String::new() } else { format!("deckhand = {below}\n") };
        let bench = Bench::new(&format!("name = \"hello\"\nbase = \"./below\"\n{above}\n"));
        bench.write("below/bareboat.toml", format!("{HELLO}{below}"));
        assert_eq!(aboard(&bench).contains("/deckhand 0755"), expected, "{below}{above}");
        if expected && above.is_empty() {
            insta::assert_snapshot!(bench.says(&["build", "--explain", "/usr/local/bin/deckhand"]), @r"/usr/local/bin/deckhand is a file of ./below/bareboat.toml: deckhand = true");
        }
    }
}

#[test]
fn a_file_of_the_recipe_takes_its_place_and_is_told() {
    let bench = Bench::new(&format!(
        "{HELLO}deckhand = true\n[[files]]\nfrom = \"mine\"\nto = \"/usr/local/bin/deckhand\"\n"
    ));
    bench.write("mine", "mine\n");
    insta::assert_snapshot!(bench.built().listing(&["/usr/local/bin"]), @r#"
    /usr/local/bin/ 0755
    /usr/local/bin/deckhand 0644 "mine\n"
    "#);
    insta::assert_snapshot!(bench.says(&["build", "--explain", "/usr/local/bin/deckhand"]), @r"/usr/local/bin/deckhand is a file of ./bareboat.toml: files from mine");
}
