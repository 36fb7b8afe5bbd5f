//! Kind, permissions and owner of a file, as `ls -l` writes them.

use bareboat_audit::view::{Entry, Kind};

/// `-rwxr-xr-x     0:0    `
pub(super) fn attributes(entry: &Entry) -> String {
    format!("{} {:>5}:{:<5}", permissions(&entry.kind, entry.mode), entry.uid, entry.gid)
}

fn permissions(kind: &Kind, mode: u32) -> String {
    let first = match kind {
        Kind::Directory => 'd',
        Kind::Symlink(_) => 'l',
        Kind::Device(device) if device.block => 'b',
        Kind::Device(_) => 'c',
        Kind::Pipe => 'p',
        _ => '-',
    };
    let mut text = String::from(first);
    for (shift, special, set) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (bits & 1 == 1, mode & special != 0) {
            (true, true) => set,
            (false, true) => set.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_written_as_ls_does() {
        for (kind, mode, expected) in [
            (Kind::Directory, 0o1777, "drwxrwxrwt"),
            (Kind::Directory, 0o1770, "drwxrwx--T"),
            (Kind::Pipe, 0o4755, "prwsr-xr-x"),
            (Kind::Pipe, 0o2644, "prw-r-Sr--"),
            (Kind::Symlink(b"x".to_vec()), 0o777, "lrwxrwxrwx"),
        ] {
            assert_eq!(permissions(&kind, mode), expected);
        }
    }
}
