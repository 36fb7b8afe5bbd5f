//! Whether a smaller base would do: one without what nothing of the recipe's own uses.

use std::collections::BTreeMap;
use std::path::Path;

use bareboat_model::{ImagePath, Result};
use memchr::memmem;
use serde::Serialize;

use super::{Closure, View};
use crate::files::command;
use crate::lock::LockedPackage;
use crate::recipe::{ImageSettings, Tier};
use crate::tree::{Content, Node, Owner};

/// The longest first line of a script that Linux reads (`BINPRM_BUF_SIZE`).
const SHEBANG: usize = 256;
/// A larger program is not searched for names of libraries.
const LARGEST: u64 = 256 << 20;

/// A base that would do as well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SmallerBase {
    /// Its name in the catalog.
    pub base: String,
    /// What the image has beyond it and nothing uses: the names of entries of the catalog.
    pub unused: Vec<String>,
    /// The bytes of their files.
    pub bytes: u64,
}

/// The recipes of the chain, and which of them brought each package.
pub(crate) struct Chain<'a> {
    pub(crate) tiers: &'a [Tier],
    pub(crate) of_package: &'a BTreeMap<String, usize>,
    pub(crate) packages: &'a [LockedPackage],
}

impl Chain<'_> {
    fn tier(&self, node: &Node) -> Option<usize> {
        match &node.owner {
            Owner::Package(name) | Owner::Script(name) => self.of_package.get(&**name).copied(),
            Owner::Recipe(entry) => Some(entry.tier),
            Owner::Effect(_) | Owner::Image(_) => None,
        }
    }

    /// The catalog's entries in the chain, the lowest first; variants are no entries.
    fn entries(&self) -> Vec<usize> {
        let is_entry = |tier: &Tier| {
            tier.origin.starts_with("catalog") && !tier.origin.starts_with(Path::new("catalog/variants"))
        };
        (0..self.tiers.len()).filter(|&tier| is_entry(&self.tiers[tier])).collect()
    }
}

/// The smallest entry of the catalog that would do, if it is not the one that the recipe builds on.
///
/// # Errors
/// When a file of the recipe's own cannot be read.
pub(crate) fn smaller(
    view: &View<'_>,
    closure: &Closure,
    chain: &Chain<'_>,
    settings: &ImageSettings,
) -> Result<Option<SmallerBase>> {
    let entries = chain.entries();
    let Some(&top) = entries.last() else { return Ok(None) };
    let yours = Yours::of(view, chain, top);
    if yours.programs.is_empty() && yours.scripts.is_empty() {
        return Ok(None);
    }
    let mut unused = Vec::new();
    for &tier in entries.iter().skip(1).rev() {
        if yours.use_tier(view, closure, chain, settings, tier)? {
            break;
        }
        unused.push(tier);
    }
    let Some(below) = unused.last().and_then(|tier| entries.iter().rev().find(|entry| *entry < tier)) else {
        return Ok(None);
    };
    let of_unused = |node: &Node| chain.tier(node).is_some_and(|tier| unused.contains(&tier));
    let files = view.tree.iter().filter(|(_, node)| of_unused(node));
    Ok(Some(SmallerBase {
        base: chain.tiers[*below].name.clone(),
        unused: unused.iter().map(|tier| chain.tiers[*tier].name.clone()).collect(),
        bytes: files.filter_map(|(_, node)| node.content()).map(Content::size).sum(),
    }))
}

/// What the recipes above the catalog bring.
struct Yours<'a> {
    first_tier: usize,
    programs: Vec<(&'a ImagePath, &'a Content)>,
    /// The interpreters that scripts name.
    scripts: Vec<ImagePath>,
}

