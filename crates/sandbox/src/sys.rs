//! The system calls that rustix has no safe call for. All the `unsafe` of this crate is here.
//!
//! What is marked "in the child" is called between `clone` and `exec`, in a copy of a process that may have had other
//! threads: it allocates nothing, takes no lock, and cannot panic.

#![allow(unsafe_code)]

use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

use rustix::io::{Errno, Result};
use rustix::process::Pid;

/// A set of signals.
#[derive(Clone, Copy)]
pub(crate) struct SignalSet(libc::sigset_t);

impl SignalSet {
    /// No signal.
    pub(crate) fn empty() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: it is a place for a set, which the call fills.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: the call before filled it; it cannot fail.
        Self(unsafe { set.assume_init() })
    }

    /// Every signal.
    pub(crate) fn full() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: it is a place for a set, which the call fills.
        unsafe { libc::sigfillset(set.as_mut_ptr()) };
        // SAFETY: the call before filled it; it cannot fail.
        Self(unsafe { set.assume_init() })
    }

    /// With one more signal; what is no signal's number adds nothing.
    pub(crate) fn with(mut self, signal: c_int) -> Self {
        // SAFETY: the set is initialised; a wrong number is refused.
        unsafe { libc::sigaddset(&mut self.0, signal) };
        self
    }

    /// Makes it the set of signals that this thread does not get; gives the one before. Also in the child.
    pub(crate) fn block(&self) -> Self {
        let mut before = Self::empty();
        // SAFETY: both sets are initialised, and live through the call.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, &mut before.0) };
        before
    }

    /// Waits for one of them, which must be blocked. In the child.
    pub(crate) fn wait(&self) -> Option<c_int> {
        // SAFETY: the set is initialised; nothing is asked about the signal but its number.
        let signal = unsafe { libc::sigwaitinfo(&self.0, ptr::null_mut()) };
        (signal > 0).then_some(signal)
    }

    /// A descriptor from which they are read, once they are blocked.
    pub(crate) fn descriptor(&self) -> Result<OwnedFd> {
        // SAFETY: the set is initialised; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &self.0, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        owned(fd)
    }
}

/// The number of the next signal that waits in the descriptor of a [`SignalSet`].
pub(crate) fn read_signal(descriptor: &OwnedFd) -> Option<c_int> {
    // ssi_signo is the first field of signalfd_siginfo (signalfd(2)).
    let mut record = [0; size_of::<libc::signalfd_siginfo>()];
    let read = rustix::io::read(descriptor, &mut record).ok()?;
    let number = record.first_chunk::<4>().filter(|_| read == record.len())?;
    c_int::try_from(u32::from_ne_bytes(*number)).ok()
}

/// Gives all signals their default meaning again. In the child.
pub(crate) fn forget_handlers() {
    for signal in 1..=64 {
        // SAFETY: no handler is set; the two numbers that the C library keeps for itself are refused by it.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Sends a signal by its number to a process that is held by a descriptor.
pub(crate) fn send_signal(process: &OwnedFd, signal: c_int) -> Result<()> {
    let no_info = ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open; the kernel makes up the information itself.
    done(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, no_info, 0) })
}

/// Sends a signal by its number to a process, or a process group if the number of it is negative. In the child.
pub(crate) fn kill(process: c_int, signal: c_int) {
    // SAFETY: it touches no memory. That nobody gets the signal is no error here.
    unsafe { libc::kill(process, signal) };
}

/// Makes a copy of this process in namespaces of its own. In the copy it gives nothing; in this process, the copy's
/// number and a descriptor that holds it.
pub(crate) fn clone_into(namespaces: c_int) -> Result<Option<(Pid, OwnedFd)>> {
    let mut descriptor: RawFd = -1;
    // SAFETY: all its fields are numbers, for which zero means that nothing is asked for.
    let mut wanted: libc::clone_args = unsafe { zeroed() };
    wanted.flags = u64::try_from(namespaces | libc::CLONE_PIDFD).unwrap_or_default();
    wanted.pidfd = ptr::addr_of_mut!(descriptor) as u64;
    wanted.exit_signal = libc::SIGCHLD as u64;
    let size = size_of::<libc::clone_args>();
    // SAFETY: without CLONE_VM the copy has its own memory, as after fork(2), with the same stack; what it does until it
    // executes a program is in `crate::init`, which keeps to the rules of this file. The arguments live through the call.
    let number = unsafe { libc::syscall(libc::SYS_clone3, &wanted, size) };
    done(number)?;
    let Some(process) = Pid::from_raw(number as i32) else { return Ok(None) };
    Ok(Some((process, owned(descriptor)?)))
}

