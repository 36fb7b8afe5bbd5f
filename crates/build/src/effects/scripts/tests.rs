//! What following a script leaves in the tree, as text; what is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bareboat_model::{Arch, ImagePath};

use super::{Followed, Outcome, follow};
use crate::effects::Accounts;
use crate::tree::{Content, Kind, Node, Owner, Precedence, Tree};
use crate::unpack::Unpacked;

fn tree() -> Tree {
    let mut tree = Tree::new();
    for path in ["/run", "/var/lib"] {
        let node = Node::directory(0o755, Owner::Package("base-files".into()));
        tree.place(&ImagePath::absolute(path).unwrap(), node, &|_, _, _| Precedence::Refuse).unwrap();
    }
    for (path, mode) in [("/etc/x.conf", 0o644), ("/usr/bin/tool", 0o755), ("/usr/bin/other", 0o755)] {
        let owner = Owner::Package("p".into());
        let node = Node::file(Content::from_bytes(&b"a = 1\n"[..]), mode, 7, owner);
        tree.place(&ImagePath::absolute(path).unwrap(), node, &|_, _, _| Precedence::Refuse).unwrap();
    }
    tree
}

fn package(postinst: &str) -> Unpacked {
    package_declaring(postinst, serde_json::json!({}))
}

fn package_declaring(postinst: &str, declarations: serde_json::Value) -> Unpacked {
    let json = serde_json::json!({
        "control": "Package: p\nVersion: 1.0\n", "md5sums": "", "conffiles": [], "triggers": "", "built": "1970-01-01T00:00:00Z",
        "scripts": {"postinst": postinst}, "members": [], "contents_size": 0, "declarations": declarations,
        "templates": "Template: p/mode\nType: string\nDefault: fast\n",
    });
    serde_json::from_value(json).unwrap()
}

/// Follows one postinst; gives back what it made or changed, and what is told as not done.
fn followed(postinst: &str) -> (Vec<String>, Vec<String>, Accounts, Followed) {
    let mut tree = tree();
    let before: BTreeMap<ImagePath, Node> =
        tree.iter().map(|(path, node)| (path.clone(), node.clone())).collect();
    let mut accounts = Accounts::of(&tree, &Default::default(), &Default::default()).unwrap();
    let packages = [(Arc::from("p"), package(postinst))];
    let followed = follow(&mut tree, &mut accounts, &packages, Arch::Amd64, 0).unwrap();
    let changed = tree.iter().filter(|(path, node)| before.get(path) != Some(node));
    let listing = changed
        .filter(|(_, node)| !matches!(node.kind, Kind::Directory { implied: true }))
        .map(|(path, node)| match &node.kind {
            Kind::Symlink(target) => format!("{path} -> {}", String::from_utf8_lossy(target)),
            Kind::Directory { .. } => format!("{path}/ {:o} {}:{}", node.mode, node.uid, node.gid),
            Kind::File { content, .. } => {
                let text = String::from_utf8(content.read(1 << 20).unwrap()).unwrap();
                format!("{path} {:o} {}:{} {text:?}", node.mode, node.uid, node.gid)
            }
        })
        .collect();
    let told = followed.findings.values().flatten().filter_map(|finding| match &finding.outcome {
        Outcome::Reproduced { .. } => None,
        Outcome::LeftOut(rule) => Some(format!("{}: {}", finding.line, rule.name)),
        Outcome::Unknown { why } => Some(format!("{}: {why}", finding.line)),
    });
    (listing, told.collect(), accounts, followed)
}

