//! Test files, right and wrong.

use std::path::Path;

use bareboat_model::Result;

use super::super::schema::{ExpectedValue, TestFile, TestKind};

fn read(text: &str) -> Result<TestFile> {
    super::parse(text, Path::new("t.yaml"))
}

/// The message and the hint, as a person sees them.
fn complaint(text: &str) -> String {
    let error = read(text).unwrap_err();
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

const EVERYTHING: &str = r#"
schemaVersion: 2.0.0
globalEnvVars:
- {key: VIRTUAL_ENV, value: /env}
commandTests:
- name: all of it
  setup: [["/bin/setup", "a"]]
  teardown: [["/bin/teardown"]]
  envVars: [{key: A, value: 1, isRegex: false}]
  exitCode: 0x2A
  command: sh
  args: [-c, "echo $A"]
  expectedOutput: ['^1\n$']
  excludedOutput: [two]
  expectedError: []
  excludedError: ['\w']
fileExistenceTests:
- {name: tmp, path: /tmp/, shouldExist: yes, permissions: dtrwxrwxrwx, uid: 0, gid: -1, isExecutableBy: any}
- {name: gone, path: /bin/sh, shouldExist: false}
fileContentTests:
- {name: passwd, path: /etc/../etc/passwd, expectedContents: ['root'], excludedContents: ['x']}
metadataTest:
  envVars: [{key: PATH, value: '^/', isRegex: true}]
  unboundEnvVars: [{key: HOME}]
  labels: [{key: version, value: 1.0}]
  entrypoint: []
  cmd: [/bin/x]
  exposedPorts: [8080]
  unexposedPorts: ["22"]
  volumes: [/data]
  unmountedVolumes: [/other]
  workdir: /app
  user: 65532
licenseTests:
- {debian: true, files: [/LICENSE]}
containerRunOptions:
  user: root
  privileged: false
  allocateTty: false
  envFile: .env
  envVars: [TOKEN]
  capabilities: [NET_BIND_SERVICE]
  bindMounts: ["/etc/hosts:/etc/hosts:ro", "/srv:/srv"]
"#;

#[test]
fn every_key_of_the_schema_is_known() {
    let file = read(EVERYTHING).unwrap();
    let order: Vec<String> =
        file.tests.iter().map(|test| format!("{} {}", test.kind.name(), test.name)).collect();
    assert_eq!(
        order,
        [
            "command all of it",
            "file content passwd",
            "file existence tmp",
            "file existence gone",
            "licence ",
            "metadata "
        ]
    );
    assert_eq!(file.tests[0].place.to_string(), "t.yaml:6:3");
    let TestKind::Command(command) = &file.tests[0].kind else { panic!("no command") };
    assert_eq!(command.command, ["sh", "-c", "echo $A"]);
    assert_eq!((command.exit_code, &*command.env[0].value), (42, "1"));
    let TestKind::Content(content) = &file.tests[1].kind else { panic!("no content") };
    assert_eq!(content.path.to_string(), "/etc/passwd");
    let TestKind::Existence(tmp) = &file.tests[2].kind else { panic!("no existence") };
    assert_eq!((tmp.should_exist, tmp.uid, tmp.gid), (true, Some(0), None));
    let TestKind::Metadata(metadata) = &file.tests[5].kind else { panic!("no metadata") };
    assert_eq!((metadata.entrypoint.as_deref(), metadata.user.as_deref()), (Some(&[][..]), Some("65532")));
    assert!(matches!(&metadata.labels[0].value, ExpectedValue::Exactly(value) if value == "1.0"));
    assert_eq!(file.options.user.as_deref(), Some("root"));
    let mounts: Vec<bool> = file.options.mounts.iter().map(|(mount, _)| mount.read_only).collect();
    assert_eq!(mounts, [true, false]);
}

#[test]
fn schema_1_has_commands_in_one_list() {
    let file =
        read("schemaVersion: '1.0.0'\ncommandTests:\n- {name: a, command: [/x, y], exitCode: 010}").unwrap();
    let TestKind::Command(command) = &file.tests[0].kind else { panic!("no command") };
    assert_eq!((command.command.join(" "), command.exit_code), ("/x y".to_owned(), 8));
}

#[test]
fn json_is_read_as_well() {
    let text = "{\n\t\"schemaVersion\": \"2.0.0\",\n\t\"fileExistenceTests\": [{\"name\": \"a\", \"path\": \"/a\\u00e9\"}]\n}";
    let TestKind::Existence(test) = &read(text).unwrap().tests[0].kind else { panic!("no existence") };
    assert_eq!((&*test.path, test.should_exist), ("/aé", true));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    insta::assert_snapshot!(complaint(""), @r"cannot read `t.yaml:1:1`: the file is nothing, expected a mapping with `schemaVersion`");
    insta::assert_snapshot!(complaint("commandTests: []"), @r"
    cannot read `t.yaml:1:1`: key `schemaVersion` is missing
      |
    1 | commandTests: []
      | ^^^^^^^^^^^^^^^^
    hint: write schemaVersion: 2.0.0
    ");
    insta::assert_snapshot!(complaint("schemaVersion: 3.0.0"), @r"
    cannot read `t.yaml:1:16`: unknown schema version `3.0.0`, expected 2.0.0 or 1.0.0
      |
    1 | schemaVersion: 3.0.0
      |                ^^^^^
    ");
    insta::assert_snapshot!(complaint("schemaVersion: 2.0.0"), @r"cannot test with `t.yaml`: it holds no tests");
    insta::assert_snapshot!(complaint("schemaVersion: 2.0.0\nfileExistanceTests: []"), @r"
    cannot read `t.yaml:2:1`: unknown key `fileExistanceTests`, did you mean `fileExistenceTests`?
      |
    2 | fileExistanceTests: []
      | ^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(complaint("schemaVersion: 1.0.0\nmetadataTest: {}"), @r"
    cannot read `t.yaml:2:1`: unknown key `metadataTest`, expected one of schemaVersion, globalEnvVars, commandTests, fileExistenceTests, fileContentTests, licenseTests
      |
    2 | metadataTest: {}
      | ^^^^^^^^^^^^
    hint: schema 1.0.0 does not have it: write schemaVersion: 2.0.0
    ");
}

/// A file of schema 2.0.0 with this one test in this section.
fn wrong(section: &str, test: &str) -> String {
    complaint(&format!("schemaVersion: 2.0.0\n{section}:\n- name: a\n{test}"))
}

#[test]
fn what_is_wrong_in_a_command_test_is_said_with_its_place() {
    let wrong = |test| wrong("commandTests", test);
    insta::assert_snapshot!(wrong("  comand: /x"), @r"
    cannot read `t.yaml:4:3`: unknown key `comand`, did you mean `command`?
      |
    4 |   comand: /x
      |   ^^^^^^
    ");
    insta::assert_snapshot!(wrong("  command: [/x, y]"), @r"
    cannot read `t.yaml:4:12`: `command` is a list, expected text
      |
    4 |   command: [/x, y]
      |            ^^^^^^^
    hint: in schema 2.0.0 the arguments are in `args`
    ");
    insta::assert_snapshot!(wrong("  args: [x]"), @r"
    cannot read `t.yaml:3:3`: key `command` is missing
      |
    3 | - name: a
      |   ^^^^^^^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  exitCode: one"), @r"
    cannot read `t.yaml:5:13`: `exitCode` is `one`, expected a whole number
      |
    5 |   exitCode: one
      |             ^^^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  exitCode: '1'"), @r"
    cannot read `t.yaml:5:13`: `exitCode` is `1`, expected a whole number
      |
    5 |   exitCode: '1'
      |             ^^^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  args: x"), @r"
    cannot read `t.yaml:5:9`: `args` is `x`, expected a list
      |
    5 |   args: x
      |         ^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  setup: [[]]"), @r"
    cannot read `t.yaml:5:11`: `setup` names no program
      |
    5 |   setup: [[]]
      |           ^^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  setup: [x]"), @r"
    cannot read `t.yaml:5:11`: `setup` is `x`, expected a list
      |
    5 |   setup: [x]
      |           ^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  expectedOutput: ['(unclosed']"), @r"
    cannot read `t.yaml:5:20`: invalid regular expression `(unclosed`: missing closing )
      |
    5 |   expectedOutput: ['(unclosed']
      |                    ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  expectedOutput: ['(?=ahead)']"), @r"
    cannot read `t.yaml:5:20`: invalid regular expression `(?=ahead)`: invalid or unsupported Perl syntax: `(?`
      |
    5 |   expectedOutput: ['(?=ahead)']
      |                    ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  envVars: [{key: 'A=B', value: c}]"), @r"
    cannot read `t.yaml:5:13`: `A=B` cannot be a variable of the environment
      |
    5 |   envVars: [{key: 'A=B', value: c}]
      |             ^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(wrong("  command: /x\n  command: /y"), @r"
    cannot read `t.yaml:5:3`: key `command` is there twice
      |
    5 |   command: /y
      |   ^^^^^^^
    ");
}

#[test]
fn what_is_wrong_in_a_file_test_is_said_with_its_place() {
    let wrong = |test| wrong("fileExistenceTests", test);
    insta::assert_snapshot!(wrong("  shouldExist: true"), @r"
    cannot read `t.yaml:3:3`: key `path` is missing
      |
    3 | - name: a
      |   ^^^^^^^
    ");
    insta::assert_snapshot!(wrong("  path: ''"), @r"
    cannot read `t.yaml:4:9`: `path` is empty
      |
    4 |   path: ''
      |         ^^
    ");
    insta::assert_snapshot!(wrong("  path: /x\n  shouldExist: maybe"), @r"
    cannot read `t.yaml:5:16`: `shouldExist` is `maybe`, expected true or false
      |
    5 |   shouldExist: maybe
      |                ^^^^^
    ");
    insta::assert_snapshot!(wrong("  path: /x\n  isExecutableBy: world"), @r"
    cannot read `t.yaml:5:19`: `isExecutableBy` is `world`, expected owner, group, other or any
      |
    5 |   isExecutableBy: world
      |                   ^^^^^
    ");
    insta::assert_snapshot!(wrong("  path: /x\n  uid: root"), @r"
    cannot read `t.yaml:5:8`: `uid` is `root`, expected a whole number
      |
    5 |   uid: root
      |        ^^^^
    ");
    insta::assert_snapshot!(wrong("  path: [/x]"), @r"
    cannot read `t.yaml:4:9`: `path` is a list, expected text
      |
    4 |   path: [/x]
      |         ^^^^
    ");
}

#[test]
fn what_is_wrong_in_options_is_said_with_its_place() {
    let wrong = |options: &str| {
        complaint(&format!(
            "schemaVersion: 2.0.0\nfileExistenceTests: [{{name: a, path: /}}]\ncontainerRunOptions:\n  {options}"
        ))
    };
    insta::assert_snapshot!(wrong("privileged: true"), @r"
    cannot read `t.yaml:4:15`: `privileged` needs an engine
      |
    4 |   privileged: true
      |               ^^^^
    hint: take it out: tests run as the image's user, or as `user` says
    ");
    insta::assert_snapshot!(wrong("bindMounts: [data:/data]"), @r"
    cannot read `t.yaml:4:16`: `data:/data` is a volume of an engine, expected `/HOST:/PATH` or `/HOST:/PATH:ro`
      |
    4 |   bindMounts: [data:/data]
      |                ^^^^^^^^^^
    ");
    insta::assert_snapshot!(wrong("bindMounts: ['/data']"), @r"
    cannot read `t.yaml:4:16`: `/data` names no path in the image, expected `/HOST:/PATH` or `/HOST:/PATH:ro`
      |
    4 |   bindMounts: ['/data']
      |                ^^^^^^^
    ");
    insta::assert_snapshot!(wrong("bindMounts: ['/a:/b:shared']"), @r"
    cannot read `t.yaml:4:16`: `/a:/b:shared` has an option that is not known, expected `/HOST:/PATH` or `/HOST:/PATH:ro`
      |
    4 |   bindMounts: ['/a:/b:shared']
      |                ^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(wrong("network: host"), @r"
    cannot read `t.yaml:4:3`: unknown key `network`, expected one of user, privileged, allocateTty, envVars, envFile, capabilities, bindMounts
      |
    4 |   network: host
      |   ^^^^^^^
    ");
}

#[test]
fn tests_and_expressions_are_bounded() {
    let many =
        |count: usize, one: &str| format!("schemaVersion: 2.0.0\nfileContentTests:\n{}", one.repeat(count));
    let message = read(&many(2001, "- {name: a, path: /a}\n")).unwrap_err().to_string();
    assert!(message.contains("2001 tests, expected at most 2000"), "{message}");
    let message =
        read(&many(201, "- {name: a, path: /a, expectedContents: [a,b,c,d,e,f,g,h,i,j]}\n")).unwrap_err();
    assert!(message.to_string().contains("more than 2000 regular expressions"), "{message}");
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in r#"(schemaVersion: [12]\.0\.0\n)?([a-zA-Z]{1,6}(Tests)?: ?[\[\]{}&*!|>'"%@a-z0-9,: \n-]{0,40}\n?){0,4}"#) {
        drop(read(&text));
    }
}
