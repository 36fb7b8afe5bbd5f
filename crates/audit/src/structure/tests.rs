//! Whole test files against images that are text.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use bareboat_formats::oci::Execution;
use bareboat_model::{ImagePath, Result};
use bareboat_testkit::Tree;
use bareboat_testkit::tree::Kind;

use super::*;

/// A tree as an image's files. Links are not followed: who follows them is tested where that is done.
struct Text(Tree);

impl Text {
    fn find(&self, path: &ImagePath) -> Option<&bareboat_testkit::tree::Entry> {
        self.0.entries.iter().find(|entry| entry.path.as_bytes() == path.as_bytes())
    }
}

impl Files for Text {
    fn look(&self, path: &ImagePath) -> Result<Option<Entry>> {
        Ok(self.find(path).map(|entry| Entry {
            kind: match entry.kind {
                Kind::Directory => EntryKind::Directory,
                Kind::Symlink(_) => EntryKind::Symlink,
                _ => EntryKind::File,
            },
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
        }))
    }

    fn read(&self, path: &ImagePath, _: u64) -> Result<Content> {
        Ok(match self.find(path).map(|entry| &entry.kind) {
            Some(Kind::File(bytes)) => Content::Bytes(bytes.clone()),
            Some(_) => Content::Nothing("a directory".to_owned()),
            None => Content::Nothing("nothing".to_owned()),
        })
    }

    fn folders(&self, path: &ImagePath) -> Result<Option<Vec<Vec<u8>>>> {
        let is_folder = |entry: &&bareboat_testkit::tree::Entry| matches!(entry.kind, Kind::Directory);
        let paths = self
            .0
            .entries
            .iter()
            .filter(is_folder)
            .map(|entry| ImagePath::parse(entry.path.as_bytes()).unwrap());
        let inside = paths.filter(|one| one.parent().as_ref() == Some(path));
        let names = inside.map(|one| one.file_name().unwrap_or_default().to_vec()).collect();
        Ok(self.find(path).map(|_| names))
    }
}

/// Programs by name: what they print is their environment and what the container was told before.
#[derive(Default)]
struct Told(RefCell<Vec<String>>);

impl Containers for Told {
    fn run(&self, terms: &Terms, env: &[(String, String)], commands: &[Vec<String>]) -> Result<Vec<Ended>> {
        self.0.borrow_mut().push(format!("start {}", terms.user.as_deref().unwrap_or("-")));
        let (mut said, mut ended) = (Vec::new(), Vec::new());
        for command in commands {
            self.0.borrow_mut().push(command.join(" "));
            let one = program(command, env, &mut said);
            let goes_on = matches!(one.how, End::Exited(_) | End::TooMuch(_));
            ended.push(one);
            if !goes_on {
                break;
            }
        }
        Ok(ended)
    }
}

fn program(command: &[String], env: &[(String, String)], said: &mut Vec<String>) -> Ended {
    let env: BTreeMap<&str, &str> = env.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut ended = Ended::default();
    match &*command[0] {
        "remember" => said.push(command[1].clone()),
        "recall" => ended.stdout = said.join("\n").into_bytes(),
        "env" => ended.stdout = format!("{env:?}").into_bytes(),
        "fail" => {
            ended.stderr = b"first\nit broke\n".to_vec();
            ended.how = End::Exited(command[1].parse().unwrap());
        }
        "hang" => ended.how = End::TooLong(std::time::Duration::from_secs(5)),
        "flood" => ended.how = End::TooMuch(1000),
        other => ended.how = End::NotStarted(format!("there is no `{other}`")),
    }
    ended
}

const TREE: &str = r#"
/etc/ 0755
/etc/passwd 0644 "root:x:0:0:root:/root:/sbin/nologin\n"
/etc/empty 0644 ""
/tmp/ 1777
/bin/tool 4755 7:8 "x"
/lib -> usr/lib
/usr/share/doc/ 0755
/usr/share/doc/good/ 0755
/usr/share/doc/good/copyright 0644 "MIT"
/usr/share/doc/bare/ 0755
/usr/share/doc/libgnutls30/ 0755
/usr/share/doc/bad/ 0755
/usr/share/doc/bad/copyright 0644 "it is under the agpl-3"
/usr/share/doc/linked -> good
"#;

/// One line a failure or note, after the test it is of.
fn verdicts(file: &str, settings: &Execution, containers: &Told) -> String {
    let file = parse(&format!("schemaVersion: 2.0.0\n{file}"), Path::new("t.yaml")).unwrap();
    let files = Text(Tree::parse(TREE));
    let subject = Subject { settings, files: &files, containers };
    let report = run(&file, &subject, &FromHost::default()).unwrap();
    let mut out = String::new();
    for test in &report.tests {
        out.push_str(&format!("{} {}\n", if test.passed { "ok" } else { "FAIL" }, test.name));
        test.failures.iter().for_each(|failure| out.push_str(&format!("  {failure}\n")));
        test.notes.iter().for_each(|note| out.push_str(&format!("  note: {note}\n")));
    }
    out
}

