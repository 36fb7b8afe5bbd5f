use std::fmt::Write;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Dockerfile {
    parse(text.as_bytes(), Path::new("Dockerfile")).unwrap()
}

/// One line an instruction; each word with what the source has at its place.
fn told(text: &str) -> String {
    let read = read(text);
    let mut told = String::new();
    for instruction in &read.instructions {
        let on_build = if instruction.on_build { "ONBUILD " } else { "" };
        write!(told, "{on_build}{}", instruction.keyword.text).unwrap();
        for flag in &instruction.flags {
            write!(told, " --{}={}", flag.name, flag.value.as_ref().map_or("", |value| &value.text)).unwrap();
        }
        let words = |words: &[Word]| words.iter().map(|word| format!(" <{}>", word.text)).collect::<String>();
        let command = |command: &Command| match command {
            Command::Exec(list) => format!(" exec{}", words(list)),
            Command::Shell(line) => format!(" shell <{}>", line.text),
        };
        let pairs = |pairs: &[(Word, Word)]| {
            pairs.iter().map(|(name, value)| format!(" <{}>=<{}>", name.text, value.text)).collect::<String>()
        };
        told += &match &instruction.kind {
            Kind::From { image, name } => {
                format!(
                    " <{}>{}",
                    image.text,
                    name.as_ref().map_or(String::new(), |name| format!(" as <{}>", name.text))
                )
            }
            Kind::Arg(list) => list
                .iter()
                .map(|(name, value)| {
                    format!(" <{}>={:?}", name.text, value.as_ref().map(|value| &value.text))
                })
                .collect(),
            Kind::Env(list) | Kind::Label(list) => pairs(list),
            Kind::Copy { sources, to } => format!("{} to <{}>", words(sources), to.text),
            Kind::Run(it) | Kind::Cmd(it) | Kind::Entrypoint(it) | Kind::Healthcheck(Some(it)) => command(it),
            Kind::Healthcheck(None) => " none".to_owned(),
            Kind::Shell(list) | Kind::Volume(list) | Kind::Expose(list) => words(list),
            Kind::User(word) | Kind::Workdir(word) | Kind::StopSignal(word) => format!(" <{}>", word.text),
            Kind::Other => String::new(),
        };
        for document in &instruction.documents {
            let expands = if document.expands { "" } else { " as it is" };
            write!(told, " <<{}{expands} {:?}", document.name, document.text).unwrap();
        }
        told.push('\n');
    }
    for problem in &read.problems {
        let place = bareboat_model::Place::of(Path::new("D"), text, problem.span.start);
        writeln!(told, "! {place} {}", problem.message).unwrap();
    }
    told
}

