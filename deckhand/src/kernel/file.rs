//! Descriptors, files, pipes.

use super::clock::Deadline;
use super::{Answer, Errno, address, call, call_on, number, room};
use crate::text::{Text, text};

const AT_FDCWD: usize = -100_isize as usize;
const O_WRONLY: usize = 1;
const O_CREAT: usize = 0o100;
const O_APPEND: usize = 0o2000;
const O_CLOEXEC: usize = 0o2_000_000;

/// An open descriptor. No child inherits it unless it is given to it.
#[derive(PartialEq, Eq, Debug)]
pub struct Fd(usize);

impl Fd {
    /// Standard output.
    pub const OUTPUT: Self = Self(1);
    /// Standard error.
    pub const ERROR: Self = Self(2);

    /// Standard error as it was before it went to a log: a number that nothing else has yet.
    pub const OLD_ERROR: Self = Self(63);

    /// None yet.
    pub const NONE: Self = Self(usize::MAX);

    /// A descriptor that the kernel has just opened.
    pub(super) fn opened(answer: usize) -> Self {
        Self(answer)
    }

    /// Its number.
    pub fn number(&self) -> usize {
        self.0
    }

    /// Opens for reading.
    pub fn open(path: Text<'_>) -> Answer<Self> {
        open(path, O_CLOEXEC)
    }

