//! `licenseTests`: no file that states licences names one of those that the original forbids.

use bareboat_model::{ImagePath, Result};

use super::content::LARGEST_FILE;
use super::go_regex::as_go_sees;
use super::report::Failure;
use super::schema::LicenceTest;
use super::subject::{Content, Files};

/// Words that no file may hold, and packages that are not looked at: the original's own lists (pkg/types/v2/licenses.go,
/// v1.22.1).
const FORBIDDEN: [&str; 2] = ["AGPL", "WTFPL"];
const PASSED_OVER: [&[u8]; 1] = [b"libgnutls30"];

const DEBIAN: &str = "/usr/share/doc";

pub(super) fn check(test: &LicenceTest, files: &dyn Files) -> Result<Vec<Failure>> {
    let mut failures = Vec::new();
    if test.debian {
        let root = ImagePath::absolute(DEBIAN)?;
        let Some(packages) = files.folders(&root)? else {
            return Ok(vec![Failure::new(format!("`{DEBIAN}`"), "a directory", "nothing")]);
        };
        for package in packages.iter().filter(|name| !PASSED_OVER.contains(&&name[..])) {
            let file = root.join(package)?.join(b"copyright")?;
            failures.extend(check_file(&file, files)?);
        }
    }
    for file in &test.files {
        failures.extend(check_file(file, files)?);
    }
    Ok(failures)
}

fn check_file(file: &ImagePath, files: &dyn Files) -> Result<Option<Failure>> {
    let what = format!("`{file}`");
    let text = match files.read(file, LARGEST_FILE)? {
        Content::Bytes(bytes) => as_go_sees(&bytes).to_uppercase(),
        Content::Nothing(why) => return Ok(Some(Failure::new(what, "a file that states licences", why))),
    };
    let found = FORBIDDEN.into_iter().find(|word| text.contains(word));
    Ok(found.map(|word| Failure::new(what, format!("no {}", FORBIDDEN.join(" and no ")), word)))
}
