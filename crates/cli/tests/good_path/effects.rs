//! What maintainer scripts would have done is in the image, and what they would do is told.

use crate::bench::Bench;

fn server(more: &str) -> Bench {
    Bench::new(&format!(
        "name = \"hello\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\npackages = [\"mini-server\"]\n{more}"
    ))
}

#[test]
fn an_image_has_what_the_scripts_would_have_made() {
    let bench = server("");
    bench.says(&["build"]);
    insta::assert_snapshot!(bench.image().tree().without_times(), @r#"
    /bin -> usr/bin
    /etc/ 0755
    /etc/alternatives/ 0755
    /etc/alternatives/www-browser -> /usr/bin/mini-browse
    /etc/alternatives/x-www-browser -> /usr/bin/mini-browse
    /etc/group 0644 "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n_mini:x:894:\nadm:x:4:\n_mini-log:x:717:\n"
    /etc/mini/ 0755
    /etc/mini/mini.conf 0640 0:894 "port = 80\n"
    /etc/nsswitch.conf 0644 <330 bytes, sha256 8ae1d0cee86b…>
    /etc/passwd 0644 <209 bytes, sha256 b5ee82541e1a…>
    /lib -> usr/lib
    /run/ 0755
    /run/mini/ 0755 894:894
    /sbin -> usr/sbin
    /tmp/ 1777
    /usr/ 0755
    /usr/bin/ 0755
    /usr/bin/mini-browse 0755 "browse\n"
    /usr/bin/www-browser -> /etc/alternatives/www-browser
    /usr/bin/x-www-browser -> /etc/alternatives/x-www-browser
    /usr/lib/ 0755
    /usr/lib/sysusers.d/ 0755
    /usr/lib/sysusers.d/mini.conf 0644 "g _mini-log -\n"
    /usr/lib/tmpfiles.d/ 0755
    /usr/lib/tmpfiles.d/mini.conf 0644 "d /run/mini 0755 _mini _mini -\n"
    /usr/sbin/ 0755
    /usr/sbin/minid 0755 "serve\n"
    /usr/share/ 0755
    /usr/share/doc/ 0755
    /usr/share/doc/mini-server/ 0755
    /usr/share/doc/mini-server/copyright 0644 "The licence of mini-server.\n"
    /var/ 0755
    /var/lib/ 0755
    /var/lib/dpkg/ 0755
    /var/lib/dpkg/status.d/ 0755
    /var/lib/dpkg/status.d/mini-server 0644 <286 bytes, sha256 7d94853befb2…>
    /var/lib/dpkg/status.d/mini-server.md5sums 0644 <299 bytes, sha256 64978bd14f27…>
    /var/lib/mini/ 0755 894:894
    /var/log/ 0755
    /var/log/mini/ 2750 894:4
    /var/run -> /run
    /var/tmp/ 1777
    "#);
}

#[test]
fn a_summary_tells_what_was_done_and_what_was_not() {
    let said = server("").says(&["build"]);
    let told = said
        .lines()
        .skip_while(|line| !line.starts_with("effects"))
        .take_while(|line| !line.starts_with("digest"));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    effects      directories (/run/mini), files (/var/log/mini),
                 modes (root:_mini /etc/mini/mini.conf, 0640 /etc/mini/mini.conf),
                 system-users (_mini, _mini-log), users (root, nobody, nonroot, _mini),
                 tmp (/tmp and /var/tmp, 1777), nsswitch (files and dns),
                 alternatives (www-browser, x-www-browser), status.d (1 package)
    not run      mini-server (services, programs)
    ");
}

#[test]
fn a_recipe_goes_over_what_scripts_make() {
    let bench = server(
        "[users._mini]\nuid = 4000\n[directories]\n\"/var/log/mini\" = { mode = \"0700\" }\n\
         [links]\n\"/usr/bin/www-browser\" = \"/usr/sbin/minid\"\n[prune]\npaths = [\"/usr/bin/mini-browse\"]\n",
    );
    bench.says(&["build"]);
    let tree = bench.image().tree().without_times().to_string();
    let of_interest =
        |line: &&str| line.contains("browse") || line.contains("/var/log/mini") || line.contains("/run/mini");
    insta::assert_snapshot!(tree.lines().filter(of_interest).collect::<Vec<_>>().join("\n"), @r#"
    /run/mini/ 0755 4000:4000
    /usr/bin/www-browser -> /usr/sbin/minid
    /usr/lib/tmpfiles.d/mini.conf 0644 "d /run/mini 0755 _mini _mini -\n"
    /var/log/mini/ 0700
    "#);
}

#[test]
fn numbers_stay_when_packages_come() {
    let passwd = |packages: &str| {
        let bench = Bench::new(&format!(
            "name = \"hello\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\npackages = [{packages}]\n"
        ));
        bench.says(&["build"]);
        let tree = bench.image().tree().without_times().to_string();
        tree.lines().find(|line| line.starts_with("/run/mini")).unwrap().to_owned()
    };
    assert_eq!(passwd("\"mini-server\""), passwd("\"hello\", \"mini-server\""));
}

#[test]
fn effects_are_told_by_line_and_with_reasons() {
    let bench = server("");
    insta::assert_snapshot!(bench.says(&["effects", "mini-server", "--platform", "linux/amd64"]), @r"
    mini-server 1.4-2 (postinst)
      reproduced
        postinst:5: system-users (_mini)
        postinst:7: files (/var/log/mini)
        postinst:9: alternatives (www-browser)
        postinst:9: alternatives (x-www-browser)
        postinst:14: modes (root:_mini /etc/mini/mini.conf)
        postinst:15: modes (0640 /etc/mini/mini.conf)
        /usr/lib/sysusers.d/mini.conf: system-users (_mini-log)
        /usr/lib/tmpfiles.d/mini.conf: directories (/run/mini)
      left out
        services: postinst:18
            an image has no init system: its entrypoint is the service
      not known
        postinst:17: minid --make-index > /var/lib/mini/index
            it is a program that only running it would tell about
        postinst:17: minid --make-index > /var/lib/mini/index
            what it writes to `/var/lib/mini/index` is only known when it runs
    ");
    insta::assert_snapshot!(bench.says(&["effects", "hello", "--suite", "bookworm"]), @r"hello 2.10-3 (no scripts)");
    assert!(!bench.path("project/bareboat.lock").exists(), "it writes nothing");
}

#[test]
fn a_program_is_told_the_same() {
    let bench = server("");
    let said = bench.says(&["effects", "mini-server", "-f", ".", "--format", "json"]);
    insta::assert_snapshot!(said.lines().take(40).collect::<Vec<_>>().join("\n"), @r#"
    {
      "schema": "bareboat.effects/1",
      "platform": "linux/amd64",
      "suite": "trixie",
      "packages": [
        {
          "package": "mini-server",
          "version": "1.4-2",
          "scripts": [
            "postinst"
          ],
          "findings": [
            {
              "script": "postinst",
              "line": 5,
              "text": "adduser --system --group --home /var/lib/mini --gecos \"Mini server\" _mini",
              "command": "adduser --system --group --home /var/lib/mini --gecos Mini server _mini",
              "outcome": "reproduced",
              "effect": "system-users",
              "what": "_mini"
            },
            {
              "script": "postinst",
              "line": 7,
              "text": "install -d -o _mini -g adm -m 2750 \"$RET\"",
              "command": "install -d -o _mini -g adm -m 2750 /var/log/mini",
              "outcome": "reproduced",
              "effect": "files",
              "what": "/var/log/mini"
            },
            {
              "script": "postinst",
              "line": 9,
              "text": "update-alternatives --install /usr/bin/$name-browser $name-browser /usr/bin/mini-browse 40 --slave /usr/share/man/man1/$name-browser.1.gz $name-browser.1.gz /usr/share/man/man1/mini-browse.1.gz",
              "command": "update-alternatives --install /usr/bin/www-browser www-browser /usr/bin/mini-browse 40 --slave /usr/share/man/man1/www-browser.1.gz www-browser.1.gz /usr/share/man/man1/mini-browse.1.gz",
              "outcome": "reproduced",
              "effect": "alternatives",
              "what": "www-browser"
            },
            {
    "#);
}
