//! Packages whose scripts are known as a whole: other effects do what they do, or an image without a shell needs little of it.

use bareboat_model::ImagePath;

use super::left_out;
use super::scripts::{Finding, Outcome, System};

/// What another effect does for a package, and which effect.
const ELSEWHERE: [(&str, &str, &str); 4] = [
    ("ca-certificates", "ca-bundle", "the bundle of all its certificates"),
    ("ca-certificates-java", "java-trust-store", "the bundle's certificates"),
    ("libc-bin", "nsswitch", "its template, and ld.so.cache"),
    ("tzdata", "localtime", "UTC"),
];

/// Files that programs make which are left out, as far as their scripts go on with them: root's, and not in the image.
const STAND_INS: [(&str, &str); 1] = [("rndc-confgen -a", "/etc/bind/rndc.key")];

/// What a left-out program would have made.
pub(super) fn stand_in(name: &str, arguments: &[Option<String>]) -> Option<&'static str> {
    let words: Option<Vec<&str>> = arguments.iter().map(Option::as_deref).collect();
    let line = std::iter::once(name).chain(words?).collect::<Vec<_>>().join(" ");
    STAND_INS.iter().find(|(command, _)| *command == line).map(|(_, made)| *made)
}

/// Whether an effect is one that does by itself what a package's scripts do, and tells so by itself.
pub(super) fn is_elsewhere(effect: &str) -> bool {
    effect == "alternatives" || ELSEWHERE.iter().any(|(_, elsewhere, _)| *elsewhere == effect)
}

/// What becomes of the scripts of a package that is known; none when they are to be followed.
pub(super) fn of(package: &str, system: &mut System<'_>) -> Option<Vec<Finding>> {
    let finding = |outcome| {
        vec![Finding {
            script: "postinst".into(),
            line: 1,
            text: String::new(),
            command: String::new(),
            outcome,
        }]
    };
    if package == "base-passwd" {
        system.accounts.add_standard();
    }
    if let Some((_, effect, what)) = ELSEWHERE.iter().find(|(name, ..)| *name == package) {
        return Some(finding(Outcome::done(effect, *what)));
    }
    // base-files lays a system out for people: profiles, /usr/local, /mnt, mail, login records; and netbase names networks.
    // An image in which nobody can log in has no use for it.
    if matches!(package, "base-files" | "netbase") && !has_shell(system) {
        let rule = left_out::named("login")?;
        return Some(finding(Outcome::LeftOut(rule)));
    }
    None
}

fn has_shell(system: &System<'_>) -> bool {
    ImagePath::absolute("/bin/sh").is_ok_and(|path| system.tree.lookup(&path).is_some())
}
