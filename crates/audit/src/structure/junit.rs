//! The report as JUnit XML, the form that CI systems read.
//!
//! By hand: five elements; the crates for it bring twenty others along.

use std::fmt::Write as _;

use super::report::{FileReport, Outcome, Report};

/// The whole document, with a newline at the end.
pub fn junit(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all: Vec<&Outcome> = report.files.iter().flat_map(|file| &file.tests).collect();
    open(&mut out, 0, "testsuites", &report.image, &all);
    for file in &report.files {
        suite(&mut out, file);
    }
    out.push_str("</testsuites>\n");
    out
}

fn open(out: &mut String, indent: usize, element: &str, name: &str, tests: &[&Outcome]) {
    let failed = tests.iter().filter(|test| !test.passed).count();
    let seconds: f64 = tests.iter().map(|test| seconds(test)).sum();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{:indent$}<{element} name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{seconds:.3}\">",
        "",
        attribute(name),
        tests.len(),
    );
}

fn seconds(test: &Outcome) -> f64 {
    test.ran.as_ref().map_or(0.0, |ran| ran.seconds)
}

fn suite(out: &mut String, file: &FileReport) {
    open(out, 2, "testsuite", &file.file, &file.tests.iter().collect::<Vec<_>>());
    for test in &file.tests {
        case(out, &file.file, test);
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, file: &str, test: &Outcome) {
    let name = if test.name.is_empty() { test.kind } else { &test.name };
    let kind = test.kind;
    let (name, file) = (attribute(name), attribute(file));
    let _ = write!(
        out,
        "    <testcase name=\"{name}\" classname=\"{kind}\" file=\"{file}\" time=\"{:.3}\"",
        seconds(test)
    );
    if test.failures.is_empty() && test.ran.is_none() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    for failure in &test.failures {
        let message = attribute(&format!("{}: expected {}", failure.what, failure.expected));
        let found = escaped(&format!("{}: {failure}", test.place));
        let _ = writeln!(out, "      <failure message=\"{message}\" type=\"{kind}\">{found}</failure>");
    }
    if let Some(ran) = &test.ran {
        for (element, text) in [("system-out", &ran.stdout), ("system-err", &ran.stderr)] {
            if !text.is_empty() {
                let _ = writeln!(out, "      <{element}>{}</{element}>", escaped(text));
            }
        }
    }
    out.push_str("    </testcase>\n");
}

/// What XML 1.0 has no place for, not even escaped, becomes U+FFFD (production 2, `Char`).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            // A reader would make a line end of it.
            '\r' => out.push_str("&#13;"),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// In attributes a reader would make blanks of line ends and tabs.
fn attribute(text: &str) -> String {
    escaped(text).replace('\t', "&#9;").replace('\n', "&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::report::{Failure, Ran};

    #[test]
    fn what_xml_has_no_place_for_is_replaced() {
        assert_eq!(
            attribute("a<b & \"c\">\n\u{1b}\0\u{ffff}é"),
            "a&lt;b &amp; &quot;c&quot;&gt;&#10;\u{fffd}\u{fffd}\u{fffd}é"
        );
    }

    #[test]
    fn a_report_is_one_document() {
        let outcome = |name: &str, failures: Vec<Failure>, ran| Outcome {
            kind: "command",
            name: name.to_owned(),
            place: "t.yaml:3:5".to_owned(),
            passed: failures.is_empty(),
            failures,
            notes: Vec::new(),
            ran,
        };
        let ran = Ran { exit_code: Some(1), stdout: "<out>".to_owned(), stderr: String::new(), seconds: 0.5 };
        let failure = Failure::new("exit code", "0", "1");
        let tests = vec![outcome("good", Vec::new(), None), outcome("a \"b\"", vec![failure], Some(ran))];
        let report = Report::new("oci:x".to_owned(), vec![FileReport { file: "t.yaml".to_owned(), tests }]);
        insta::assert_snapshot!(junit(&report), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="oci:x" tests="2" failures="1" errors="0" time="0.500">
          <testsuite name="t.yaml" tests="2" failures="1" errors="0" time="0.500">
            <testcase name="good" classname="command" file="t.yaml" time="0.000"/>
            <testcase name="a &quot;b&quot;" classname="command" file="t.yaml" time="0.500">
              <failure message="exit code: expected 0" type="command">t.yaml:3:5: exit code: expected 0, found 1</failure>
              <system-out>&lt;out&gt;</system-out>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