#[test]
fn instructions_are_read_as_docker_reads_them() {
    for (text, expected) in [
        ("FROM debian:13", "FROM <debian:13>\n"),
        (
            "from --platform=$BUILDPLATFORM golang As build\n",
            "FROM --platform=$BUILDPLATFORM <golang> as <build>\n",
        ),
        ("ARG A B=1 C=\"x y\"", "ARG <A>=None <B>=Some(\"1\") <C>=Some(\"\\\"x y\\\"\")\n"),
        ("ENV A=1 B='x y'", "ENV <A>=<1> <B>=<'x y'>\n"),
        ("ENV A x  y ", "ENV <A>=<x  y>\n"),
        ("ENV A=1\\ 2 B=3", "ENV <A>=<1\\ 2> <B>=<3>\n"),
        ("LABEL \"a b\"=c", "LABEL <\"a b\">=<c>\n"),
        ("COPY --from=build --chown=1:1 a b /c/", "COPY --from=build --chown=1:1 <a> <b> to </c/>\n"),
        ("COPY [\"a b\", \"/c\"]", "COPY <a b> to </c>\n"),
        ("CMD [\"a\", \"$B\"]", "CMD exec <a> <$B>\n"),
        ("CMD ['a']", "CMD shell <['a']>\n"),
        ("CMD [\"a\", 1]", "CMD shell <[\"a\", 1]>\n"),
        ("CMD", "CMD shell <>\n"),
        ("ENTRYPOINT a && b", "ENTRYPOINT shell <a && b>\n"),
        ("HEALTHCHECK --interval=5s CMD curl -f x", "HEALTHCHECK --interval=5s shell <curl -f x>\n"),
        ("HEALTHCHECK cmd [\"/a\"]", "HEALTHCHECK exec </a>\n"),
        ("HEALTHCHECK NONE", "HEALTHCHECK none\n"),
        ("SHELL [\"/bin/bash\", \"-c\"]", "SHELL </bin/bash> <-c>\n"),
        ("USER  nobody ", "USER <nobody>\n"),
        ("VOLUME /a /b", "VOLUME </a> </b>\n"),
        ("EXPOSE 80 443/tcp", "EXPOSE <80> <443/tcp>\n"),
        ("ONBUILD RUN a", "ONBUILD RUN shell <a>\n"),
        ("MAINTAINER me", "MAINTAINER\n"),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn lines_are_joined_and_comments_between_them_left_out() {
    for (text, expected) in [
        ("RUN a \\\n  b", "RUN shell <a   b>\n"),
        ("RUN a \\  \t\n  b", "RUN shell <a   b>\n"),
        ("RUN a \\\n# c\n\n b", "RUN shell <a  b>\n"),
        ("RUN a \\\\\nCMD b", "RUN shell <a \\\\>\nCMD shell <b>\n"),
        ("RUN a \\", "RUN shell <a>\n"),
        ("# escape=`\nRUN a `\n b \\\nCMD c", "RUN shell <a  b \\>\nCMD shell <c>\n"),
        ("\u{feff}FROM a\r\nRUN b \\\r\n c\r\n", "FROM <a>\nRUN shell <b  c>\n"),
        ("# c\n# escape=`\nRUN a \\\n b", "RUN shell <a  b>\n"),
        ("  RUN a", "RUN shell <a>\n"),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn here_documents_follow_the_line_that_names_them() {
    for (text, expected) in [
        ("RUN <<EOF\na\nb\nEOF\nCMD c", "RUN shell <<<EOF> <<EOF \"a\\nb\\n\"\nCMD shell <c>\n"),
        ("RUN <<-'E' x\n\ta\n\tE\n", "RUN shell <<<-'E' x> <<E as it is \"a\\n\"\n"),
        ("COPY <<a <<b /d/\n1\na\n2\nb\n", "COPY <<<a> <<<b> to </d/> <<a \"1\\n\" <<b \"2\\n\"\n"),
        ("RUN cat <<<word\nCMD c", "RUN shell <cat <<<word>\nCMD shell <c>\n"),
        ("CMD <<EOF\nRUN a", "CMD shell <<<EOF>\nRUN shell <a>\n"),
        ("RUN <<E\na", "RUN shell <<<E> <<E \"a\\n\"\n! D:2:1 the here-document `E` does not end\n"),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn what_docker_refuses_is_told_with_its_place_and_the_rest_is_read() {
    for (text, expected) in [
        ("FORM a\nCMD b", "FORM\nCMD shell <b>\n! D:1:1 Docker knows no such instruction: FORM\n"),
        ("FROM", "FROM\n! D:1:1 FROM: expected an image\n"),
        ("FROM a b c d", "FROM\n! D:1:1 FROM: expected IMAGE or IMAGE AS NAME\n"),
        ("\nCOPY a", "COPY\n! D:2:1 COPY: expected SOURCE… and DESTINATION\n"),
        (
            "SHELL sh",
            "SHELL\n! D:1:1 SHELL: expected a list of strings in JSON, such as [\"/bin/sh\", \"-c\"]\n",
        ),
        ("HEALTHCHECK curl", "HEALTHCHECK\n! D:1:1 HEALTHCHECK: expected CMD or NONE\n"),
        ("ENV A", "ENV\n! D:1:1 ENV: expected NAME=VALUE\n"),
        ("COPY --form=a b c", "COPY --form=a <b> to <c>\n! D:1:6 COPY has no flag --form\n"),
        ("ONBUILD FROM a", "ONBUILD FROM <a>\n! D:1:9 FROM cannot stand behind ONBUILD\n"),
        ("# escape=x\nCMD a", "CMD shell <a>\n! D:1:10 expected \\ or ` as the escape character\n"),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn words_know_where_they_stand_though_lines_were_joined() {
    let text = "CMD [\"/a\", \\\n  \"b c\"]\nCOPY x \\\n # no\n  /yz\n";
    let read = read(text);
    let Kind::Cmd(Command::Exec(words)) = &read.instructions[0].kind else { panic!("{read:?}") };
    assert_eq!(&text[words[1].span.clone()], "\"b c\"");
    let Kind::Copy { to, .. } = &read.instructions[1].kind else { panic!("{read:?}") };
    assert_eq!(&text[to.span.clone()], "/yz");
    assert_eq!(&text[read.instructions[0].span.clone()], "CMD [\"/a\", \\\n  \"b c\"]");
}

#[test]
fn directives_and_comments_are_told_apart() {
    let read = read("# syntax=docker/dockerfile:1\n# escape=\\\n# a comment\nFROM a\n # another\n");
    assert_eq!(read.syntax.unwrap().text, "docker/dockerfile:1");
    let comments: Vec<_> = read.comments.iter().map(|comment| comment.text.trim()).collect();
    assert_eq!(comments, ["a comment", "another"]);
}

#[test]
fn what_is_no_text_or_too_large_is_an_error_with_its_place() {
    let error = parse(b"FROM a\nRUN \xff", Path::new("D")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read `D:2:5`: this is no UTF-8"), "{error}");
    let error = parse(&vec![b' '; (1 << 20) + 1], Path::new("D")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `D`: 1048577 bytes, expected at most 1048576");
}

#[test]
fn variables_are_expanded_as_docker_expands_them() {
    let value = |name: &str| match name {
        "A" => Variable::Known("1".to_owned()),
        "E" => Variable::Known(String::new()),
        "Q" => Variable::Unknown,
        _ => Variable::Unset,
    };
    for (word, expected) in [
        ("a$A", Some("a1")),
        ("${A}b$X", Some("1b")),
        ("$Ab", Some("")),
        ("'$A'\"$A\"", Some("$A1")),
        ("\\$A", Some("$A")),
        ("\"\\a\\\"\"", Some("\\a\"")),
        ("${X:-${A}2}", Some("12")),
        ("${E:-d}${E-d}", Some("d")),
        ("${A:+y}${X:+y}", Some("y")),
        ("${A:?no}", Some("1")),
        ("${X:?no}", None),
        ("$Q", None),
        ("${Q:-d}", None),
        ("${A", None),
        ("'a", None),
        ("${A#1}", None),
        ("a$", Some("a$")),
    ] {
        let expected = expected.map_or(Expanded::Unknown, |text| Expanded::Text(text.to_owned()));
        assert_eq!(expand(word, '\\', &value), expected, "{word}");
    }
}

proptest! {
    #[test]
    fn whatever_is_read_ends_and_stands_where_it_says(text in "([A-Z]{3,5} |#|\\\\\n|\n|<<E|\"|'|\\[|\\]|,|=|--|\\$|\\{|:-|\\}|é| |a){0,40}") {
        let read = read(&text);
        for instruction in &read.instructions {
            prop_assert!(text.get(instruction.span.clone()).is_some());
            prop_assert!(text[instruction.keyword.span.clone()].len() >= instruction.keyword.text.len());
        }
        for problem in &read.problems {
            prop_assert!(text.get(problem.span.clone()).is_some());
        }
        expand(&text, '\\', &|_| Variable::Unset);
    }
}