    /// Opens for writing at the end, making the file if there is none.
    pub fn append(path: Text<'_>) -> Answer<Self> {
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)
    }

    /// Reads what there is, up to the buffer's length, and says how much; nothing at the end.
    #[inline(never)]
    pub fn read(&self, buffer: &mut [u8]) -> Answer<usize> {
        // SAFETY: the kernel writes at most the buffer's length to it.
        unsafe { call_on(number::READ, self.0, room(buffer), buffer.len(), 0) }
    }

    /// Writes some of the bytes, and says how many.
    pub fn write(&self, bytes: &[u8]) -> Answer<usize> {
        // SAFETY: the kernel reads the bytes and no more.
        unsafe { call_on(number::WRITE, self.0, address(bytes), bytes.len(), 0) }
    }

    /// Writes all of the bytes.
    #[inline(never)]
    pub fn write_all(&self, mut bytes: &[u8]) -> Answer<()> {
        while !bytes.is_empty() {
            let count = self.write(bytes)?;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads until the buffer is full or the file at its end, and says how much.
    #[inline(never)]
    pub fn fill(&self, buffer: &mut [u8]) -> Answer<usize> {
        let mut length = 0;
        while let Some(room @ [_, ..]) = buffer.get_mut(length..) {
            match self.read(room)? {
                0 => break,
                count => length += count,
            }
        }
        Ok(length)
    }

    /// Looks at the file.
    pub fn status(&self, status: &mut Status) -> Answer<()> {
        const AT_EMPTY_PATH: usize = 0x1000;
        statx(self.0, text!(""), AT_EMPTY_PATH, status)
    }

    /// Closes it. Not by being dropped: the end of the process closes most.
    #[inline(never)]
    pub fn close(self) {
        // SAFETY: no pointers; the descriptor is this value's own.
        let _ = unsafe { call(number::CLOSE, self.0, 0, 0, 0, 0) };
    }

    /// Makes this what a program that this process becomes knows by another number.
    pub fn give_as(&self, target: usize) -> Answer<()> {
        duplicate(self.0, target, 0)
    }

    /// Makes this what is known by another number too, but not to a program that this process becomes.
    pub fn keep_as(&self, target: Self) -> Answer<()> {
        duplicate(self.0, target.0, O_CLOEXEC)
    }
}

#[inline(never)]
fn duplicate(from: usize, to: usize, flags: usize) -> Answer<()> {
    // SAFETY: no pointers. What `to` was is closed; in a child, where this is called, nobody uses it any more.
    unsafe { call_on(number::DUP3, from, to, flags, 0) }.map(drop)
}

#[inline(never)]
fn open(path: Text<'_>, flags: usize) -> Answer<Fd> {
    // SAFETY: the path is a text.
    unsafe { call_on(number::OPENAT, AT_FDCWD, path.as_ptr().expose_provenance(), flags, 0o666) }
        .map(Fd::opened)
}

/// A pipe: the end to read from, and the one to write to.
#[inline(never)]
pub fn pipe() -> Answer<[Fd; 2]> {
    let mut ends = [0u32; 2];
    // SAFETY: the kernel writes two descriptors to the array.
    unsafe { call(number::PIPE2, room(&mut ends), O_CLOEXEC, 0, 0, 0) }?;
    Ok(ends.map(|end| Fd(end as usize)))
}

/// What the kernel knows of a file: include/uapi/linux/stat.h, the same on all architectures.
#[repr(C)]
pub struct Status {
    before_mode: [u32; 7],
    mode: u16,
    spare: u16,
    inode: u64,
    /// Bytes in it.
    pub size: u64,
    before_modified: [u64; 8],
    modified_seconds: u64,
    modified_nanoseconds: u32,
    reserved: u32,
    rest: [u64; 16],
}

const _: () = assert!(size_of::<Status>() == 256 && core::mem::offset_of!(Status, modified_seconds) == 0x70);

impl Status {
    /// Of no file yet.
    pub const fn none() -> Self {
        // SAFETY: zeros are a value of integers.
        unsafe { core::mem::zeroed() }
    }

    /// Looks at what a path leads to.
    pub fn read(&mut self, path: Text<'_>) -> Answer<()> {
        statx(AT_FDCWD, path, 0, self)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether it is a folder.
    pub fn is_directory(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// When it was last written, in nanoseconds of the calendar's clock; before 1970 counts as far in the future.
    pub fn modified(&self) -> u64 {
        self.modified_seconds.wrapping_mul(1_000_000_000).wrapping_add(self.modified_nanoseconds.into())
    }
}

#[inline(never)]
fn statx(folder: usize, path: Text<'_>, flags: usize, status: &mut Status) -> Answer<()> {
    const BASIC: usize = 0x7ff;
    // SAFETY: the path is a text, and the kernel writes one `struct statx`, which `Status` is.
    unsafe { call(number::STATX, folder, path.as_ptr().expose_provenance(), flags, BASIC, room(status)) }
        .map(drop)
}

/// Whether we may execute what a path leads to.
pub fn may_execute(path: Text<'_>) -> Answer<()> {
    const X_OK: usize = 1;
    // SAFETY: the path is a text.
    unsafe { call_on(number::FACCESSAT, AT_FDCWD, path.as_ptr().expose_provenance(), X_OK, 0) }.map(drop)
}

/// Gives a file another name, over what may have it.
pub fn rename(from: Text<'_>, to: Text<'_>) -> Answer<()> {
    let (from, to) = (from.as_ptr().expose_provenance(), to.as_ptr().expose_provenance());
    // SAFETY: both are texts.
    unsafe { call_on(number::RENAMEAT, AT_FDCWD, from, AT_FDCWD, to) }.map(drop)
}

/// What to wait for at a descriptor, and whether it is there.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Poll {
    fd: i32,
    wanted: i16,
    found: i16,
}

impl Poll {
    /// Waits for nothing.
    pub const IDLE: Self = Self { fd: -1, wanted: 0, found: 0 };

    /// Something to read, or the end.
    pub fn readable(fd: &Fd) -> Self {
        Self { fd: fd.0 as i32, wanted: 1, found: 0 }
    }

    /// Room to write, or nobody who would read.
    pub fn writable(fd: &Fd) -> Self {
        Self { fd: fd.0 as i32, wanted: 4, found: 0 }
    }

    /// Whether it is there.
    pub fn is_ready(&self) -> bool {
        self.found != 0
    }
}

/// Waits until some of them are there: how many; none when the time was over before.
#[inline(never)]
pub fn poll(polls: &mut [Poll], deadline: Deadline) -> Answer<usize> {
    loop {
        let mut left = deadline.left();
        let time = left.as_mut().map_or(0, room);
        // SAFETY: the kernel writes `found` of as many as there are, and to the time, where there is one, what is left.
        match unsafe { call(number::PPOLL, room(polls), polls.len(), time, 0, 8) } {
            Err(Errno::INTERRUPTED) => {}
            answer => return answer,
        }
    }
}
