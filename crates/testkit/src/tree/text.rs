//! Reads and writes the text form of trees. The form itself is described in the parent module.

use std::fmt;

use bareboat_model::Digest;

use super::{Entry, Kind, Name, Tree};

/// Content longer than this is shown by its size and digest.
const LONGEST_SHOWN: usize = 120;

impl Tree {
    /// Reads the text form. Blank lines, indentation and lines that start with `#` do not count.
    ///
    /// # Panics
    /// When a line is not of the form, naming it.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { entries: lines.map(|line| Line { rest: line, line }.entry()).collect() }
    }
}

/// A path that a person wrote, with its leading slash.
pub(super) fn absolute(path: &str) -> Name {
    assert!(path.starts_with('/'), "path `{path}` does not start with `/`");
    let trimmed = path.trim_matches('/');
    let normal = trimmed.is_empty() || trimmed.split('/').all(|name| !matches!(name, "" | "." | ".."));
    assert!(normal, "path `{path}` is not normal: quote it when that is meant");
    Name::Path(trimmed.as_bytes().to_vec())
}

struct Line<'a> {
    rest: &'a str,
    line: &'a str,
}

impl<'a> Line<'a> {
    fn fail(&self, why: &str) -> ! {
        panic!("cannot read the tree line `{}`: {why}", self.line)
    }

    fn entry(mut self) -> Entry {
        let is_directory = self.rest.split_whitespace().next().is_some_and(|token| token.ends_with('/'));
        let path = self.name();
        let mut entry = match self.peek() {
            "->" => {
                self.token();
                Entry::new(path, Kind::Symlink(self.symlink_target()), 0o777)
            }
            "=>" => {
                self.token();
                Entry::new(path, Kind::HardLink(self.name()), 0o644)
            }
            _ => {
                let mode = self.mode();
                let owner = self.owner();
                let mut entry = Entry::new(path, Kind::Directory, mode);
                (entry.uid, entry.gid) = owner;
                if !is_directory {
                    entry.kind = self.content();
                }
                entry
            }
        };
        self.attributes(&mut entry);
        entry
    }

    fn peek(&self) -> &'a str {
        self.rest.split_whitespace().next().unwrap_or("")
    }

    fn token(&mut self) -> &'a str {
        let token = self.peek();
        self.skip(token.len());
        token
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    fn name(&mut self) -> Name {
        if self.rest.starts_with('"') { Name::Raw(self.quoted()) } else { absolute(self.token()) }
    }

    fn symlink_target(&mut self) -> Vec<u8> {
        if self.rest.starts_with('"') { self.quoted() } else { self.token().as_bytes().to_vec() }
    }

    fn mode(&mut self) -> u32 {
        let token = self.token();
        match u32::from_str_radix(token, 8) {
            Ok(mode) if mode <= 0o7777 => mode,
            _ => self.fail(&format!("`{token}` is not an octal mode")),
        }
    }

    fn owner(&mut self) -> (u64, u64) {
        let pair = self.peek().split_once(':');
        let numbers = pair.and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
        if numbers.is_some() {
            self.token();
        }
        numbers.unwrap_or_default()
    }

    fn content(&mut self) -> Kind {
        if self.rest.starts_with('"') {
            return Kind::File(self.quoted());
        }
        match self.token() {
            "fifo" => Kind::Fifo,
            "char" => self.device(Kind::CharDevice),
            "block" => self.device(Kind::BlockDevice),
            other => self.fail(&format!("`{other}` is neither quoted content nor fifo, char or block")),
        }
    }

    fn device(&mut self, kind: fn(u32, u32) -> Kind) -> Kind {
        let token = self.token();
        let numbers = token.split_once(':').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match numbers {
            Some((major, minor)) => kind(major, minor),
            None => self.fail(&format!("`{token}` is not major:minor")),
        }
    }

    fn attributes(&mut self, entry: &mut Entry) {
        while !self.rest.is_empty() {
            if let Some(value) = self.peek().strip_prefix("mtime=") {
                let mtime = value.parse().unwrap_or_else(|_| self.fail("mtime is not a number"));
                entry.mtime = Some(mtime);
                self.token();
            } else if let Some((name, _)) =
                self.rest.strip_prefix("xattr.").and_then(|rest| rest.split_once('='))
            {
                self.skip("xattr.=".len() + name.len());
                let value = self.quoted();
                entry.xattrs.insert(name.to_owned(), value);
            } else {
                self.fail(&format!("do not know what `{}` is", self.rest));
            }
        }
    }

    fn quoted(&mut self) -> Vec<u8> {
        if !self.rest.starts_with('"') {
            self.fail("expected a quoted string");
        }
        let mut out = Vec::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.skip(at + 1);
                    return out;
                }
                '\\' => match letters.next().map(|(_, escape)| escape) {
                    Some('n') => out.push(b'\n'),
                    Some('t') => out.push(b'\t'),
                    Some('r') => out.push(b'\r'),
                    Some('x') => {
                        let hex: String = letters.by_ref().take(2).map(|(_, digit)| digit).collect();
                        let byte = u8::from_str_radix(&hex, 16);
                        out.push(byte.unwrap_or_else(|_| self.fail("`\\x` wants two hex digits")));
                    }
                    Some(same @ ('"' | '\\')) => out.push(same as u8),
                    _ => self.fail("unknown escape"),
                },
                other => out.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.fail("the quote does not end")
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by_key(|entry| entry.path.as_bytes());
        entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if self.kind == Kind::Directory && matches!(&self.path, Name::Path(path) if !path.is_empty()) {
            f.write_str("/")?;
        }
        match &self.kind {
            Kind::Symlink(target) => write!(f, " -> {}", bare_or_quoted(target))?,
            Kind::HardLink(target) => write!(f, " => {target}")?,
            _ => self.mode_and_content(f)?,
        }
        for (name, value) in &self.xattrs {
            write!(f, " xattr.{name}={}", quote(value))?;
        }
        self.mtime.map_or(Ok(()), |mtime| write!(f, " mtime={mtime}"))
    }
}