/// Room for what a process does before it executes a program.
pub(crate) struct Stack(Box<[UnsafeCell<u128>]>);

impl Stack {
    pub(crate) fn new() -> Self {
        // 64 KiB, of which only what is used is ever touched.
        Self((0..4096).map(|_| UnsafeCell::new(0)).collect())
    }
}

/// Starts a process that runs `body` in this process's memory, while this process waits until it has executed a program:
/// as vfork(2), which costs no copy of the memory, but on a stack of its own. In the child.
pub(crate) fn spawn<T>(stack: &Stack, body: fn(&T) -> !, argument: &T) -> Result<Pid> {
    /// What the new process begins with.
    extern "C" fn begin<T>(given: *mut c_void) -> c_int {
        let given: *const (fn(&T) -> !, &T) = given.cast();
        // SAFETY: it is what `spawn` passed, which waits, so that it is still there.
        let (body, argument) = unsafe { *given };
        body(argument)
    }
    let given = (body, argument);
    // Stacks grow downwards, from an end that is as aligned as both machines want it (16 bytes).
    let end = stack.0.as_ptr_range().end.cast_mut().cast();
    let given = ptr::addr_of!(given).cast_mut().cast();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is memory that may be written, and nobody else's; with CLONE_VFORK this process does nothing until
    // the new one has left its memory.
    let number = unsafe { libc::clone(begin::<T>, end, flags, given) };
    done(c_long::from(number))?;
    Pid::from_raw(number).ok_or(Errno::CHILD)
}

/// Ends this process, without running what stands in line for its end. In the child.
pub(crate) fn exit(code: u8) -> ! {
    // SAFETY: it does not return.
    unsafe { libc::_exit(c_int::from(code)) }
}

/// A list of strings as `exec` takes it.
pub(crate) struct StringList {
    /// Points into `_strings`; ends with a null pointer.
    pointers: Vec<Cell<*const c_char>>,
    _strings: Vec<std::ffi::CString>,
}

impl StringList {
    pub(crate) fn new(strings: Vec<std::ffi::CString>) -> Self {
        // What a CString points to does not move when the CString does.
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]);
        Self { pointers: pointers.map(Cell::new).collect(), _strings: strings }
    }
}

/// Puts a program, held by a descriptor, in the place of this process, with `first` for its first argument; gives the
/// error if it does not. In the child.
pub(crate) fn execute(
    program: BorrowedFd<'_>,
    first: &CStr,
    arguments: &StringList,
    environment: &StringList,
) -> Errno {
    // The list has a null at its end, which must stay.
    let [place, _, ..] = &arguments.pointers[..] else { return Errno::INVAL };
    let before = place.replace(first.as_ptr());
    let arguments: *const *const c_char = arguments.pointers.as_ptr().cast();
    let environment: *const *const c_char = environment.pointers.as_ptr().cast();
    let (number, at) = (program.as_raw_fd(), libc::AT_EMPTY_PATH);
    // SAFETY: the lists are of strings and end with a null (a cell is laid out as what is in it), and live through the call.
    unsafe { libc::syscall(libc::SYS_execveat, number, c"".as_ptr(), arguments, environment, at) };
    let errno = last_error();
    place.set(before);
    errno
}

/// Puts `descriptors` where they are numbered from 0 on, and closes all others. In the child, once.
pub(crate) fn keep_only(descriptors: [BorrowedFd<'_>; 4]) -> Result<()> {
    // First out of each other's way.
    let mut high = [0; 4];
    for (place, descriptor) in high.iter_mut().zip(descriptors) {
        // SAFETY: it touches no memory.
        *place = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 16) };
        done(c_long::from(*place))?;
    }
    for (low, high) in (0..).zip(high) {
        // SAFETY: it touches no memory. Nothing in the child uses one of these numbers for something else.
        done(c_long::from(unsafe { libc::dup3(high, low, libc::O_CLOEXEC) }))?;
    }
    close_from(4)
}

