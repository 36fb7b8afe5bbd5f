//! The kernel's errors in words (numbers: include/uapi/asm-generic/errno.h, the same on both architectures).

use crate::text;

/// An error number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub usize);

impl Errno {
    /// There is no such file.
    pub const NOT_FOUND: Self = Self(2);
    /// A signal came between.
    pub const INTERRUPTED: Self = Self(4);
    /// There is no such descriptor.
    pub const BAD_DESCRIPTOR: Self = Self(9);
    /// It makes no sense.
    pub const INVALID: Self = Self(22);
    /// It may not be had.
    pub const DENIED: Self = Self(13);
    /// It is a folder.
    pub const IS_DIRECTORY: Self = Self(21);
    /// It does not fit.
    pub const TOO_LONG: Self = Self(36);
    /// It took too long.
    pub const TIMED_OUT: Self = Self(110);
    /// It has begun.
    pub const IN_PROGRESS: Self = Self(115);
    /// There is nothing now.
    pub const AGAIN: Self = Self(11);

    /// What it means, for those that deckhand meets.
    #[inline(never)]
    pub fn text(self) -> Option<&'static [u8]> {
        let mut rest = TEXTS.as_bytes();
        while !rest.is_empty() {
            let mut entry = text::take(&mut rest, b";");
            if text::number(text::take(&mut entry, b" ")) == Some(self.0 as u64) {
                return Some(entry);
            }
        }
        None
    }
}

/// One string, as a table of strings would be a third larger.
const TEXTS: &str = "1 operation not permitted;\
    2 no such file or directory;\
    5 input/output error;\
    7 arguments too long;\
    8 no program for this machine, nor a script with #!;\
    9 bad file descriptor;\
    12 out of memory;\
    13 permission denied;\
    20 not a directory;\
    21 is a directory;\
    22 invalid argument;\
    24 too many open files;\
    26 text file busy;\
    27 file too large;\
    28 no space left on device;\
    30 read-only file system;\
    32 broken pipe;\
    36 name too long;\
    38 not known to this kernel;\
    40 too many links;\
    97 address family not supported;\
    99 no such address here;\
    101 network unreachable;\
    104 connection reset;\
    110 timed out;\
    111 connection refused;\
    113 no route to host;\
    122 disk quota exceeded";
