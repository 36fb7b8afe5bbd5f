//! The directories that `ldconfig` looks at, in its order: those of `/etc/ld.so.conf`, then the built-in ones.

use bareboat_model::{Arch, Context, Error, Result, escape};

/// A directory of the search path, as written: `/lib/x86_64-linux-gnu` even where `/lib` is a link.
///
/// The caller goes through the list in order and for each directory
/// 1. resolves it, and passes over what is missing or was met before under another name: `/lib` and `/usr/lib`
///    are one on a merged system, and the name that came first is the one that stands in the cache;
/// 2. gives its files to [`super::select`];
/// 3. does the same with the directories in its `glibc-hwcaps`, by names that [`hwcaps_name`] takes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SearchDirectory {
    /// Absolute, without a trailing slash.
    pub path: Vec<u8>,
    /// The name below `glibc-hwcaps`, when it is such a directory.
    pub hwcaps: Option<Vec<u8>>,
}

/// `include` lines in included files; a bound against files that include themselves.
const DEEPEST_INCLUDE: usize = 8;
/// A bound against hostile configuration.
const MOST_DIRECTORIES: usize = 4096;

/// The search path of `arch`'s Debian `ldconfig`, given the text of `/etc/ld.so.conf` (empty when there is none).
///
/// `include` is called with each pattern of an `include` line, an absolute path that may hold `*`, `?` and `[…]`,
/// and gives the texts of the files that match, sorted by their paths' bytes.
///
/// # Errors
/// When `include` fails, a pattern is not absolute, or files include one another too deeply.
pub fn search_path(
    arch: Arch,
    ld_so_conf: &str,
    include: &mut dyn FnMut(&str) -> Result<Vec<String>>,
) -> Result<Vec<SearchDirectory>> {
    let mut directories = Vec::new();
    let mut read = Reading { include, left: MOST_INCLUDES };
    read.conf(ld_so_conf, 0, &mut directories).context(|| "cannot read `/etc/ld.so.conf`")?;
    let triplet = arch.triplet();
    // Debian's glibc is configured with slibdir and libdir of the triplet and adds the two plain ones
    // (debian/patches/any/local-ldconfig-multiarch.diff).
    for built_in in
        [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}"), "/lib".into(), "/usr/lib".into()]
    {
        directories.push(SearchDirectory { path: built_in.into_bytes(), hwcaps: None });
    }
    Ok(directories)
}

/// Files that all include lines together may bring in: each may include the same ones again.
const MOST_INCLUDES: usize = 4096;

struct Reading<'a> {
    include: &'a mut dyn FnMut(&str) -> Result<Vec<String>>,
    left: usize,
}

impl Reading<'_> {
    fn conf(&mut self, text: &str, depth: usize, directories: &mut Vec<SearchDirectory>) -> Result<()> {
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let at_line = || format!("line {}", index + 1);
            if let Some(patterns) = keyword(line, "include") {
                for pattern in patterns.split([' ', '\t']).filter(|pattern| !pattern.is_empty()) {
                    self.included(pattern, depth, directories).context(at_line)?;
                }
            } else if keyword(&line.to_ascii_lowercase(), "hwcap").is_none() {
                push_directory(line, directories)?;
            }
        }
        Ok(())
    }

    fn included(
        &mut self,
        pattern: &str,
        depth: usize,
        directories: &mut Vec<SearchDirectory>,
    ) -> Result<()> {
        if depth == DEEPEST_INCLUDE {
            return Err(Error::new(format!("include lines are nested deeper than {DEEPEST_INCLUDE}")));
        }
        if !pattern.starts_with('/') {
            return Err(Error::new(format!("`{}` does not start with `/`", escape(pattern))));
        }
        // Each pattern is held against all paths, and each file is read: so both count.
        let count = |left: usize| {
            left.checked_sub(1).ok_or_else(|| Error::new(format!("more than {MOST_INCLUDES} includes")))
        };
        self.left = count(self.left)?;
        for text in (self.include)(pattern)? {
            self.left = count(self.left)?;
            self.conf(&text, depth + 1, directories)?;
        }
        Ok(())
    }
}

fn keyword<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    line.strip_prefix(keyword).filter(|rest| rest.starts_with([' ', '\t']))
}

/// Adds the directory of a line. `/path=libc5` once told the library type; the type says nothing today.
fn push_directory(line: &str, directories: &mut Vec<SearchDirectory>) -> Result<()> {
    let path = line.split('=').next().unwrap_or_default().trim_end().trim_end_matches('/');
    if path.is_empty() {
        return Ok(());
    }
    if directories.len() == MOST_DIRECTORIES {
        return Err(Error::new(format!("it names more than {MOST_DIRECTORIES} directories")));
    }
    directories.push(SearchDirectory { path: path.as_bytes().to_vec(), hwcaps: None });
    Ok(())
}

/// Whether a directory of this name in `glibc-hwcaps` is looked at: not a hidden one, and the loader takes no `:`.
pub fn hwcaps_name(name: &[u8]) -> bool {
    !name.starts_with(b".") && !name.contains(&b':')
}

impl SearchDirectory {
    /// The directory `name` in this one's `glibc-hwcaps`.
    #[must_use]
    pub fn with_hwcaps(&self, name: &[u8]) -> Self {
        Self { path: [&self.path, &b"/glibc-hwcaps/"[..], name].concat(), hwcaps: Some(name.to_vec()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(conf: &str, included: &[(&str, &str)]) -> Result<Vec<String>> {
        let mut include = |pattern: &str| {
            let texts = included.iter().filter(|(name, _)| *name == pattern);
            Ok(texts.map(|(_, text)| (*text).to_owned()).collect())
        };
        let path = search_path(Arch::Arm64, conf, &mut include)?;
        Ok(path.into_iter().map(|directory| String::from_utf8(directory.path).unwrap()).collect())
    }

    const BUILT_IN: [&str; 4] = ["/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib", "/usr/lib"];

    #[test]
    fn configured_directories_come_before_the_built_in_ones() {
        let conf = "include /etc/ld.so.conf.d/*.conf\n\n /opt/lib//\t# ours\n";
        let included = [
            ("/etc/ld.so.conf.d/*.conf", "# Multiarch support\n/usr/local/lib\n"),
            ("/etc/ld.so.conf.d/*.conf", "hwcap 1 x\nHWCAP 2 y\n/old=libc5\n/\n"),
        ];
        let expected: Vec<&str> =
            ["/usr/local/lib", "/old", "/opt/lib"].into_iter().chain(BUILT_IN).collect();
        assert_eq!(paths(conf, &included).unwrap(), expected);
    }

    #[test]
    fn without_configuration_the_built_in_ones_remain() {
        assert_eq!(paths("", &[]).unwrap(), BUILT_IN);
    }

    #[test]
    fn a_file_that_includes_itself_is_refused() {
        let error = paths("include /a", &[("/a", "include /a")]).unwrap_err().to_string();
        assert!(error.starts_with("cannot read `/etc/ld.so.conf`: line 1: "), "{error}");
        assert!(error.ends_with("include lines are nested deeper than 8"), "{error}");
    }

    #[test]
    fn a_relative_pattern_is_refused() {
        let error = paths("\ninclude x.conf", &[]).unwrap_err().to_string();
        assert_eq!(error, "cannot read `/etc/ld.so.conf`: line 2: `x.conf` does not start with `/`");
    }
}