/// Closes the three descriptors of input and output. In the child.
pub(crate) fn close_standard() {
    // SAFETY: it touches no memory. Nothing in the child owns them.
    unsafe { libc::syscall(libc::SYS_close_range, 0, 2, 0) };
}

/// Closes the descriptor of this number, which [`put_at`] put there. In the child.
pub(crate) fn close(number: RawFd) {
    // SAFETY: it touches no memory, and nothing owns the descriptor.
    unsafe { libc::close(number) };
}

fn close_from(first: c_int) -> Result<()> {
    // SAFETY: it touches no memory. Descriptors that Rust values of the parent's own in the child are never used there.
    done(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) })
}

/// Makes `descriptor` also the one of this number, for the program to be executed. In the child.
pub(crate) fn put_at(descriptor: BorrowedFd<'_>, number: RawFd) -> Result<()> {
    // SAFETY: it touches no memory. After `keep_only` the child has a handful of descriptors, all in the hands of its caller,
    // who names input, output, or a number above those.
    done(c_long::from(unsafe { libc::dup2(descriptor.as_raw_fd(), number) }))?;
    // One that was there already keeps its flag, which would close it.
    // SAFETY: it touches no memory.
    done(c_long::from(unsafe { libc::fcntl(number, libc::F_SETFD, 0) }))
}

/// The descriptor of this number, which [`keep_only`] put there. In the child.
pub(crate) fn kept(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: it is open for as long as the child uses it.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// What [`set_mount`] sets (mount_setattr(2)).
#[derive(Clone, Copy, Default)]
pub(crate) struct MountFlags {
    pub(crate) read_only: bool,
    pub(crate) private: bool,
    pub(crate) with_devices: bool,
    pub(crate) below_too: bool,
}

/// Sets the attributes of a mount: set-id bits count in none of ours. In the child.
pub(crate) fn set_mount(mount: BorrowedFd<'_>, flags: MountFlags) -> Result<()> {
    // SAFETY: all its fields are numbers, for which zero means that nothing is asked for.
    let mut wanted: libc::mount_attr = unsafe { zeroed() };
    if !flags.private {
        wanted.attr_set = libc::MOUNT_ATTR_NOSUID;
    }
    if !flags.with_devices && !flags.private {
        wanted.attr_set |= libc::MOUNT_ATTR_NODEV;
    }
    if flags.read_only {
        wanted.attr_set |= libc::MOUNT_ATTR_RDONLY;
    }
    if flags.private {
        wanted.propagation = libc::MS_PRIVATE;
    }
    let recursive = if flags.below_too { libc::AT_RECURSIVE } else { 0 };
    let at = libc::AT_EMPTY_PATH | recursive;
    let size = size_of::<libc::mount_attr>();
    // SAFETY: the descriptor is open; the path and the attributes live through the call.
    done(unsafe {
        libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), c"".as_ptr(), at, &wanted, size)
    })
}

/// Brings up the loopback interface. In the child.
pub(crate) fn bring_up_loopback() -> Result<()> {
    // SAFETY: it touches no memory.
    let socket = owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: all its fields are numbers, or unions of them, for which zero is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name[0] = b'l' as c_char;
    request.ifr_name[1] = b'o' as c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: SIOCSIFFLAGS takes an ifreq, which lives through the call.
    done(c_long::from(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) }))
}

/// Sets a seccomp filter for this process and all that come from it, for good. In the child.
pub(crate) fn set_filter(filter: &[libc::sock_filter]) -> Result<()> {
    let Ok(len) = u16::try_from(filter.len()) else { return Err(Errno::INVAL) };
    let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut() };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the kernel reads as many instructions as it is told there are, and checks them; it writes none.
    done(unsafe { libc::syscall(libc::SYS_seccomp, mode, 0, &program) })
}

fn owned(fd: RawFd) -> Result<OwnedFd> {
    done(c_long::from(fd))?;
    // SAFETY: the kernel just gave it to us, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn done(result: c_long) -> Result<()> {
    if result < 0 { Err(last_error()) } else { Ok(()) }
}

fn last_error() -> Errno {
    // SAFETY: it gives the address of this thread's own variable.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the address is valid for as long as the thread lives.
    Errno::from_raw_os_error(unsafe { *place })
}
