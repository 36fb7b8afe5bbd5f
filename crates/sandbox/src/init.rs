//! The process inside, from its first moment on. In the child: nothing is allocated, nothing can panic.
//!
//! It is process 1 of its namespace: it makes the sandbox, starts the program, passes signals on to it, and buries what
//! the program leaves behind. A program that was process 1 itself would not get signals that it has no handler for.

use std::convert::Infallible;
use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{Access, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::process::{DumpableBehavior, Gid, Pid, Resource, Rlimit, Signal, Uid, WaitOptions};
use rustix::pty::OpenptFlags;
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::Status;
use crate::plan::{Command, Plan};
use crate::report::{Failure, Message, Step};
use crate::sys::{self, SignalSet};
use crate::view;

/// Where the descriptors are after [`sys::keep_only`].
const SOCKET: i32 = 3;

/// A process that a keyboard's signal is meant for is not alone: it is meant for all of its group.
const OF_KEYBOARDS: [i32; 2] = [libc::SIGINT, libc::SIGQUIT];

/// Runs the program as planned. It does not return.
pub(crate) fn run(
    plan: &Plan,
    input_and_output: [BorrowedFd<'_>; 3],
    socket: BorrowedFd<'_>,
    mask: &SignalSet,
) -> ! {
    let [input, output, errors] = input_and_output;
    SignalSet::full().block();
    let outcome = sys::keep_only([input, output, errors, socket])
        .map_err(at(Step::Begin))
        .and_then(|()| begin(plan, mask));
    match outcome {
        Ok((program, stub)) => stay(plan, mask, program, &stub),
        Err(failure) => {
            tell(Message::Failed(failure));
            sys::exit(1)
        }
    }
}

fn at(step: Step) -> impl Fn(Errno) -> Failure {
    move |errno| Failure { step, errno, which: 0 }
}

fn tell(message: Message) {
    // Whoever does not listen any more is gone, and this process with it.
    let _ = rustix::net::send(sys::kept(SOCKET), &message.bytes(), SendFlags::NOSIGNAL);
}

fn die_with_parent() -> Result<(), Errno> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
}

fn begin(plan: &Plan, mask: &SignalSet) -> Result<(Pid, OwnedFd), Failure> {
    die_with_parent().map_err(at(Step::Begin))?;
    // What needs no user is done while the outside writes the maps.
    view::keep_to_ourselves().map_err(at(Step::Begin))?;
    rustix::system::sethostname(&plan.hostname).map_err(at(Step::Name))?;
    if plan.own_network {
        sys::bring_up_loopback().map_err(at(Step::Network))?;
    }
    // The outside gives the word when it has written the user namespace's maps.
    wait_for_word();
    let stub = view::enter(plan)?;
    limit().map_err(at(Step::Privileges))?;
    become_user(plan).map_err(at(Step::Ids))?;
    give_up_privileges().map_err(at(Step::Privileges))?;
    let terminal = if plan.terminal { Some(open_terminal().map_err(at(Step::Terminal))?) } else { None };
    sys::set_filter(&plan.filter).map_err(at(Step::Filter))?;
    let first = Start { plan, number: 0, terminal: terminal.as_ref(), mask, stub: &stub };
    let program = sys::spawn(&plan.stack, start, &first).map_err(at(Step::Start))?;
    Ok((program, stub))
}

/// No core files; and as many processes at most as `view` also sets, for kernels that know no limit for a namespace.
fn limit() -> Result<(), Errno> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none)?;
    let most = rustix::process::getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX).min(4096);
    rustix::process::setrlimit(Resource::Nproc, Rlimit { current: Some(most), maximum: Some(most) })
}

fn become_user(plan: &Plan) -> Result<(), Errno> {
    for number in 0..64 {
        let Some(capability) = CapabilitySet::from_bits(1 << number) else { continue };
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // Beyond the last one that this kernel has.
            Err(Errno::INVAL) => break,
            other => other?,
        }
    }
    if plan.ids.sets_groups {
        rustix::thread::set_thread_groups(&plan.ids.groups)?;
    }
    let (uid, gid) = (Uid::from_raw(plan.ids.uid), Gid::from_raw(plan.ids.gid));
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

fn give_up_privileges() -> Result<(), Errno> {
    let none = CapabilitySet::empty();
    rustix::thread::clear_ambient_capability_set()?;
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    rustix::thread::set_no_new_privs(true)?;
    // Nobody inside may look into this process; the program itself gets the default back when it is executed.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Another user's process would outlive its parent: the kernel forgets the signal when the user changes.
    die_with_parent()
}

/// A terminal of the sandbox's own; its other end goes outside.
fn open_terminal() -> Result<OwnedFd, Errno> {
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let outer = rustix::fs::open(c"/dev/pts/ptmx", flags, Mode::empty())?;
    rustix::pty::unlockpt(&outer)?;
    let inner = rustix::pty::ioctl_tiocgptpeer(
        &outer,
        OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
    )?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut along = rustix::net::SendAncillaryBuffer::new(&mut space);
    let descriptors = [outer.as_fd()];
    along.push(rustix::net::SendAncillaryMessage::ScmRights(&descriptors));
    let bytes = Message::Terminal.bytes();
    let text = [std::io::IoSlice::new(&bytes)];
    rustix::net::sendmsg(sys::kept(SOCKET), &text, &mut along, SendFlags::NOSIGNAL)?;
    Ok(inner)
}

