//! `bareboat test` on an image that was built here. Commands of tests run in tests/live/structure.sh, with real programs.

use crate::bench::{Bench, said};

/// A bench with a built image, and this test file beside its recipe.
fn bench(tests: &str) -> Bench {
    let bench = Bench::new(
        "name = \"hello\"\nbase = \"static\"\nplatforms = [\"linux/amd64\"]\n\
         [image]\nentrypoint = [\"/app/tool\"]\nenv = { WHERE = \"/app\" }\nlabels = { version = \"1.2\" }\n\
         [[files]]\nfrom = \"tool\"\nto = \"/app/tool\"\nmode = \"4755\"\nowner = \"7:8\"\n",
    );
    bench.write("tool", "#!no\n");
    bench.write("t.yaml", format!("schemaVersion: 2.0.0\n{tests}"));
    bench.says(&[
        "build",
        "-o",
        "oci:hello.oci",
        "-o",
        "oci-archive:hello.tar",
        "-o",
        "docker-archive:hello.docker.tar",
    ]);
    bench
}

/// What the program answers when tests fail, and that it says so with its exit code.
fn fails(bench: &Bench, args: &[&str]) -> String {
    let output = bench.command(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

const RIGHT: &str = "fileExistenceTests:
- {name: tool, path: $WHERE/tool, permissions: urwxr-xr-x, uid: 7, gid: 8, isExecutableBy: other}
- {name: tmp, path: /tmp, permissions: dtrwxrwxrwx}
- {name: link, path: /etc/os-release, permissions: Lrwxrwxrwx}
- {name: no shell, path: /bin/sh, shouldExist: false}
fileContentTests:
- {name: users, path: /etc/passwd, expectedContents: ['^root:x:0:0:', '(?m)^nonroot:x:65532:']}
- {name: through a link, path: /etc/os-release, expectedContents: [Debian]}
metadataTest:
  envVars: [{key: WHERE, value: /app}]
  entrypoint: [/app/tool]
  labels: [{key: version, value: '^\\d\\.\\d$', isRegex: true}]
";

const WRONG: &str = "fileExistenceTests:
- {name: tmp, path: /tmp, permissions: drwxrwxrwt, uid: 1}
- {name: \"steers\\e[2Jthe terminal\", path: \"/\\e[31m\"}
fileContentTests:
- {name: users, path: /etc/passwd, expectedContents: [nobody], excludedContents: [root]}
licenseTests:
- {files: [/LICENSE]}
metadataTest:
  cmd: [serve]
";

#[test]
fn what_passes_is_a_line_each() {
    let bench = bench(RIGHT);
    insta::assert_snapshot!(bench.says(&["test", "oci:hello.oci", "-c", "t.yaml"]), @r"
    ok    file content    users
    ok    file content    through a link
    ok    file existence  tool
    ok    file existence  tmp
    ok    file existence  link
    ok    file existence  no shell
    ok    metadata
    7 passed
    ");
}

#[test]
fn any_transport_will_do() {
    let bench = bench(RIGHT);
    for image in ["oci:hello.oci", "oci-archive:hello.tar", "docker-archive:hello.docker.tar"] {
        let said = bench.says(&["test", image, "--config", "t.yaml", "--quiet"]);
        assert_eq!(said, "7 passed\n", "{image}");
    }
}

#[test]
fn what_fails_says_what_was_expected_and_found() {
    let bench = bench(WRONG);
    insta::assert_snapshot!(fails(&bench, &["test", "oci:hello.oci", "-c", "t.yaml"]), @r#"
    FAIL  file content    users  (t.yaml:6:3)
          `/etc/passwd`: expected no match of `root`, found
          | root:x:0:0:root:/root:/sbin/nologin
          | nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
          | nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
    FAIL  file existence  tmp  (t.yaml:3:3)
          permissions of `/tmp`: expected drwxrwxrwt, found dtrwxrwxrwx
          owner of `/tmp`: expected 1, found 0
    FAIL  file existence  steers\u{1b}[2Jthe terminal  (t.yaml:4:3)
          `/\u{1b}[31m`: expected it to exist, found nothing
    FAIL  licence  (t.yaml:8:3)
          `/LICENSE`: expected a file that states licences, found nothing
    FAIL  metadata  (t.yaml:10:3)
          cmd: expected ["serve"], found []
    0 passed, 5 failed
    "#);
}

#[test]
fn several_files_are_told_apart() {
    let bench = bench(RIGHT);
    bench.write(
        "more.json",
        r#"{"schemaVersion": "1.0.0", "fileExistenceTests": [{"name": "gone", "path": "/nothing"}]}"#,
    );
    insta::assert_snapshot!(fails(&bench, &["test", "oci:hello.oci", "-q", "-c", "t.yaml", "more.json"]), @r"
    more.json
    FAIL  file existence  gone  (more.json:1:51)
          `/nothing`: expected it to exist, found nothing
    7 passed, 1 failed
    ");
}

#[test]
fn programs_read_json() {
    let bench = bench(WRONG);
    insta::assert_snapshot!(fails(&bench, &["test", "oci:hello.oci", "-c", "t.yaml", "--format", "json"]), @r#"
    {
      "schema": "bareboat.test/1",
      "image": "oci:hello.oci",
      "passed": 0,
      "failed": 5,
      "files": [
        {
          "file": "t.yaml",
          "tests": [
            {
              "kind": "file content",
              "name": "users",
              "place": "t.yaml:6:3",
              "passed": false,
              "failures": [
                {
                  "what": "`/etc/passwd`",
                  "expected": "no match of `root`",
                  "found": "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
                }
              ]
            },
            {
              "kind": "file existence",
              "name": "tmp",
              "place": "t.yaml:3:3",
              "passed": false,
              "failures": [
                {
                  "what": "permissions of `/tmp`",
                  "expected": "drwxrwxrwt",
                  "found": "dtrwxrwxrwx"
                },
                {
                  "what": "owner of `/tmp`",
                  "expected": "1",
                  "found": "0"
                }
              ]
            },
            {
              "kind": "file existence",
              "name": "steers\u001b[2Jthe terminal",
              "place": "t.yaml:4:3",
              "passed": false,
              "failures": [
                {
                  "what": "`/\u001b[31m`",
                  "expected": "it to exist",
                  "found": "nothing"
                }
              ]
            },
            {
              "kind": "licence",
              "place": "t.yaml:8:3",
              "passed": false,
              "failures": [
                {
                  "what": "`/LICENSE`",
                  "expected": "a file that states licences",
                  "found": "nothing"
                }
              ]
            },
            {
              "kind": "metadata",
              "place": "t.yaml:10:3",
              "passed": false,
              "failures": [
                {
                  "what": "cmd",
                  "expected": "[\"serve\"]",
                  "found": "[]"
                }
              ]
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn ci_systems_read_junit() {
    let bench = bench(WRONG);
    fails(&bench, &["test", "oci:hello.oci", "-c", "t.yaml", "--junit", "out/report.xml"]);
    let report = std::fs::read_to_string(bench.path("project/out/report.xml")).unwrap();
    insta::assert_snapshot!(report, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="oci:hello.oci" tests="5" failures="5" errors="0" time="0.000">
      <testsuite name="t.yaml" tests="5" failures="5" errors="0" time="0.000">
        <testcase name="users" classname="file content" file="t.yaml" time="0.000">
          <failure message="`/etc/passwd`: expected no match of `root`" type="file content">t.yaml:6:3: `/etc/passwd`: expected no match of `root`, found root:x:0:0:root:/root:/sbin/nologin
    nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
    nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
    </failure>
        </testcase>
        <testcase name="tmp" classname="file existence" file="t.yaml" time="0.000">
          <failure message="permissions of `/tmp`: expected drwxrwxrwt" type="file existence">t.yaml:3:3: permissions of `/tmp`: expected drwxrwxrwt, found dtrwxrwxrwx</failure>
          <failure message="owner of `/tmp`: expected 1" type="file existence">t.yaml:3:3: owner of `/tmp`: expected 1, found 0</failure>
        </testcase>
        <testcase name="steers�[2Jthe terminal" classname="file existence" file="t.yaml" time="0.000">
          <failure message="`/�[31m`: expected it to exist" type="file existence">t.yaml:4:3: `/�[31m`: expected it to exist, found nothing</failure>
        </testcase>
        <testcase name="licence" classname="licence" file="t.yaml" time="0.000">
          <failure message="`/LICENSE`: expected a file that states licences" type="licence">t.yaml:8:3: `/LICENSE`: expected a file that states licences, found nothing</failure>
        </testcase>
        <testcase name="metadata" classname="metadata" file="t.yaml" time="0.000">
          <failure message="cmd: expected [&quot;serve&quot;]" type="metadata">t.yaml:10:3: cmd: expected [&quot;serve&quot;], found []</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn licences_are_found_also_beside_a_folder_that_is_called_much_like_theirs() {
    let bench = Bench::new(
        "name = \"hello\"\nbase = \"static\"\nplatforms = [\"linux/amd64\"]\n\
         [[files]]\nfrom = \"text\"\nto = \"/usr/share/doc/evil/copyright\"\n\
         [[files]]\nfrom = \"text\"\nto = \"/usr/share/doc-base/evil\"\n",
    );
    bench.write("text", "The AGPL\n");
    bench.write("t.yaml", "schemaVersion: 2.0.0\nlicenseTests:\n- {debian: true}\n");
    bench.says(&["build", "-o", "oci:hello.oci"]);
    let told = fails(&bench, &["test", "oci:hello.oci", "--config", "t.yaml"]);
    assert!(
        told.contains("`/usr/share/doc/evil/copyright`: expected no AGPL and no WTFPL, found AGPL"),
        "{told}"
    );
}