#[test]
fn scripts_leave_what_they_would_have_left() {
    for (script, expected) in [
        (
            "mkdir -p /var/lib/p; chown www-data:adm /var/lib/p; chmod 2750 /var/lib/p",
            &["/var/lib/p/ 2750 33:4"][..],
        ),
        ("D=/run/p\n[ -d $D ] || install -d -m 0755 -o root -g mail \"$D\"", &["/run/p/ 755 0:8"]),
        ("for i in a b; do touch /etc/$i; done", &["/etc/a 644 0:0 \"\"", "/etc/b 644 0:0 \"\""]),
        ("umask 077\necho x > /etc/key", &["/etc/key 600 0:0 \"x\\n\""]),
        ("cat >/etc/h <<EOF\na $1\nEOF", &["/etc/h 644 0:0 \"a configure\\n\""]),
        ("cat >/etc/h <<'EOF'\na $1\nEOF", &["/etc/h 644 0:0 \"a $1\\n\""]),
        ("if [ -z \"$2\" ]; then ln -s /etc/x.conf /etc/y; fi", &["/etc/y -> /etc/x.conf"]),
        ("case $1 in upgrade) touch /a;; configure|x) touch /b;; esac", &["/b 644 0:0 \"\""]),
        ("f() { cp -p \"$1\" \"$2\"; }\nf /etc/x.conf /etc/z", &["/etc/z 644 0:0 \"a = 1\\n\""]),
        (
            "if ! dpkg-statoverride --list /etc/x.conf; then dpkg-statoverride --update --add root mail 640 /etc/x.conf; fi",
            &["/etc/x.conf 640 0:8 \"a = 1\\n\""],
        ),
        ("ucf /usr/bin/tool /etc/x.conf; ucf /etc/x.conf /etc/w", &["/etc/w 644 0:0 \"a = 1\\n\""]),
        (
            ". /usr/share/debconf/confmodule\ndb_get p/mode\n[ \"$RET\" != fast ] || touch /fast",
            &["/fast 644 0:0 \"\""],
        ),
        ("t=$(mktemp); sed 's/1/2/' /etc/x.conf >$t; mv $t /etc/n", &["/etc/n 600 0:0 \"a = 2\\n\""]),
        (
            "mkdir -p /etc/php/8/mods-available /etc/php/8/fpm/conf.d\ntouch /etc/php/8/mods-available/x.ini\n\
             phpenmod -m -v 8 -s fpm x\nphpquery -q -v 8 -s fpm -m x && rm /etc/php/8/mods-available/x.ini",
            &[
                "/etc/php/ 755 0:0",
                "/etc/php/8/ 755 0:0",
                "/etc/php/8/fpm/ 755 0:0",
                "/etc/php/8/fpm/conf.d/ 755 0:0",
                "/etc/php/8/fpm/conf.d/20-x.ini -> /etc/php/8/mods-available/x.ini",
                "/etc/php/8/mods-available/ 755 0:0",
            ],
        ),
        (
            "mkdir /etc/d; ln -s x /etc/d/l; cp --archive /etc/d /etc/e",
            &["/etc/d/ 755 0:0", "/etc/d/l -> x", "/etc/e/ 755 0:0", "/etc/e/l -> x"],
        ),
        ("cd /etc; cp x.conf v", &["/etc/v 644 0:0 \"a = 1\\n\""]),
        ("exit 0\ntouch /never", &[]),
        ("touch /etc/t; rm -f /etc/t", &[]),
        (
            "command -v nope >/dev/null && touch /n; command -v tool >/dev/null && touch /t",
            &["/t 644 0:0 \"\""],
        ),
        (
            "for p in python3 gawk ip file ucf; do which $p && touch /$p; done; command -v sed && command -v cd && touch /s",
            &["/s 644 0:0 \"\""],
        ),
        (
            "chmod 4750 /etc/x.conf; set -- $(ls -ln /etc/x.conf); echo $1 $3 $5 >/etc/l",
            &["/etc/l 644 0:0 \"-rwsr-x--- 0 6\\n\"", "/etc/x.conf 4750 0:0 \"a = 1\\n\""],
        ),
        ("dpkg --compare-versions \"$2\" lt-nl 5 && touch /old", &[]),
        (
            "for f in /usr/bin/*; do ln -s \"$f\" /opt-${f##*/}; done",
            &["/opt-other -> /usr/bin/other", "/opt-tool -> /usr/bin/tool"],
        ),
    ] {
        let (listing, told, ..) = followed(&format!("#!/bin/sh\nset -e\n{script}\n"));
        assert_eq!(listing, expected, "{script}");
        assert!(told.is_empty(), "{script}: {told:?}");
    }
}

#[test]
fn what_is_not_known_is_told_and_not_done() {
    const COMES: &str = "whether the script comes here is only known when it runs";
    const COMES_WRITES: &str =
        "whether the script comes here, and writes `/etc/l`, is only known when it runs";
    for (script, expected) in [
        (
            "nproc-is-4 && touch /a",
            vec![
                "1: it is a program that only running it would tell about".to_owned(),
                format!("1: {COMES}"),
            ],
        ),
        ("if grep -q 'a.*b' /etc/x.conf; then chmod 600 /etc/x.conf; fi", vec![format!("1: {COMES}")]),
        ("chown nobody-knows /etc/x.conf", vec!["1: there is no user `nobody-knows`".to_owned()]),
        ("x=$(date)\ntouch /$x", vec!["2: its arguments are only known when it runs".to_owned()]),
        (
            "sed -i s/a/b/ /etc/x.conf",
            vec!["1: it is a program that only running it would tell about".to_owned()],
        ),
        ("date >/etc/stamp", vec!["1: what it writes to `/etc/stamp` is only known when it runs".to_owned()]),
        ("[ \"$(date)\" = x ] && exit 0\ntouch /late", vec![format!("2: {COMES}")]),
        ("rm -f /usr/bin/tool", vec!["1: `/usr/bin/tool` is a package's, and stays".to_owned()]),
        ("update-rc.d p defaults", vec!["1: services".to_owned()]),
        (
            "chronyd -p | grep -q user || touch /c",
            vec![
                "1: it is a program that only running it would tell about".to_owned(),
                format!("1: {COMES}"),
            ],
        ),
        (
            "ls /etc | xargs -r systemctl restart",
            vec!["1: it is a program that only running it would tell about".to_owned()],
        ),
        ("for l in \"$(ls -ln /etc)\"; do echo $l >/etc/l; done", vec![format!("1: {COMES_WRITES}")]),
        ("install -d -m q /etc/d", vec!["1: `q` is no mode that is understood".to_owned()]),
        ("install -d --mode=q /etc/d", vec!["1: `q` is no mode that is understood".to_owned()]),
        ("install -d /etc/d -m", vec!["1: `-m` has no value".to_owned()]),
        ("mkdir -m q /etc/d", vec!["1: `q` is no mode that is understood".to_owned()]),
        ("ucf /etc/x.conf", vec!["1: it is no complete call of ucf".to_owned()]),
        ("cp /etc/x.conf", vec!["1: it names no target".to_owned()]),
        ("usermod -aG nowhere,audio www-data", vec!["1: there is no group `nowhere`".to_owned()]),
        (
            "usermod -u 7 www-data",
            vec!["1: it changes an account in more than its home, shell and groups".to_owned()],
        ),
        (
            "addgroup --system one\nusermod -G audio,one www-data\nusermod -G one www-data",
            vec!["3: it takes `www-data` out of the group `audio`".to_owned()],
        ),
        ("#!/usr/bin/perl\nmy @a = (1);", vec!["0: it is no shell script".to_owned()]),
    ] {
        let (listing, told, ..) = followed(script);
        assert!(listing.is_empty(), "{script}: {listing:?}");
        assert_eq!(told, expected, "{script}");
    }
}

