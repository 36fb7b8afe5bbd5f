//! a2enmod, a2enconf and a2ensite, and lighttpd's lighty-enable-mod: what of a configuration is in use is said by links.

use bareboat_model::ImagePath;

use super::modes::options_and_operands;
use super::scripts::{Done, Follower, Outcome, script_of};
use crate::tree::Node;

const EFFECT: &str = "apache";
/// Modules that need others: deeper than any of Apache's.
const DEEPEST: usize = 8;

pub(super) fn enable_module(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    enable(follower, words, "mods", &["load", "conf"])
}

pub(super) fn enable_configuration(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    enable(follower, words, "conf", &["conf"])
}

pub(super) fn enable_site(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    enable(follower, words, "sites", &["conf"])
}

/// `lighty-enable-mod NAME`: conf-available/NN-NAME.conf.
pub(super) fn enable_for_lighttpd(follower: &mut Follower<'_, '_>, words: &[String]) -> Done {
    let (_, names) = options_and_operands(words);
    let available = path("/etc/lighttpd/conf-available")?;
    let mut enabled = Vec::new();
    for name in names {
        let is_it = |file: &str| {
            file.split_once('-').is_some_and(|(number, rest)| {
                number.bytes().all(|byte| byte.is_ascii_digit()) && rest == format!("{name}.conf")
            })
        };
        let below = follower.system.tree.below(&available);
        let file = below
            .filter_map(|(path, _)| String::from_utf8(path.file_name()?.to_vec()).ok())
            .find(|file| is_it(file));
        let Some(file) = file else {
            return Err(Outcome::unknown(format!("`{name}` is not in {available}")));
        };
        let target = format!("../conf-available/{file}");
        let node = Node::symlink(target, follower.system.mtime, script_of(follower.package.name));
        let chosen = path(&format!("/etc/lighttpd/conf-enabled/{file}"))?;
        follower.system.put(&chosen, node).map_err(|error| Outcome::unknown(error.to_string()))?;
        enabled.push(name);
    }
    Ok(Some(Outcome::done("lighttpd", enabled.join(" "))))
}

fn path(text: &str) -> Result<ImagePath, Outcome> {
    ImagePath::absolute(text).map_err(|error| Outcome::unknown(error.to_string()))
}

fn enable(follower: &mut Follower<'_, '_>, words: &[String], kind: &str, endings: &[&str]) -> Done {
    let (_, names) = options_and_operands(words);
    let mut enabled = Vec::new();
    for name in names {
        link(follower, name, kind, endings, &mut enabled, 0)?;
    }
    Ok((!enabled.is_empty()).then(|| Outcome::done(EFFECT, enabled.join(" "))))
}

fn link(
    follower: &mut Follower<'_, '_>,
    name: &str,
    kind: &str,
    endings: &[&str],
    enabled: &mut Vec<String>,
    depth: usize,
) -> Result<(), Outcome> {
    let first = format!("/etc/apache2/{kind}-available/{name}.{}", endings[0]);
    let Some(text) = follower.system.text(&first, 1 << 20).filter(|_| depth < DEEPEST) else {
        return Err(Outcome::unknown(format!("`{first}` is not in the image")));
    };
    // `# Depends: a b`: a2enmod enables those first.
    let needed = text.lines().filter_map(|line| line.strip_prefix("# Depends:"));
    for needed in needed.flat_map(str::split_ascii_whitespace) {
        if !enabled.iter().any(|held| held == needed) {
            link(follower, needed, kind, endings, enabled, depth + 1)?;
        }
    }
    for ending in endings {
        let file = format!("{name}.{ending}");
        let available = path(&format!("/etc/apache2/{kind}-available/{file}"))?;
        let chosen = path(&format!("/etc/apache2/{kind}-enabled/{file}"))?;
        if follower.system.tree.lookup(&available).is_none() || follower.system.entry(&chosen).is_some() {
            continue;
        }
        let target = format!("../{kind}-available/{file}");
        let node = Node::symlink(target, follower.system.mtime, script_of(follower.package.name));
        follower.system.put(&chosen, node).map_err(|error| Outcome::unknown(error.to_string()))?;
    }
    enabled.push(name.to_owned());
    Ok(())
}
