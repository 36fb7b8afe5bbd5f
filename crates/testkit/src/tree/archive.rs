//! Trees to tar bytes and back. Writes members that no well-behaved tar would: that is what it is for.

use std::io::Read;

use super::{Entry, Kind, Name, Tree};

/// The name under which GNU tar stores names longer than a header's 100 bytes.
const LONG_LINK: &[u8] = b"././@LongLink";

impl Tree {
    /// The tar archive of the members, in their order, named `./usr/bin/x` as in Debian's packages.
    /// Members without a time of their own get `mtime`.
    pub fn to_tar(&self, mtime: i64) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for entry in &self.entries {
            append(&mut builder, entry, mtime);
        }
        builder.into_inner().expect("a tar archive ends in memory")
    }

    /// The members of a tar archive. Names of the usual kind are normalised, all others kept raw.
    ///
    /// # Panics
    /// When the archive cannot be read.
    pub fn from_tar(bytes: &[u8]) -> Self {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().expect("a tar archive");
        Self { entries: entries.map(|entry| read(entry.expect("a tar member"))).collect() }
    }
}

fn append(builder: &mut tar::Builder<Vec<u8>>, entry: &Entry, mtime: i64) {
    let is_directory = entry.kind == Kind::Directory;
    let name = member_name(&entry.path, is_directory);
    let (kind, link, content): (_, Vec<u8>, &[u8]) = match &entry.kind {
        Kind::Directory => (tar::EntryType::Directory, Vec::new(), b""),
        Kind::File(content) => (tar::EntryType::Regular, Vec::new(), content),
        Kind::Symlink(target) => (tar::EntryType::Symlink, target.clone(), b""),
        Kind::HardLink(target) => (tar::EntryType::Link, member_name(target, false), b""),
        Kind::CharDevice(..) => (tar::EntryType::Char, Vec::new(), b""),
        Kind::BlockDevice(..) => (tar::EntryType::Block, Vec::new(), b""),
        Kind::Fifo => (tar::EntryType::Fifo, Vec::new(), b""),
    };
    if !entry.xattrs.is_empty() {
        let keys: Vec<String> = entry.xattrs.keys().map(|name| format!("SCHILY.xattr.{name}")).collect();
        let records = keys.iter().map(String::as_str).zip(entry.xattrs.values().map(Vec::as_slice));
        builder.append_pax_extensions(records).expect("PAX records in memory");
    }
    append_if_long(builder, b'L', &name);
    append_if_long(builder, b'K', &link);

    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(entry.mode);
    header.set_uid(entry.uid);
    header.set_gid(entry.gid);
    header.set_mtime(entry.mtime.unwrap_or(mtime).cast_unsigned());
    header.set_size(content.len() as u64);
    if let Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) = entry.kind {
        header.set_device_major(major).expect("a device header");
        header.set_device_minor(minor).expect("a device header");
    }
    let old = header.as_old_mut();
    copy_cut(&mut old.name, &name);
    copy_cut(&mut old.linkname, &link);
    header.set_cksum();
    builder.append(&header, content).expect("a member in memory");
}

/// dpkg reads GNU's long names and not PAX ones, so Debian's packages have these.
fn append_if_long(builder: &mut tar::Builder<Vec<u8>>, kind: u8, name: &[u8]) {
    if name.len() <= 100 {
        return;
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(name.len() as u64 + 1);
    copy_cut(&mut header.as_old_mut().name, LONG_LINK);
    header.set_cksum();
    builder.append(&header, &[name, b"\0"].concat()[..]).expect("a long name in memory");
}

fn copy_cut(field: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(field.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

fn member_name(name: &Name, is_directory: bool) -> Vec<u8> {
    match name {
        Name::Raw(raw) => raw.clone(),
        Name::Path(path) => {
            let end: &[u8] = if is_directory && !path.is_empty() { b"/" } else { b"" };
            [b"./", &path[..], end].concat()
        }
    }
}

fn read<R: Read>(mut member: tar::Entry<'_, R>) -> Entry {
    let path = Name::of_member(&member.path_bytes());
    let link = member.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default();
    let mut content = Vec::new();
    member.read_to_end(&mut content).expect("a member's content");
    let header = member.header().clone();
    let device = |number: std::io::Result<Option<u32>>| number.ok().flatten().unwrap_or_default();
    let kind = match header.entry_type() {
        tar::EntryType::Directory => Kind::Directory,
        tar::EntryType::Symlink => Kind::Symlink(link),
        tar::EntryType::Link => Kind::HardLink(Name::of_member(&link)),
        tar::EntryType::Fifo => Kind::Fifo,
        tar::EntryType::Char => {
            Kind::CharDevice(device(header.device_major()), device(header.device_minor()))
        }
        tar::EntryType::Block => {
            Kind::BlockDevice(device(header.device_major()), device(header.device_minor()))
        }
        _ => Kind::File(content),
    };
    let mut entry = Entry::new(path, kind, header.mode().expect("a mode"));
    entry.uid = header.uid().expect("a uid");
    entry.gid = header.gid().expect("a gid");
    entry.mtime = Some(header.mtime().expect("an mtime").cast_signed());
    apply_pax(&mut member, &mut entry);
    entry
}

/// The records of a PAX header that the `tar` crate leaves to its caller.
fn apply_pax<R: Read>(member: &mut tar::Entry<'_, R>, entry: &mut Entry) {
    let Some(records) = member.pax_extensions().expect("PAX records") else { return };
    for record in records {
        let record = record.expect("a PAX record");
        let key = record.key().expect("a PAX key");
        let number = || record.value().ok().and_then(|value| value.parse().ok());
        match key {
            "uid" => entry.uid = number().expect("a PAX uid"),
            "gid" => entry.gid = number().expect("a PAX gid"),
            "mtime" => {
                let value = record.value().expect("a PAX mtime");
                let seconds = value.split('.').next().and_then(|seconds| seconds.parse().ok());
                entry.mtime = Some(seconds.expect("a PAX mtime in seconds"));
            }
            _ => {
                if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                    entry.xattrs.insert(name.to_owned(), record.value_bytes().to_vec());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_tar_comes_out_of_it() {
        let long = "x".repeat(150);
        let text = format!(
            "/ 0755\n\
             /bin -> usr/bin\n\
             /dev/null 0666 char 1:3\n\
             /hard => /usr/bin/hello\n\
             /pipe 0600 fifo\n\
             /tmp/ 1777\n\
             /usr/bin/hello 0755 1000:42 \"hello\\n\" xattr.security.capability=\"\\x01\\x00\"\n\
             /usr/lib/{long} 0644 \"long\"\n\
             /usr/link -> {long}\n\
             \"../../etc/passwd\" 0644 \"hostile\"\n\
             \"/etc/shadow\" 0644 \"absolute\"\n"
        );
        let tree = Tree::parse(&text);
        let back = Tree::from_tar(&tree.to_tar(17));
        assert!(back.entries.iter().all(|entry| entry.mtime == Some(17)));
        let expected = tree.to_string();
        assert_eq!(back.without_times().to_string(), expected);
    }

    #[test]
    fn a_members_own_time_wins() {
        let tree = Tree::parse("/a 0644 \"\" mtime=5");
        assert_eq!(Tree::from_tar(&tree.to_tar(17)).entries[0].mtime, Some(5));
    }
}
