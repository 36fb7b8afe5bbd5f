//! The grammar, and what must be refused.

use super::*;

fn simple(command: &Command) -> Vec<String> {
    let CommandKind::Simple { words, .. } = &command.kind else { panic!("{command:?}") };
    words.iter().map(shown).collect()
}

fn shown(word: &Word) -> String {
    let part = |part: &Part| match part {
        Part::Text { text, .. } => text.clone(),
        Part::Variable { name, .. } => format!("<{name}>"),
        Part::Substitution { commands, .. } => format!("({})", simple(&commands[0]).join(" ")),
        Part::Arithmetic => "<number>".to_owned(),
    };
    word.iter().map(part).collect()
}

#[test]
fn words_are_cut_where_the_shell_cuts_them() {
    for (text, expected) in [
        ("a  b\tc", &["a", "b", "c"][..]),
        ("a\\\n b # c", &["a", "b"]),
        ("'a b'\"c d\"e\\ f", &["a bc de f"]),
        ("x \"$y/${z}\" $1$@", &["x", "<y>/<z>", "<1><@>"]),
        ("x `a \"b\"` $(c d)", &["x", "(a b)", "(c d)"]),
        ("x '' \"\"", &["x", "", ""]),
        ("x a#b", &["x", "a#b"]),
        ("x $((1 + (2)))", &["x", "<number>"]),
        ("x $ a$", &["x", "$", "a$"]),
        ("x \"\\$a\\n\\\"\"", &["x", "$a\\n\""]),
        ("[ -x \"`command -v x`\" ]", &["[", "-x", "(command -v x)", "]"]),
        (
            "[[ $a == b* && ( -n c || d < e ) ]]",
            &["[[", "<a>", "==", "b*", "&&", "(", "-n", "c", "||", "d", "<", "e", ")", "]]"],
        ),
    ] {
        let list = parse(text).unwrap();
        assert_eq!(list.len(), 1, "{text}");
        assert_eq!(simple(&list[0]), expected, "{text}");
    }
}

#[test]
fn every_kind_of_command_is_one() {
    for (text, expected) in [
        ("a && b || c", "AndOr"),
        ("! a | b", "Not"),
        ("a | b |\n c", "Pipeline"),
        ("if a; then b; elif c; then d; else e; fi", "If"),
        ("if a\nthen\n  b # fi\nfi >/dev/null", "If"),
        ("for x in a b\ndo c; done", "For"),
        ("for x; do c; done", "For"),
        ("while a; do b; done", "While"),
        ("case $1 in a|b) c ;; (*) d; esac", "Case"),
        ("case $1 in\n a) ;;\nesac", "Case"),
        ("{ a; }", "Group"),
        ("( a; b )", "Subshell"),
        ("f() { a; }", "Function"),
        ("f ()\n{\n a\n}", "Function"),
        ("function f { a; }", "Function"),
        ("a=b c=$d", "Simple"),
        ("a &", "Simple"),
        (">x", "Simple"),
    ] {
        let list = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(list.len(), 1, "{text}: {list:?}");
        assert!(format!("{:?}", list[0].kind).starts_with(expected), "{text}: {list:?}");
    }
}

#[test]
fn lines_are_counted() {
    let list = parse("#!/bin/sh\n\na \\\n b\ncat <<E\nx\nE\nlast").unwrap();
    assert_eq!(list.iter().map(|command| command.line).collect::<Vec<_>>(), [3, 5, 8]);
}

#[test]
fn here_documents_follow_their_line() {
    let list = parse("cat >/x <<EOF && b\na $b\nEOF\nc <<-'E' <<F\n\td $e\n\tE\ng\nF\n").unwrap();
    let CommandKind::AndOr { first, .. } = &list[0].kind else { panic!() };
    assert_eq!(shown(&first.redirects[1].target), "a <b>\n");
    let texts: Vec<_> = list[1].redirects.iter().map(|redirect| shown(&redirect.target)).collect();
    assert_eq!(texts, ["d $e\n", "g\n"]);
}

#[test]
fn redirections_have_descriptors() {
    let list = parse("a 2>&1 >>b </dev/null 3>c").unwrap();
    let shown: Vec<_> = list[0].redirects.iter().map(|r| (r.descriptor, r.kind, shown(&r.target))).collect();
    let expected = [
        (2, RedirectKind::Duplicate, "1"),
        (1, RedirectKind::Append, "b"),
        (0, RedirectKind::Input, "/dev/null"),
        (3, RedirectKind::Output, "c"),
    ];
    assert_eq!(shown, expected.map(|(number, kind, target)| (number, kind, target.to_owned())));
}

#[test]
fn what_is_no_script_is_refused_with_its_line() {
    for (text, message) in [
        ("a\nif b", "line 2: `then` is missing"),
        ("'a", "line 1: a single quote is never closed"),
        ("\"a\n", "line 2: a double quote is never closed"),
        ("a )", "line 1: `)` is not expected here"),
        ("fi", "line 1: `fi` is not expected here"),
        ("$(a", "line 1: a `$(` is never closed"),
        ("${", "line 1: a `${` names no variable"),
        ("a=(b c)", "line 1: arrays are bash's"),
        ("a ||", "line 1: a command is missing"),
        ("case x in a", "line 1: `)` is missing"),
        (&"(".repeat(1000), "line 1: commands stand too deep in one another"),
        (&"$(".repeat(1000), "line 1: commands stand too deep in one another"),
        (&"${a:-".repeat(1000), "line 1: commands stand too deep in one another"),
        (&"! ".repeat(1000), "line 1: commands stand too deep in one another"),
        (&"if ".repeat(1000), "line 1: commands stand too deep in one another"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
    }
    let long = "a".repeat(LONGEST + 1);
    assert_eq!(parse(&long).unwrap_err().to_string(), "it has 1048577 bytes, at most 1048576 are read");
}

/// They end on the stack of a thread, however many there are.
#[test]
fn chains_are_long_and_not_deep() {
    for joint in ["&&", "||"] {
        let list = parse(&(format!("a {joint} ").repeat(60_000) + "b")).unwrap();
        let CommandKind::AndOr { rest, .. } = &list.clone()[0].kind else { panic!() };
        assert_eq!(rest.len(), 60_000);
    }
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in "[a-z$(){}<>&|;'\"`\\\\\n =#\\[\\]!*-]{0,80}") {
        let _ = parse(&text);
    }
}