#[test]
fn accounts_are_made_as_the_calls_say() {
    let (listing, told, accounts, _) = followed(
        "getent passwd web >/dev/null || adduser --system --group --home /var/lib/web --gecos 'Web, sir' web\n\
         addgroup --system --gid 444 data\nusermod -G data,mail web\nuseradd -r -u 777 -d /nowhere -s /bin/false fixed\n",
    );
    assert!(told.is_empty(), "{told:?}");
    let web = accounts.user("web").unwrap();
    assert_eq!(
        (web.home.as_str(), web.gecos.as_str(), web.shell.as_str()),
        ("/var/lib/web", "Web, sir", "/usr/sbin/nologin")
    );
    assert_eq!(accounts.group_name(web.gid), Some("web"));
    assert_eq!(listing, [format!("/var/lib/web/ 755 {}:{}", web.uid, web.gid)]);
    assert_eq!(accounts.groups_of("web").collect::<Vec<_>>(), ["data", "mail"]);
    assert_eq!(accounts.group("data").unwrap().gid, 444);
    let fixed = accounts.user("fixed").unwrap();
    assert_eq!((fixed.uid, fixed.shell.as_str()), (777, "/bin/false"));
}

#[test]
fn what_systemd_lays_out_for_itself_is_left_out_and_told() {
    let declarations = serde_json::json!({"/usr/lib/tmpfiles.d/x.conf": "d /var/lib/x 0755 - - -\n"});
    for (name, left_out) in [("systemd", true), ("p", false)] {
        let mut tree = tree();
        let mut accounts = Accounts::of(&tree, &Default::default(), &Default::default()).unwrap();
        let packages = [(Arc::from(name), package_declaring("", declarations.clone()))];
        let followed = follow(&mut tree, &mut accounts, &packages, Arch::Amd64, 0).unwrap();
        assert_eq!(tree.get(&ImagePath::absolute("/var/lib/x").unwrap()).is_none(), left_out, "{name}");
        let outcomes: Vec<_> = followed.findings[name].iter().map(|finding| &finding.outcome).collect();
        match outcomes[..] {
            [Outcome::LeftOut(rule)] if left_out => assert_eq!(rule.name, "systemd itself"),
            [Outcome::Reproduced { .. }] => assert!(!left_out),
            _ => panic!("{name}: {outcomes:?}"),
        }
    }
}

#[test]
fn scripts_that_never_end_are_left() {
    for script in [
        "while do done",
        "while :; do while do done; done",
        "set -- a b; while :; do set -- \"$@\" \"$@\"; done",
        "x=a; while :; do x=$(echo $x | sed -e 's/.*/&&/' -e 's/.*/&&/'); done",
        "while true; do :; done",
        "f() { f; }; f",
        "while :; do for i in 1 2 3; do echo; done; done",
        "x=a; while :; do x=$x$x; (y=$x); done",
        "while :; do : /*/*/*; done",
        "while :; do echo x >>/etc/x.conf; done",
    ] {
        let (_, told, ..) = followed(script);
        let script = &script[..script.len().min(200)];
        assert!(told.iter().any(|line| line.contains("too many steps")), "{script}: {told:.200?}");
    }
}

#[test]
fn a_script_copies_no_more_than_a_script_would() {
    let mut tree = tree();
    let mut accounts = Accounts::of(&tree, &Default::default(), &Default::default()).unwrap();
    let script = "mkdir /d; while :; do i=x$i; cp -r /usr /d/$i; cp -r /d /e/$i; cp -r /e /d/$i; done";
    follow(&mut tree, &mut accounts, &[(Arc::from("p"), package(script))], Arch::Amd64, 0).unwrap();
    let count = tree.iter().count();
    assert!(count < 25_000, "{count}");
}