/// What a program is started with.
struct Start<'a> {
    plan: &'a Plan,
    number: usize,
    terminal: Option<&'a OwnedFd>,
    mask: &'a SignalSet,
    stub: &'a OwnedFd,
}

/// The program's process, up to the program.
fn start(start: &Start<'_>) -> ! {
    let Err(failure) = prepare(start.plan, start.terminal).and_then(|()| execute(start));
    tell(Message::Failed(failure));
    sys::exit(127)
}

fn prepare(plan: &Plan, terminal: Option<&OwnedFd>) -> Result<(), Failure> {
    // A session of its own: no terminal of the host's is its, so it can put nothing into what a person types there.
    rustix::process::setsid().map_err(at(Step::Start))?;
    // As every engine has it, whatever it is here.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    for number in 0..3 {
        let from = terminal.map_or_else(|| sys::kept(number), OwnedFd::as_fd);
        own_null(from)
            .and_then(|null| sys::put_at(null.as_ref().map_or(from, OwnedFd::as_fd), number))
            .map_err(at(Step::Start))?;
    }
    if let Some(terminal) = terminal {
        rustix::process::ioctl_tiocsctty(terminal).map_err(at(Step::Terminal))?;
    }
    rustix::process::chdir(plan.workdir.as_c_str()).map_err(at(Step::Workdir))
}

/// The sandbox's own /dev/null instead of this machine's, whose mode the program could change through it.
fn own_null(given: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Errno> {
    if !is_null(given)? {
        return Ok(None);
    }
    rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map(Some)
}

/// Whether it is /dev/null (Linux's devices.txt: 1:3).
pub(crate) fn is_null(file: BorrowedFd<'_>) -> Result<bool, Errno> {
    let data = rustix::fs::fstat(file)?;
    let is_device = FileType::from_raw_mode(data.st_mode) == FileType::CharacterDevice;
    Ok(is_device && data.st_rdev == rustix::fs::makedev(1, 3))
}

/// Executes the program: by way of the [`crate::stub`], which tells itself what the kernel says to that.
fn execute(&Start { plan, number, mask, stub, .. }: &Start<'_>) -> Result<Infallible, Failure> {
    let command = plan.commands.get(number).ok_or(at(Step::Execute)(Errno::NOENT))?;
    let program = choose(command).map_err(at(Step::Execute))?;
    // The socket stays open for it.
    sys::put_at(sys::kept(SOCKET), SOCKET).map_err(at(Step::Start))?;
    sys::forget_handlers();
    mask.block();
    Err(at(Step::Start)(sys::execute(stub.as_fd(), program, &command.arguments, &plan.environment)))
}

/// Much as execvp(3) does it: the first file that may be executed; one that may not hides none in a later folder.
fn choose(command: &Command) -> Result<&CStr, Errno> {
    if let [only] = &command.programs[..] {
        return Ok(only);
    }
    let mut worst = Errno::NOENT;
    for program in &command.programs {
        match may_execute(program) {
            Ok(()) => return Ok(program),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(Errno::ACCESS) => worst = Errno::ACCESS,
            Err(errno) => return Err(errno),
        }
    }
    Err(worst)
}

fn may_execute(program: &CStr) -> Result<(), Errno> {
    let data = rustix::fs::stat(program)?;
    if FileType::from_raw_mode(data.st_mode) != FileType::RegularFile {
        return Err(Errno::ACCESS);
    }
    rustix::fs::access(program, Access::EXEC_OK)
}

/// Sees the programs to their ends: then everything in the namespace ends too.
fn stay(plan: &Plan, mask: &SignalSet, mut program: Pid, stub: &OwnedFd) -> ! {
    for number in 1..plan.commands.len() {
        let status = attend(program);
        end_the_rest();
        tell(Message::Ended(status));
        wait_for_word();
        let next = Start { plan, number, terminal: None, mask, stub };
        program = match sys::spawn(&plan.stack, start, &next) {
            Ok(program) => program,
            Err(errno) => {
                tell(Message::Failed(at(Step::Start)(errno)));
                sys::exit(1)
            }
        };
    }
    sys::close_standard();
    tell(Message::Ended(attend(program)));
    sys::exit(0)
}

/// What a program left running does not run beside the next.
fn end_the_rest() {
    sys::kill(-1, libc::SIGKILL);
    while rustix::process::wait(WaitOptions::empty()).is_ok() {}
}

/// Goes on when the outside is ready, and not at all if it is gone.
fn wait_for_word() {
    match rustix::io::read(sys::kept(SOCKET), &mut [0]) {
        Ok(1) => {}
        _ => sys::exit(1),
    }
}

/// Passes signals on, and buries the dead, until the program ends.
fn attend(program: Pid) -> Status {
    let all = SignalSet::full();
    loop {
        match all.wait() {
            Some(libc::SIGCHLD) => {
                if let Some(status) = bury(program) {
                    return status;
                }
            }
            Some(signal) => {
                let number = program.as_raw_nonzero().get();
                sys::kill(if OF_KEYBOARDS.contains(&signal) { -number } else { number }, signal);
            }
            None => {}
        }
    }
}

fn bury(program: Pid) -> Option<Status> {
    while let Ok(Some((process, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if process != program {
            continue;
        }
        let byte = |number: Option<i32>| number.and_then(|number| u8::try_from(number).ok());
        return Some(match byte(status.terminating_signal()) {
            Some(signal) => Status::Signaled(signal),
            None => Status::Exited(byte(status.exit_status()).unwrap_or(u8::MAX)),
        });
    }
    None
}
