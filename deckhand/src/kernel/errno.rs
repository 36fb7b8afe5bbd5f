//! The kernel's errors in words (numbers: include/uapi/asm-generic/errno.h, the same on both architectures).

use crate::text::{Text, text};

/// An error number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub usize);

impl Errno {
    /// There is no such file.
    pub const NOT_FOUND: Self = Self(2);
    /// A signal came between.
    pub const INTERRUPTED: Self = Self(4);
    /// Not of the kernel: a program is there, and what it needs to be run is not.
    pub const NO_LOADER: Self = Self(1000);
    /// Not of the kernel: only /etc/hosts is asked.
    pub const NO_NAME_SERVER: Self = Self(1001);
    /// Not a regular file (ESPIPE, of what cannot be sought in).
    pub const NO_FILE: Self = Self(29);
    /// Another protocol than was expected.
    pub const NOT_HTTP: Self = Self(71);
    /// It is a folder.
    pub const IS_DIRECTORY: Self = Self(21);
    /// It took too long.
    pub const TIMED_OUT: Self = Self(110);
    /// There is nothing now.
    pub const AGAIN: Self = Self(11);

    /// What it means, up to a semicolon; for those that deckhand meets.
    #[inline(never)]
    pub fn text(self) -> Option<Text<'static>> {
        let mut rest = TEXTS;
        while !rest.is_empty() {
            let (number, text) = rest.number();
            if number == self.0 as u64 {
                return Some(text.next());
            }
            rest = rest.find(b';').next();
        }
        None
    }
}

/// One string, as a table of strings would be a third larger.
const TEXTS: Text<'static> = text!(
    "1 operation not permitted;\
    2 no such file or directory;\
    5 input/output error;\
    7 arguments too long;\
    8 no program for this machine, nor a script with #!;\
    11 timed out;\
    13 permission denied;\
    20 not a directory;\
    21 is a directory;\
    22 invalid argument;\
    24 too many open files;\
    27 file too large;\
    28 no space left on device;\
    29 not a regular file;\
    30 read-only file system;\
    32 broken pipe;\
    36 name too long;\
    40 too many links;\
    71 not HTTP/1;\
    97 address family not supported;\
    101 network unreachable;\
    104 connection reset;\
    110 timed out;\
    111 connection refused;\
    113 no route to host;\
    115 timed out;\
    122 disk quota exceeded;\
    1000 its loader or interpreter is not there;\
    1001 it is not in /etc/hosts, and name servers are not asked"
);
