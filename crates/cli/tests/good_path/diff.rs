//! `bareboat diff` on images that were built here.

use bareboat_testkit::World;

use crate::bench::{Bench, said};

const BEFORE: &str = "name = \"shop\"\nbase = \"base\"\nplatforms = [\"linux/amd64\"]\n\
    [image]\nentrypoint = [\"/app/tool\"]\nenv = { MODE = \"slow\", OLD = \"1\" }\nports = [\"80/tcp\"]\n\
    [[files]]\nfrom = \"app\"\nto = \"/app\"\n";

/// Yesterday's image and today's: an update of openssl, other settings, other files of the application.
fn bench() -> Bench {
    let bench = Bench::new(BEFORE);
    bench.write("app/tool", "#!no\nline\nthe same\n");
    bench.write("app/gone.txt", "x");
    for nth in 0..12 {
        bench.write(&format!("app/old/{nth}.txt"), "x".repeat(1000));
    }
    bench.says(&["build", "-o", "oci:before"]);
    bench.mirror.replace(World::after_security_update().files);
    std::fs::remove_dir_all(bench.path("project/app/old")).unwrap();
    std::fs::remove_file(bench.path("project/app/gone.txt")).unwrap();
    bench.write("app/tool", "#!no\nanother line\nthe same\n");
    bench.write("app/new/file.txt", "new");
    let after = BEFORE
        .replace("slow", "fast")
        .replace(", OLD = \"1\"", ", NEW = \"a=b\"")
        .replace("80/tcp", "8080/tcp")
        .replace("[\"/app/tool\"]", "[\"/app/tool\", \"serve\"]");
    bench.write("bareboat.toml", after);
    bench.says(&["update"]);
    bench.says(&["build", "-o", "oci:after"]);
    bench
}

