//! A lock as the text of its file.
//!
//! Written by hand: the file is read in diffs, and its layout must not change with a library. One line a value, one
//! table a package, everything sorted.

use std::fmt::Write;

use bareboat_model::Platform;

use super::{BaseImage, FORMAT_VERSION, Lock, LockedPackage, Request, RequestedArchive, SuiteRelease};

impl Lock {
    /// The text of the lock's file. The same lock always gives the same bytes.
    pub fn render(&self) -> String {
        let mut out = Out::default();
        out.line("# Written by bareboat; commit it, do not edit it.");
        out.line(&format!("version = {FORMAT_VERSION}"));
        out.list("platforms", self.platforms().map(|platform| platform.to_string()));
        out.request(&self.request);
        if let Some(base) = &self.base {
            out.base(base);
        }
        let mut suites: Vec<&SuiteRelease> = self.suites.iter().collect();
        suites.sort();
        for suite in suites {
            out.suite(suite);
        }
        for (platform, packages) in &self.packages {
            for package in packages.values() {
                out.package(*platform, package);
            }
        }
        out.0
    }
}

#[derive(Default)]
struct Out(String);

impl Out {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn table(&mut self, header: &str) {
        self.line("");
        self.line(header);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(&format!("{key} = {}", quoted(value)));
    }

    fn text_unless_empty(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.text(key, value);
        }
    }

    /// A line for each item, so that one more is one line more in a diff.
    fn list(&mut self, key: &str, items: impl IntoIterator<Item = impl AsRef<str>>) {
        let items: Vec<String> =
            items.into_iter().map(|item| format!("    {},\n", quoted(item.as_ref()))).collect();
        let body = if items.is_empty() { String::new() } else { format!("\n{}", items.concat()) };
        self.line(&format!("{key} = [{body}]"));
    }

    fn request(&mut self, request: &Request) {
        self.table("[request]");
        self.text("suite", &request.suite);
        self.list("components", &request.components);
        self.list("packages", &request.packages);
        self.list("without", &request.without);
        for RequestedArchive { name, suites, components } in &request.archives {
            self.table("[[request.archives]]");
            self.text("name", name);
            self.list("suites", suites);
            self.list("components", components);
        }
    }

    fn base(&mut self, base: &BaseImage) {
        self.table("[base]");
        self.text("reference", &base.reference);
        self.text("digest", &base.digest.to_string());
    }

    fn suite(&mut self, suite: &SuiteRelease) {
        self.table("[[suites]]");
        self.text("archive", &suite.archive);
        self.text("suite", &suite.suite);
        self.text("date", &suite.date.to_string());
        self.text("sha256", &suite.sha256.hex());
    }

    fn package(&mut self, platform: Platform, package: &LockedPackage) {
        self.table("[[packages]]");
        self.text("platform", &platform.to_string());
        self.text("name", &package.name);
        self.text("version", package.version.as_str());
        self.text("architecture", &package.architecture);
        self.text("source", &package.source);
        self.text("source-version", package.source_version.as_str());
        self.text("archive", &package.archive);
        self.text("path", &package.path);
        self.line(&format!("size = {}", package.size));
        self.text("sha256", &package.sha256.hex());
        self.text_unless_empty("multi-arch", &package.multi_arch);
        self.text_unless_empty("pre-depends", &package.pre_depends);
        self.text_unless_empty("depends", &package.depends);
        self.text_unless_empty("provides", &package.provides);
        self.text_unless_empty("conflicts", &package.conflicts);
        self.text_unless_empty("breaks", &package.breaks);
    }
}

/// A TOML basic string (toml.io v1.0, section "String"): quotes, backslashes and control characters are escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_toml() {
        for text in ["", "a", "a\"b\\c", "\u{0}\n\u{7f}\u{85}", "né 🦀"] {
            let table: toml::Table = format!("x = {}", quoted(text)).parse().unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
        }
    }
}