fn plainly(file: &str) -> String {
    verdicts(file, &Execution::default(), &Told::default())
}

#[test]
fn existence_asks_for_modes_and_owners() {
    insta::assert_snapshot!(plainly("fileExistenceTests:
- {name: there, path: /etc/passwd}
- {name: missing, path: /nothing}
- {name: unwanted, path: /etc/passwd, shouldExist: false}
- {name: absent, path: /nothing, shouldExist: false, uid: 5}
- {name: mode, path: /tmp, permissions: dtrwxrwxrwx}
- {name: mode of ls, path: /tmp, permissions: drwxrwxrwt}
- {name: a link, path: /lib, permissions: Lrwxrwxrwx}
- {name: owner, path: /bin/tool, uid: 7, gid: 8, isExecutableBy: owner}
- {name: other owner, path: /bin/tool, uid: 0, gid: 0}
- {name: not executable, path: /etc/passwd, isExecutableBy: any}
- {name: executable by others, path: /bin/tool, isExecutableBy: other, permissions: urwxr-xr-x}
"), @r"
    ok there
    FAIL missing
      `/nothing`: expected it to exist, found nothing
    FAIL unwanted
      `/etc/passwd`: expected nothing, found -rw-r--r--
    ok absent
    ok mode
    FAIL mode of ls
      permissions of `/tmp`: expected drwxrwxrwt, found dtrwxrwxrwx
    ok a link
    ok owner
    FAIL other owner
      owner of `/bin/tool`: expected 0, found 7
      group of `/bin/tool`: expected 0, found 8
    FAIL not executable
      permissions of `/etc/passwd`: expected executable by anybody, found -rw-r--r--
    ok executable by others
    ");
}

#[test]
fn paths_name_variables() {
    let settings = Execution { env: vec!["PLACE=/etc".to_owned()], ..Execution::default() };
    let file = "globalEnvVars: [{key: NAME, value: 'passwd'}]
fileExistenceTests:
- {name: both, path: '$PLACE/${NAME}'}
- {name: unknown, path: '$NOBODY/x'}
";
    insta::assert_snapshot!(verdicts(file, &settings, &Told::default()), @r"
    ok both
    FAIL unknown
      `/x`: expected it to exist, found nothing
    ");
}

#[test]
fn contents_match_as_a_whole_text() {
    insta::assert_snapshot!(plainly(r"fileContentTests:
- {name: whole, path: /etc/passwd, expectedContents: ['^root:x:0:0:root:/root:/sbin/nologin\n$']}
- {name: parts, path: /etc/passwd, expectedContents: ['root', 'nobody', 'nologin'], excludedContents: ['bash', ':x:']}
- {name: empty, path: /etc/empty, expectedContents: ['.'], excludedContents: ['x']}
- {name: missing, path: /nothing, expectedContents: ['x']}
- {name: directory, path: /etc}
"), @r"
    ok whole
    FAIL parts
      `/etc/passwd`: expected a match of `nobody`, found root:x:0:0:root:/root:/sbin/nologin

      `/etc/passwd`: expected no match of `:x:`, found the same
    FAIL empty
      `/etc/empty`: expected a match of `.`, found nothing
    FAIL missing
      `/nothing`: expected a file, found nothing
    FAIL directory
      `/etc`: expected a file, found a directory
    ");
}

#[test]
fn licences_are_looked_for_where_debian_has_them() {
    insta::assert_snapshot!(plainly("licenseTests:
- {debian: true}
- {debian: false, files: [/usr/share/doc/good/copyright, /usr/share/doc/bad/copyright, /nothing]}
"), @r"
    FAIL 
      `/usr/share/doc/bare/copyright`: expected a file that states licences, found nothing
      `/usr/share/doc/bad/copyright`: expected no AGPL and no WTFPL, found AGPL
    FAIL 
      `/usr/share/doc/bad/copyright`: expected no AGPL and no WTFPL, found AGPL
      `/nothing`: expected a file that states licences, found nothing
    ");
}

#[test]
fn metadata_is_compared_with_the_config() {
    let settings = Execution {
        user: "65532".to_owned(),
        env: vec!["PATH=/bin:/usr/bin".to_owned(), "EMPTY=".to_owned()],
        entrypoint: vec!["/bin/x".to_owned()],
        cmd: vec!["a".to_owned()],
        working_dir: "/app".to_owned(),
        exposed_ports: ["8080/tcp".to_owned(), "53/udp".to_owned()].into(),
        volumes: ["/data".to_owned()].into(),
        labels: BTreeMap::from([("version".to_owned(), "1.2.3".to_owned())]),
        ..Execution::default()
    };
    let right = r"metadataTest:
  envVars: [{key: PATH, value: '/bin:/usr/bin'}, {key: PATH, value: '^/bin', isRegex: true}, {key: EMPTY}]
  unboundEnvVars: [{key: HOME}]
  labels: [{key: version, value: '^\d+\.', isRegex: true}]
  entrypoint: [/bin/x]
  cmd: [a]
  exposedPorts: ['8080', 53/udp]
  unexposedPorts: ['22', 53/tcp]
  volumes: [/data]
  unmountedVolumes: [/other]
  workdir: /app
  user: 65532
";
    assert_eq!(verdicts(right, &settings, &Told::default()), "ok \n");
    let wrong = r"metadataTest:
  envVars: [{key: PATH, value: '/bin'}, {key: PATH, value: '^/x', isRegex: true}, {key: HOME, value: /}]
  unboundEnvVars: [{key: EMPTY}]
  labels: [{key: version, value: '1'}, {key: none, value: ''}]
  entrypoint: []
  cmd: [a, b]
  exposedPorts: ['22']
  unexposedPorts: ['53']
  volumes: [/other]
  unmountedVolumes: [/data]
  workdir: /
  user: root
";
    insta::assert_snapshot!(verdicts(wrong, &settings, &Told::default()), @r#"
    FAIL 
      variable `PATH`: expected `/bin`, found `/bin:/usr/bin`
      variable `PATH`: expected a match of `^/x`, found `/bin:/usr/bin`
      variable `HOME`: expected `/`, found nothing
      variable `EMPTY`: expected it not to be set, found ``
      label `version`: expected `1`, found `1.2.3`
      label `none`: expected ``, found nothing
      cmd: expected ["a", "b"], found ["a"]
      entrypoint: expected [], found ["/bin/x"]
      workdir: expected `/`, found `/app`
      user: expected `root`, found `65532`
      port `22`: expected it to be declared, found `53/udp`, `8080/tcp`
      port `53`: expected it not to be declared, found `53/udp`, `8080/tcp`
      volume `/other`: expected it to be declared, found `/data`
      volume `/data`: expected it not to be declared, found `/data`
    "#);
}

#[test]
fn commands_are_judged_by_what_they_print_and_how_they_end() {
    insta::assert_snapshot!(plainly("commandTests:
- {name: code, command: fail, args: ['3'], exitCode: 3, expectedError: ['broke'], excludedError: ['second']}
- {name: other code, command: fail, args: ['3']}
- {name: output, command: fail, args: ['0'], expectedOutput: ['x'], excludedError: ['it\\sbroke']}
- {name: too long, command: hang}
- {name: too much, command: flood}
- {name: nowhere, command: /nowhere}
"), @r"
    ok code
    FAIL other code
      exit code: expected 0, found 3: it broke
    FAIL output
      stderr: expected no match of `it\sbroke`, found first
    it broke

      stdout: expected a match of `x`, found nothing
    FAIL too long
      `hang`: expected an end within 5 s, found it still running, and ended it
    FAIL too much
      `flood`: expected at most 1000 bytes of output, found more, and ended it
    FAIL nowhere
      `/nowhere`: expected it to start, found there is no `/nowhere`
    ");
}

#[test]
fn setup_and_teardown_run_in_the_test_s_own_container() {
    let told = Told::default();
    let file = "commandTests:
- {name: remembers, setup: [[remember, a], [fail, '4'], [remember, b]], command: recall, expectedOutput: ['^a\\nb$'],
   teardown: [[remember, c], [fail, '5'], [/nowhere]]}
- {name: starts afresh, command: recall, expectedOutput: ['^$']}
- {name: no setup, setup: [[/nowhere]], command: recall}
containerRunOptions: {user: tester}
";
    insta::assert_snapshot!(verdicts(file, &Execution::default(), &told), @r"
    ok remembers
      note: setup `fail 4` ended with exit code 4: it broke
      note: teardown `fail 5` ended with exit code 5: it broke
      note: teardown `/nowhere`: expected it to start, found there is no `/nowhere`
    ok starts afresh
    FAIL no setup
      setup `/nowhere`: expected it to start, found there is no `/nowhere`
    ");
    insta::assert_snapshot!(told.0.borrow().join("\n"), @r"
    start tester
    remember a
    fail 4
    remember b
    recall
    remember c
    fail 5
    /nowhere
    start tester
    recall
    start tester
    /nowhere
    ");
}

#[test]
fn variables_stand_on_one_another() {
    let settings =
        Execution { env: vec!["PATH=/bin".to_owned(), "KEPT=1".to_owned()], ..Execution::default() };
    let file = "globalEnvVars: [{key: PATH, value: '/env/bin:$PATH'}, {key: GONE, value: '$NOBODY'}]
commandTests:
- {name: env, envVars: [{key: OWN, value: '$PATH!'}], command: env, args: ['$OWN', '$$'], expectedOutput: ['^shown$']}
";
    let told = Told::default();
    insta::assert_snapshot!(verdicts(file, &settings, &told), @r#"
    FAIL env
      stdout: expected a match of `^shown$`, found {"GONE": "", "KEPT": "1", "OWN": "/env/bin:/bin!", "PATH": "/env/bin:/bin"}
    "#);
    insta::assert_snapshot!(told.0.borrow().join("\n"), @r"
    start -
    env /env/bin:/bin!
    ");
}