impl Entry {
    fn mode_and_content(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {:04o}", self.mode)?;
        if (self.uid, self.gid) != (0, 0) {
            write!(f, " {}:{}", self.uid, self.gid)?;
        }
        match &self.kind {
            Kind::File(content) => write!(f, " {}", show_content(content)),
            Kind::CharDevice(major, minor) => write!(f, " char {major}:{minor}"),
            Kind::BlockDevice(major, minor) => write!(f, " block {major}:{minor}"),
            Kind::Fifo => f.write_str(" fifo"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) if bare(path) => write!(f, "/{}", String::from_utf8_lossy(path)),
            Self::Path(path) => write!(f, "{}", quote(&[b"/", &path[..]].concat())),
            Self::Raw(raw) => f.write_str(&quote(raw)),
        }
    }
}

fn bare(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"' && *byte != b'\\')
}

fn bare_or_quoted(bytes: &[u8]) -> String {
    if bare(bytes) && !bytes.is_empty() { String::from_utf8_lossy(bytes).into_owned() } else { quote(bytes) }
}

fn show_content(content: &[u8]) -> String {
    let is_text = content.iter().all(|byte| !byte.is_ascii_control() || matches!(byte, b'\n' | b'\t'));
    if is_text && content.len() <= LONGEST_SHOWN {
        quote(content)
    } else {
        format!("<{} bytes, sha256 {}…>", content.len(), &Digest::of(content).hex()[..12])
    }
}

fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b'"' | b'\\' => out.extend(['\\', byte as char]),
            b' '..=b'~' => out.push(byte as char),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back_as_it_was_written() {
        for line in [
            "/ 0755",
            "/usr/bin/ 0755",
            "/tmp/ 1777",
            "/home/nonroot/ 0755 65532:65532",
            "/usr/bin/hello 0755 \"hi \\\"you\\\"\\n\"",
            "/a 0640 0:42 \"\"",
            "/bin -> usr/bin",
            "/l -> \"/a target\"",
            "/hi => /usr/bin/hello",
            "/hi => \"../../etc/shadow\"",
            "/dev/null 0666 char 1:3",
            "/dev/sda 0660 0:6 block 8:0",
            "/run/pipe 0600 fifo",
            "/ping 0755 \"\" xattr.security.capability=\"\\x01\\x00\" mtime=17",
            "\"../../etc/passwd\" 0644 \"x\"",
            "\"/etc/\\xff\" 0644 \"x\"",
        ] {
            assert_eq!(Tree::parse(line).to_string(), format!("{line}\n"));
        }
    }

    #[test]
    fn text_comes_out_sorted() {
        assert_eq!(Tree::parse("/b 0644 \"\"\n  # note\n\n/a -> b").to_string(), "/a -> b\n/b 0644 \"\"\n");
    }

    #[test]
    fn binary_and_long_content_is_named_by_size_and_digest() {
        let mut tree = Tree::new();
        tree.file("/a", 0o644, [0; 4]).file("/b", 0o644, "x".repeat(200));
        let digest = Digest::of("x".repeat(200).as_bytes()).hex();
        let long = format!("/b 0644 <200 bytes, sha256 {}…>", &digest[..12]);
        assert_eq!(tree.to_string(), format!("/a 0644 <4 bytes, sha256 df3f619804a9…>\n{long}\n"));
    }

    #[test]
    fn lines_that_are_not_of_the_form_are_refused() {
        for line in [
            "usr/bin/ 0755",
            "/a 0899 \"\"",
            "/a 0644 text",
            "/a 0644 \"open",
            "/../a 0644 \"\"",
            "/a 0644 \"\" b",
        ] {
            let outcome = std::panic::catch_unwind(|| Tree::parse(line));
            assert!(outcome.is_err(), "`{line}` was taken");
        }
    }
}
