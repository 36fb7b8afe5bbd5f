//! Modes as Go writes them (io/fs, `FileMode.String`), which differs from ls.

use super::subject::{Entry, EntryKind};

/// `-rw-r--r--`, `drwxr-xr-x`, `Lrwxrwxrwx`, `dtrwxrwxrwx`: letters for the type and the special bits, then the permissions.
pub(super) fn go_mode(entry: &Entry) -> String {
    let mut out = String::new();
    let mut letter = |is_so: bool, letter: &str| {
        if is_so {
            out.push_str(letter);
        }
    };
    letter(entry.kind == EntryKind::Directory, "d");
    letter(entry.kind == EntryKind::Symlink, "L");
    letter(matches!(entry.kind, EntryKind::CharDevice | EntryKind::BlockDevice), "D");
    letter(entry.kind == EntryKind::Fifo, "p");
    letter(entry.mode & 0o4000 != 0, "u");
    letter(entry.mode & 0o2000 != 0, "g");
    letter(entry.kind == EntryKind::CharDevice, "c");
    letter(entry.mode & 0o1000 != 0, "t");
    if out.is_empty() {
        out.push('-');
    }
    for (bit, letter) in (0..9).rev().zip("rwxrwxrwx".chars()) {
        out.push(if entry.mode & (1 << bit) == 0 { '-' } else { letter });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_go_does() {
        // What Go 1.26 prints for the same.
        for (kind, mode, expected) in [
            (EntryKind::File, 0o644, "-rw-r--r--"),
            (EntryKind::Directory, 0o1777, "dtrwxrwxrwx"),
            (EntryKind::Symlink, 0o777, "Lrwxrwxrwx"),
            (EntryKind::File, 0o4755, "urwxr-xr-x"),
            (EntryKind::Directory, 0o2755, "dgrwxr-xr-x"),
            (EntryKind::CharDevice, 0o666, "Dcrw-rw-rw-"),
            (EntryKind::BlockDevice, 0o660, "Drw-rw----"),
            (EntryKind::Fifo, 0o600, "prw-------"),
            (EntryKind::File, 0o7111, "ugt--x--x--x"),
        ] {
            assert_eq!(go_mode(&Entry { kind, mode, uid: 0, gid: 0 }), expected);
        }
    }
}