#[test]
fn yesterday_and_today_are_told_apart() {
    let bench = bench();
    insta::assert_snapshot!(bench.says(&["diff", "oci:before", "oci:after"]), @r#"
    The images differ in 1 package, 18 paths and 6 settings
      before  oci:before  [DIGEST]
      after   oci:after   [DIGEST]

    files         27.8 kB   15.8 kB  -12.0 kB, -43 %
    layers, raw  152.6 kB  134.1 kB  -18.4 kB, -12 %
    stored         7.8 kB    7.6 kB  -191 B, -2 %
    to fetch                 3.0 kB                   by a host that has the image before
    paths             154       142  -12              2 added, 14 removed, 2 changed
    packages           11        11                   1 upgraded
    layers              5         5                   3 shared, 2 only before, 2 only after

    Settings: 2 added, 2 removed, 2 changed
      ~ entrypoint        ["/app/tool"] → ["/app/tool","serve"]
      ~ env MODE          slow → fast
      + env NEW           a=b
      - env OLD           1
      - port 80/tcp
      + port 8080/tcp

    Packages: 1 upgraded
      ~ libssl3t64  3.5.1-1+deb13u1 → 3.5.4-1~deb13u1  (1 file)

    Files: 2 added, 14 removed, 2 changed
      - /app/gone.txt  1 B
      + /app/new/file.txt  3 B
      - /app/old/  12 files, 12.0 kB
      ~ /app/tool  content 19 B → 27 B
      and 1 path of the packages above (--all lists them)
      and 2 directories of these files (--all lists them)
    "#);
    insta::assert_snapshot!(bench.says(&["diff", "oci:before", "oci:after", "--format", "markdown"]), @r#"
    ### Image diff: `oci:before` → `oci:after`

    The images differ in 1 package, 18 paths and 6 settings

    | | before | after | difference | |
    |---|--:|--:|--:|---|
    | files | 27.8 kB | 15.8 kB | -12.0 kB, -43 % |  |
    | layers, raw | 152.6 kB | 134.1 kB | -18.4 kB, -12 % |  |
    | stored | 7.8 kB | 7.6 kB | -191 B, -2 % |  |
    | to fetch |  | 3.0 kB |  | by a host that has the image before |
    | paths | 154 | 142 | -12 | 2 added, 14 removed, 2 changed |
    | packages | 11 | 11 |  | 1 upgraded |
    | layers | 5 | 5 |  | 3 shared, 2 only before, 2 only after |

    <details><summary>Settings: 2 added, 2 removed, 2 changed</summary>

    ```diff
    ! entrypoint        ["/app/tool"] → ["/app/tool","serve"]
    ! env MODE          slow → fast
    + env NEW           a=b
    - env OLD           1
    - port 80/tcp
    + port 8080/tcp
    ```

    </details>

    <details><summary>Packages: 1 upgraded</summary>

    ```diff
    ! libssl3t64  3.5.1-1+deb13u1 → 3.5.4-1~deb13u1  (1 file)
    ```

    </details>

    <details><summary>Files: 2 added, 14 removed, 2 changed</summary>

    ```diff
    - /app/gone.txt  1 B
    + /app/new/file.txt  3 B
    - /app/old/  12 files, 12.0 kB
    ! /app/tool  content 19 B → 27 B
    ```

    and 1 path of the packages above (--all lists them)

    and 2 directories of these files (--all lists them)

    </details>
    "#);
    insta::assert_snapshot!(bench.says(&["diff", "oci:before", "oci:after", "--all", "--semantic"]), @r#"
    The images differ in 1 package, 18 paths and 6 settings
      before  oci:before  [DIGEST]
      after   oci:after   [DIGEST]

    files         27.8 kB   15.8 kB  -12.0 kB, -43 %
    layers, raw  152.6 kB  134.1 kB  -18.4 kB, -12 %
    stored         7.8 kB    7.6 kB  -191 B, -2 %
    to fetch                 3.0 kB                   by a host that has the image before
    paths             154       142  -12              2 added, 14 removed, 2 changed
    packages           11        11                   1 upgraded
    layers              5         5                   3 shared, 2 only before, 2 only after

    Settings: 2 added, 2 removed, 2 changed
      ~ entrypoint        ["/app/tool"] → ["/app/tool","serve"]
      ~ env MODE          slow → fast
      + env NEW           a=b
      - env OLD           1
      - port 80/tcp
      + port 8080/tcp

    Packages: 1 upgraded
      ~ libssl3t64  3.5.1-1+deb13u1 → 3.5.4-1~deb13u1  (1 file)

    Files: 2 added, 14 removed, 2 changed
      - /app/gone.txt  1 B
      + /app/new/
      + /app/new/file.txt  3 B
      - /app/old/
      - /app/old/0.txt  1.0 kB
      - /app/old/1.txt  1.0 kB
      - /app/old/10.txt  1.0 kB
      - /app/old/11.txt  1.0 kB
      - /app/old/2.txt  1.0 kB
      - /app/old/3.txt  1.0 kB
      - /app/old/4.txt  1.0 kB
      - /app/old/5.txt  1.0 kB
      - /app/old/6.txt  1.0 kB
      - /app/old/7.txt  1.0 kB
      - /app/old/8.txt  1.0 kB
      - /app/old/9.txt  1.0 kB
      ~ /app/tool  content 19 B → 27 B
      ~ /var/lib/dpkg/status.d/libssl3t64  content, 429 B (of libssl3t64)

    Layers: 3 shared, 2 only before, 2 only after
      - 3 [DIGEST]  [N] stored
      - 5 [DIGEST]  [N] stored
      + 3 [DIGEST]  [N] stored
      + 5 [DIGEST]  [N] stored
    "#);
}

#[test]
fn one_file_is_told_line_by_line() {
    let bench = bench();
    let args = ["diff", "oci:before", "oci:after", "--file"];
    let file = |path: &'static str| bench.says(&[&args[..], &[path]].concat());
    insta::assert_snapshot!(file("/app/tool"), @r"
    --- oci:before /app/tool
    +++ oci:after /app/tool
    @@ -1,3 +1,3 @@
     #!no
    -line
    +another line
     the same
    ");
    insta::assert_snapshot!(file("/app/gone.txt"), @r"
    --- oci:before /app/gone.txt
    +++ oci:after /app/gone.txt
    @@ -1 +0,0 @@
    -x
    \ No newline at end of file
    ");
    assert_eq!(file("/etc/passwd"), "");
    let json: serde_json::Value =
        serde_json::from_str(&bench.says(&[&args[..], &["/app/tool", "--format", "json"]].concat())).unwrap();
    assert_eq!((&json["schema"], &json["equal"]), (&"bareboat.diff-file/1".into(), &false.into()));
}

#[test]
fn a_program_is_told_the_same() {
    let bench = bench();
    let json: serde_json::Value =
        serde_json::from_str(&bench.says(&["diff", "oci:before", "oci:after", "--format", "json"])).unwrap();
    assert_eq!(json["schema"], "bareboat.diff/1");
    assert_eq!(json["images"], serde_json::json!({"before": "oci:before", "after": "oci:after"}));
    let packages = json["packages"].as_array().unwrap();
    assert!(packages.iter().all(|one| one["change"] == "upgraded" && one["kind"] == "deb"), "{packages:?}");
    let files = json["files"].as_array().unwrap();
    let tool = files.iter().find(|one| one["path"] == "/app/tool").unwrap();
    assert_eq!(tool["differences"], serde_json::json!(["content"]));
    assert_eq!(tool["before"]["mode"], "0644");
}

#[test]
fn images_that_are_equal_say_so() {
    let bench = bench();
    insta::assert_snapshot!(bench.says(&["diff", "oci:before", "oci:before", "--exit-code"]), @r"Both are the same image: [DIGEST]");
    let output =
        bench.command(["diff", "oci:before", "oci:after", "--exit-code", "--quiet"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

/// The same files with another date and packed otherwise.
#[test]
fn what_a_program_cannot_tell_can_be_left_out() {
    let bench = bench();
    let recipe = std::fs::read_to_string(bench.path("project/bareboat.toml")).unwrap();
    bench.write("bareboat.toml", format!("{recipe}\n[layers]\nmax = 1\n"));
    let mut build = bench.command(["build", "-o", "oci:packed"]);
    bench.says_with(build.env("SOURCE_DATE_EPOCH", "1000000000"));
    insta::assert_snapshot!(bench.says(&["diff", "oci:after", "oci:packed"]), @r"
    The images differ in 82 paths and 2 settings
      before  oci:after   [DIGEST]
      after   oci:packed  [DIGEST]

    files         15.8 kB   15.8 kB
    layers, raw  134.1 kB  116.7 kB  -17.4 kB, -13 %
    stored         7.6 kB    6.3 kB  -1.3 kB, -17 %
    to fetch                 6.9 kB                   by a host that has the image before
    paths             142       142                   82 changed
    packages           11        11
    layers              5         1  -4               5 only before, 1 only after

    Settings: 2 changed
      ~ created           2025-06-01T00:00:00Z → 2001-09-09T01:46:40Z
      ~ history entry 1   2025-06-01T00:00:00Z bareboat: base-files ca-certificates media-types netbase tzdata → 2001-09-09T01:46:40Z bareboat: base-files ca-certificates gcc-14 glibc libzstd media-types netbase openssl tzdata zlib settings files

    Files: 82 changed
      and 82 paths of which only the date differs
    ");
    insta::assert_snapshot!(bench.says(&["diff", "oci:after", "oci:packed", "--semantic", "--exit-code"]), @r"
    Nothing differs but dates, history and packing
      before  oci:after   [DIGEST]
      after   oci:packed  [DIGEST]

    files         15.8 kB   15.8 kB
    layers, raw  134.1 kB  116.7 kB  -17.4 kB, -13 %
    stored         7.6 kB    6.3 kB  -1.3 kB, -17 %
    to fetch                 6.9 kB                   by a host that has the image before
    paths             142       142
    packages           11        11
    layers              5         1  -4               5 only before, 1 only after
    ");
}

/// A large image, and a small one of some of the same.
#[test]
fn a_base_and_what_was_made_smaller_read_well() {
    let bench = Bench::new("name = \"fat\"\nbase = \"python3\"\nplatforms = [\"linux/amd64\"]\n");
    bench.says(&["build", "-o", "oci:fat"]);
    std::fs::remove_file(bench.path("project/bareboat.lock")).unwrap();
    bench.write("bareboat.toml", "name = \"slim\"\nbase = \"static\"\nplatforms = [\"linux/amd64\"]\n");
    bench.says(&["build", "-o", "oci:slim"]);
    insta::assert_snapshot!(bench.says(&["diff", "oci:fat", "oci:slim"]), @r#"
    The images differ in 27 packages, 183 paths and 3 settings
      before  oci:fat   [DIGEST]
      after   oci:slim  [DIGEST]

    files         37.4 kB   3.9 kB  -33.5 kB, -90 %
    layers, raw  268.8 kB  69.1 kB  -199.7 kB, -74 %
    stored        14.7 kB   3.6 kB  -11.1 kB, -76 %
    to fetch                1.3 kB                    by a host that has the image before
    paths             273       91  -182              182 removed, 1 changed
    packages           32        5  -27               27 removed
    layers              6        2  -4                1 shared, 5 only before, 1 only after

    Settings: 2 removed, 1 changed
      - entrypoint        ["/usr/bin/python3"]
      - env LANG          C.UTF-8
      ~ history entry 2   2025-06-01T00:00:00Z bareboat: gcc-14 glibc → 2025-06-01T00:00:00Z bareboat: settings

    Packages: 27 removed
      - gcc-14-base              14.2.0-19  (3 files, -354 B)
      - libbz2-1.0               1.0.8-6  (5 files, -1.0 kB)
      - libc-bin                 2.41-12  (6 files, -1.4 kB)
      - libc6                    2.41-12  (11 files, -5.0 kB)
      - libdb5.3t64              5.3.28+dfsg2-9  (4 files, -1.1 kB)
      - libexpat1                2.7.1-2+deb13u1  (5 files, -1.0 kB)
      - libffi8                  3.4.8-2  (5 files, -1.0 kB)
      - libgcc-s1                14.2.0-19  (3 files, -987 B)
      - libgomp1                 14.2.0-19  (4 files, -946 B)
      - liblzma5                 5.8.1-1  (5 files, -1.0 kB)
      - libncursesw6             6.5+20250216-2  (4 files, -1.1 kB)
      - libpython3-stdlib        3.13.5-1  (3 files, -432 B)
      - libpython3.13-minimal    3.13.5-2  (4 files, -594 B)
      - libpython3.13-stdlib     3.13.5-2  (7 files, -2.2 kB)
      - libreadline8t64          8.2-6  (5 files, -1.2 kB)
      - libsqlite3-0             3.46.1-7  (5 files, -1.1 kB)
      - libssl3t64               3.5.1-1+deb13u1  (6 files, -2.6 kB)
      - libstdc++6               14.2.0-19  (4 files, -1.1 kB)
      - libtinfo6                6.5+20250216-2  (4 files, -1.0 kB)
      - libuuid1                 2.41-5  (5 files, -1.0 kB)
      - libzstd1                 1.5.7+dfsg-1  (5 files, -1.0 kB)
      - openssl-provider-legacy  3.5.1-1+deb13u1  (4 files, -1.1 kB)
      - python3                  3.13.5-1  (3 files, -551 B)
      - python3-minimal          3.13.5-1  (3 files, -457 B)
      - python3.13               3.13.5-2  (5 files, -525 B)
      - python3.13-minimal       3.13.5-2  (6 files, -1.3 kB)
      - zlib1g                   1:1.3.dfsg+really1.3.1-1+b1  (5 files, -1.1 kB)

    Files: 182 removed, 1 changed
      - /etc/gai.conf  11 B
      - /etc/ld.so.cache  1.6 kB
      - /etc/ld.so.conf  34 B
      - /etc/ld.so.conf.d/  2 files, 144 B
      ~ /etc/nsswitch.conf  content 44 B → 330 B
      - /etc/python3.13/sitecustomize.py  16 B
      - /usr/bin/pdb3.13  → ../lib/python3.13/pdb.py
      - /usr/lib/python3/
      - /usr/lib/python3.13/sitecustomize.py  → /etc/python3.13/sitecustomize.py
      - /usr/lib/ssl/  2 files, 0 B
      - /usr/share/doc/libgcc-s1  → gcc-14-base
      - /usr/share/doc/libgomp1  → gcc-14-base
      - /usr/share/doc/libstdc++6  → gcc-14-base
      - /var/cache/ldconfig/
      and 129 paths of the packages above (--all lists them)
      and 38 directories of these files (--all lists them)
    "#);
}

#[test]
fn what_cannot_be_compared_is_told() {
    let bench = Bench::new(BEFORE);
    insta::assert_snapshot!(bench.refuses(&["diff", "oci:nowhere", "oci:nothing"]), @r"error: cannot read the image `oci:nowhere`: no such file or directory");
    insta::assert_snapshot!(bench.refuses(&["catalog", "--format", "markdown"]), @r"
    error: cannot answer in Markdown: only `bareboat diff` does
    hint: say --format text or --format json
    ");
}

#[test]
fn one_platform_of_an_index_is_compared() {
    let recipe = |mode: &str| {
        format!(
            "name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n\
             [image]\nenv = {{ MODE = \"{mode}\" }}\n"
        )
    };
    let bench = Bench::new(&recipe("slow"));
    bench.says(&["build", "-o", "oci:before"]);
    bench.write("bareboat.toml", recipe("fast"));
    bench.says(&["build", "-o", "oci:after"]);
    let arm64 = ["diff", "oci:before", "oci:after", "--platform", "linux/arm64"];
    let answer = bench.says(&arm64);
    let told: Vec<&str> = answer.lines().take(5).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    The images differ in 1 setting
      before  oci:before  [DIGEST]
              for linux/arm64/v8 in the index [DIGEST]
      after   oci:after   [DIGEST]
              for linux/arm64/v8 in the index [DIGEST]
    ");
    let json = bench.says(&[&arm64[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["platforms"], serde_json::json!({"before": "linux/arm64/v8", "after": "linux/arm64/v8"}));
    let output =
        bench.command(["diff", "oci:before", "oci:after", "--platform", "linux/s390x"]).output().unwrap();
    assert!(said(&output).contains("it has nothing for linux/s390x, only for linux/amd64, linux/arm64"));
}

/// What would end a table, a code span, a fence, a line or the page's folding, had it a meaning.
#[test]
fn names_from_images_are_only_names_in_markdown() {
    let recipe = |value: &str| {
        format!(
            "name = \"bare\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n[image]\nlabels = {{ l = '{value}' }}\n\
                 [[files]]\nfrom = \"app\"\nto = \"/app\"\n"
        )
    };
    let bench = Bench::new(&recipe("a | b"));
    bench.write("app/a", "1");
    bench.says(&["build", "-o", "oci:before"]);
    bench.write("app/```\n</details>|`x`", "2");
    bench.write("bareboat.toml", recipe("```` </details> <!-- @all | `"));
    bench.says(&["build", "-o", "oci:after"]);
    let comment = bench.says(&["diff", "oci:before", "oci:after", "--format", "markdown", "--semantic"]);
    let folded: Vec<&str> = comment.lines().skip_while(|line| !line.starts_with("<details")).collect();
    insta::assert_snapshot!(folded.join("\n"), @r"
    <details><summary>Settings: 1 changed</summary>

    `````diff
    ! label l           a | b → ```` </details> <!-- @all | `
    `````

    </details>

    <details><summary>Files: 2 added</summary>

    ````diff
    + /app/```\n</details>|`x`  1 B
    ````

    and 1 directory of these files (--all lists them)

    </details>
    ");
}