impl<'a> Yours<'a> {
    fn of(view: &View<'a>, chain: &Chain<'_>, top: usize) -> Self {
        let mut yours = Self { first_tier: top + 1, programs: Vec::new(), scripts: Vec::new() };
        for (path, node) in view.tree.iter() {
            let (Some(tier), Some(content)) = (chain.tier(node), node.content()) else { continue };
            if tier <= top || content.size() < 4 {
                continue;
            }
            match content.head(SHEBANG) {
                Ok(head) if head.starts_with(b"\x7fELF") => yours.programs.push((path, content)),
                Ok(head) if head.starts_with(b"#!") => yours.scripts.extend(interpreter(view, &head)),
                _ => {}
            }
        }
        yours
    }

    fn use_tier(
        &self,
        view: &View<'_>,
        closure: &Closure,
        chain: &Chain<'_>,
        settings: &ImageSettings,
        tier: usize,
    ) -> Result<bool> {
        let is_of_tier =
            |path: &ImagePath| view.tree.get(path).and_then(|node| chain.tier(node)) == Some(tier);
        let command = command(view.tree, settings);
        if command.iter().chain(&self.scripts).any(is_of_tier) {
            return Ok(true);
        }
        let brings =
            |path: &ImagePath| closure.brought.get(path).is_some_and(|all| all.iter().any(is_of_tier));
        if self.programs.iter().any(|(path, _)| brings(path)) || command.iter().any(brings) {
            return Ok(true);
        }
        Ok(self.packages_depend_on(chain, tier) || self.name_libraries(view, chain, closure, tier)?)
    }

    fn packages_depend_on(&self, chain: &Chain<'_>, tier: usize) -> bool {
        let of = |package: &LockedPackage| chain.of_package.get(&package.name).copied();
        let theirs: Vec<&str> =
            chain.packages.iter().filter(|it| of(it) == Some(tier)).map(|it| it.name.as_str()).collect();
        let mine = chain.packages.iter().filter(|it| of(it).is_some_and(|tier| tier >= self.first_tier));
        let words = |text: &str| -> Vec<String> {
            text.split([',', '|', ' ', ':', '(']).map(|word| word.trim().to_owned()).collect()
        };
        mine.flat_map(|it| words(&it.depends).into_iter().chain(words(&it.pre_depends)))
            .any(|word| theirs.contains(&word.as_str()))
    }

    /// What is loaded on demand is asked for by a name that stands in the program.
    fn name_libraries(
        &self,
        view: &View<'_>,
        chain: &Chain<'_>,
        closure: &Closure,
        tier: usize,
    ) -> Result<bool> {
        let is_of_tier =
            |path: &&ImagePath| view.tree.get(path).and_then(|node| chain.tier(node)) == Some(tier);
        let names: Vec<&[u8]> =
            closure.brought.keys().filter(is_of_tier).filter_map(ImagePath::file_name).collect();
        let stems: Vec<&[u8]> = names.iter().map(|name| stem(name)).collect();
        for (_, content) in self.programs.iter().filter(|(_, content)| content.size() <= LARGEST) {
            let bytes = content.read(LARGEST)?;
            if stems.iter().any(|stem| memmem::find(&bytes, stem).is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `libssl.so` of `libssl.so.3`, as a program may ask for it with any number.
fn stem(name: &[u8]) -> &[u8] {
    memmem::find(name, b".so").map_or(name, |at| &name[..at + 3])
}

/// The program that a script's first line names, and behind `env` the one that it names.
fn interpreter(view: &View<'_>, head: &[u8]) -> Option<ImagePath> {
    let line = head.get(2..)?.split(|&byte| byte == b'\n').next()?;
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let first = words.next()?;
    let real = view.tree.follow(first).ok()?;
    if !first.ends_with(b"/env") {
        return Some(real);
    }
    let name = words.find(|word| !word.starts_with(b"-") && !word.contains(&b'='))?;
    let on_path = ["/usr/local/bin", "/usr/bin", "/bin"].iter().find_map(|folder| {
        let real = view.tree.follow(&[folder.as_bytes(), b"/", name].concat()).ok()?;
        view.tree.get(&real).is_some().then_some(real)
    });
    on_path.or(Some(real))
}
