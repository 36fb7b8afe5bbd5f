//! What `pull` may replace where nobody said where the image goes.

use bareboat_testkit::FakeRegistry;

use crate::bench::Bench;

const BARE: &str = "name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n";

#[test]
fn a_pull_takes_no_name_from_an_image_that_came_otherwise() {
    let (bench, registry) = (Bench::new(BARE), FakeRegistry::start());
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&registry.host(), "[REGISTRY]");
    settings.add_filter(r"\d+(\.\d+)? k?B\b", "[N] B");
    let _filters = settings.bind_to_scope();
    let (ours, theirs) =
        (format!("{}/team/bare", registry.host()), format!("{}/other/bare", registry.host()));
    let build = |text: &str, to: &str| {
        bench.write("bareboat.toml", format!("{BARE}[image]\nworkdir = \"/{text}\"\n"));
        bench.says(&["build", "--quiet", "-o", to]);
    };
    let there = || bench.says(&["list", "oci:.bareboat/bare"]);
    build("one", &ours);
    build("two", &theirs);
    build("three", "oci:.bareboat/bare:latest");
    insta::assert_snapshot!(bench.refuses(&["pull", &ours]), @r"
    error: cannot copy `[REGISTRY]/team/bare:latest` to `oci:.bareboat/bare:latest`: another image has this name, [DIGEST], which was put there otherwise
    hint: say where this one goes, such as oci:DIR:TAG; or bareboat delete the other first
    ");
    // The same image is no other.
    build("one", "oci:.bareboat/bare:latest");
    bench.says(&["pull", &ours]);
    build("two", &ours);
    insta::assert_snapshot!(bench.refuses(&["pull", &ours]), @r"
    error: cannot copy `[REGISTRY]/team/bare:latest` to `oci:.bareboat/bare:latest`: another image has this name, [DIGEST], which was put there otherwise
    hint: say where this one goes, such as oci:DIR:TAG; or bareboat delete the other first
    ");
    bench.says(&["delete", "oci:.bareboat/bare:latest"]);
    assert_eq!(there(), "");
    // What was pulled moves with its repository, and with no other.
    bench.says(&["pull", &ours]);
    build("three", &ours);
    insta::assert_snapshot!(bench.says(&["pull", &ours]), @r"
    copied       [REGISTRY]/team/bare:latest
    to           oci:.bareboat/bare:latest
    digest       [DIGEST]
    before       [DIGEST]
    moved        1 blob, [N] B
    there        1 blob, [N] B
    ");
    insta::assert_snapshot!(bench.refuses(&["pull", &theirs]), @r"
    error: cannot copy `[REGISTRY]/other/bare:latest` to `oci:.bareboat/bare:latest`: another image has this name, [DIGEST], which was pulled from `[REGISTRY]/team/bare`
    hint: say where this one goes, such as oci:DIR:TAG; or bareboat delete the other first
    ");
    bench.says(&["pull", &theirs, "oci:.bareboat/bare:latest"]);
    insta::assert_snapshot!(bench.refuses(&["pull", &ours]), @r"
    error: cannot copy `[REGISTRY]/team/bare:latest` to `oci:.bareboat/bare:latest`: another image has this name, [DIGEST], which was put there otherwise
    hint: say where this one goes, such as oci:DIR:TAG; or bareboat delete the other first
    ");
}
