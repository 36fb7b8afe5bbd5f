//! `bareboat effects` of what is no package, and of packages whose scripts mean harm.

use bareboat_testkit::{DebBuilder, Suite};

use super::archive::archive;
use crate::bench::{Bench, HELLO};

impl Bench {
    fn effects(&self, args: &[&str]) -> String {
        let output = self.command([&["effects"], args].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", crate::bench::said(&output));
        crate::bench::said(&output)
    }
}

#[test]
fn a_name_that_is_no_package_is_told_with_the_nearest() {
    let bench = Bench::new(HELLO);
    insta::assert_snapshot!(bench.effects(&["mini-servr"]), @r"
    error: cannot resolve `mini-servr` for linux/amd64: the archive has no package `mini-servr`
    hint: did you mean `mini-server`?
    ");
    insta::assert_snapshot!(bench.effects(&["../etc"]), @r"error: cannot look at `../etc`: `../etc` cannot name a Debian package, expected two or more lower-case letters, digits, `+`, `-` and `.`");
    insta::assert_snapshot!(bench.effects(&["hello", "--suite", "no suite"]), @r"error: cannot use the suite `no suite`: `no suite` is not a name, expected letters, digits and `.`, `_`, `+` or `-` between them");
    insta::assert_snapshot!(bench.effects(&["hello", "--suite", "lenny"]), @r"
    error: cannot fetch the Release file of `lenny` at `[MIRROR]/debian`: the mirror has no such suite
    hint: look at [MIRROR]/debian/dists/ for the suites that it has
    ");
    insta::assert_snapshot!(bench.effects(&["hello", "-f", "nowhere.toml"]), @r"
    error: cannot read `nowhere.toml`: no such file or directory
    hint: a recipe is a file named bareboat.toml; name the file or its folder
    ");
}

#[test]
fn scripts_that_mean_harm_change_nothing_outside_and_end() {
    let script = "#!/bin/sh\nln -s / /loop\nmkdir -p /loop/../../../../etc/x/../../../y\ncp /etc/shadow /stolen\n\
                  echo evil >/../../outside\nchown root:root /loop/loop\nwhile :; do touch /x; done\n";
    let hello = DebBuilder::new("hello", "1.0")
        .arch("amd64")
        .script("postinst", script)
        .tree("/usr/bin/hello 0755 \"hello\\n\"");
    let deb = hello.build();
    let bench = Bench::with_files(HELLO, archive(|_| Suite::new("trixie").package(&deb)));
    let output = bench.command(["effects", "hello"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", crate::bench::said(&output));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r"
    hello 1.0 (postinst)
      reproduced
        postinst:2: files (/loop → /)
        postinst:6: modes (root:root /loop/loop)
        postinst:7: files (/x)
      not known
        postinst:3: mkdir -p /loop/../../../../etc/x/../../../y
            path `/loop/../../../../etc/x/../../../y` leaves the root with `..`
        postinst:4: cp /etc/shadow /stolen
            `/etc/shadow` is not in the image
        postinst:5: echo evil >/../../outside
            path `/../../outside` leaves the root with `..`
        postinst:7: while :; do touch /x; done
            it takes too many steps to follow
    ");
}
