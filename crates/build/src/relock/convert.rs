//! Between a package in an index and the same package in a lock.

use bareboat_formats::deb822;
use bareboat_formats::packages::{MultiArch, Package};
use bareboat_model::{Digest, Result, Version};

use crate::lock::LockedPackage;
use crate::resolve::Candidate;

/// A locked package as an index would list it. Priority and `Essential` are not in the lock: they break ties
/// between packages that were not chosen yet, and this one was.
pub(super) fn as_index_entry(package: &LockedPackage) -> Package<'_> {
    Package {
        name: &package.name,
        version: package.version.as_str(),
        architecture: &package.architecture,
        multi_arch: multi_arch(&package.multi_arch),
        source: &package.source,
        source_version: package.source_version.as_str(),
        priority: "",
        essential: false,
        pre_depends: &package.pre_depends,
        depends: &package.depends,
        provides: &package.provides,
        conflicts: &package.conflicts,
        breaks: &package.breaks,
        replaces: "",
        path: &package.path,
        size: package.size,
        sha256: package.sha256,
        installed_size: 0,
    }
}

/// A chosen package as the lock names it.
pub(super) fn as_locked(candidate: &Candidate<'_>, archive: &str) -> Result<LockedPackage> {
    let Package { name, architecture, source, path, size, sha256, .. } = candidate.control;
    let control = &candidate.control;
    Ok(LockedPackage {
        name: name.to_owned(),
        version: candidate.version.clone(),
        architecture: architecture.to_owned(),
        source: source.to_owned(),
        source_version: Version::parse(control.source_version)?,
        archive: archive.to_owned(),
        path: path.to_owned(),
        size,
        sha256,
        multi_arch: multi_arch_name(control.multi_arch).to_owned(),
        pre_depends: control.pre_depends.to_owned(),
        depends: control.depends.to_owned(),
        provides: control.provides.to_owned(),
        conflicts: control.conflicts.to_owned(),
        breaks: control.breaks.to_owned(),
    })
}

/// The packages in a text of dpkg's database (deb-control(5), and `Status` as in dpkg-query(1)): those that are
/// installed.
pub(super) fn installed(text: &str) -> Result<Vec<Package<'_>>> {
    let mut packages = Vec::new();
    for stanza in deb822::parse(text) {
        let stanza = stanza?;
        if stanza.get("Status").is_some_and(|status| !status.ends_with(" installed")) {
            continue;
        }
        let field = |name: &str| stanza.get(name).unwrap_or_default();
        packages.push(Package {
            name: stanza.require("Package")?,
            version: stanza.require("Version")?,
            architecture: stanza.require("Architecture")?,
            multi_arch: multi_arch(field("Multi-Arch")),
            source: "",
            source_version: "",
            priority: "",
            essential: false,
            pre_depends: field("Pre-Depends"),
            depends: field("Depends"),
            provides: field("Provides"),
            conflicts: field("Conflicts"),
            breaks: field("Breaks"),
            replaces: "",
            path: "",
            size: 0,
            sha256: Digest::of(b""),
            installed_size: 0,
        });
    }
    Ok(packages)
}

fn multi_arch(name: &str) -> MultiArch {
    match name {
        "same" => MultiArch::Same,
        "foreign" => MultiArch::Foreign,
        "allowed" => MultiArch::Allowed,
        _ => MultiArch::No,
    }
}

fn multi_arch_name(value: MultiArch) -> &'static str {
    match value {
        MultiArch::No => "",
        MultiArch::Same => "same",
        MultiArch::Foreign => "foreign",
        MultiArch::Allowed => "allowed",
    }
}
