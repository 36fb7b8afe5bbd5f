//! Running a program, as seen from outside.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use bareboat_model::{Context, Error, Result, escape};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketFlags, SocketType,
};
use rustix::process::{WaitId, WaitIdOptions};

use crate::init;
use crate::plan::{Plan, is_harmless};
use crate::relay::{Relay, Sink, pipe};
use crate::report::{self, FORBIDDEN, Failure, Message, Step};
use crate::sys::{self, SignalSet};
use crate::terminal::{self, Raw};
use crate::{Outcome, Output, Sandbox, Status, diagnose};

/// The namespaces that every sandbox has; the network's comes to it.
const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

impl Sandbox {
    /// Runs a program with its arguments, and waits for its end. Nothing that it started outlives it.
    ///
    /// # Errors
    /// When the kernel does not let the sandbox be made, or the program cannot be started; not when the program fails.
    pub fn run(&self, command: &[OsString]) -> Result<Outcome> {
        let mut outcomes = self.run_in_turn(&[command.to_vec()])?;
        outcomes.pop().unwrap_or_else(|| Err(Error::new("there is no program to run")))
    }

    /// Runs programs in one sandbox, one after the other: each sees what those before it changed, and nothing that they
    /// started still runs. Gives what came of each, up to the first that could not be started or took too long. Several
    /// only with [`Output::Capture`].
    ///
    /// # Errors
    /// When the kernel does not let the sandbox be made.
    pub fn run_in_turn(&self, commands: &[Vec<OsString>]) -> Result<Vec<Result<Outcome>>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        if commands.len() > 1 && self.output == Output::Inherit {
            return Err(Error::new("several programs in one sandbox need their output captured"));
        }
        let plan = Plan::new(self, commands).context(|| "cannot make the sandbox")?;
        let mut signals = Signals::take(self.output).context(|| "cannot make the sandbox")?;
        let mut inside = Inside::start(self, &plan, &signals)?;
        let outcomes = self.see_through(commands, &plan, &mut inside, &mut signals);
        // Whatever happened, nothing stays behind.
        inside.end();
        outcomes
    }

    fn see_through(
        &self,
        commands: &[Vec<OsString>],
        plan: &Plan,
        inside: &mut Inside,
        signals: &mut Signals,
    ) -> Result<Vec<Result<Outcome>>> {
        let mut outcomes = Vec::new();
        for (number, command) in commands.iter().enumerate() {
            let is_last = number + 1 == commands.len();
            let started = Instant::now();
            match inside.attend(self, signals)? {
                Ended::Status(status) if is_last || status == Status::TimedOut => {
                    inside.end();
                    outcomes.push(inside.outcome(status, started.elapsed()));
                    break;
                }
                Ended::Status(status) => {
                    outcomes.push(inside.outcome(status, started.elapsed()));
                    inside.go_on();
                }
                Ended::Failed(failure) => {
                    let error = self.told(failure, plan, number, command);
                    if !matches!(failure.step, Step::Execute | Step::Workdir) {
                        return Err(error);
                    }
                    outcomes.push(Err(error));
                    break;
                }
            }
        }
        Ok(outcomes)
    }

    fn told(&self, failure: Failure, plan: &Plan, number: usize, command: &[OsString]) -> Error {
        let program = command.first().map(OsString::as_os_str).unwrap_or_default();
        match failure.step {
            Step::Execute => diagnose::told(self, &plan.commands[number], program, failure.errno),
            Step::Mount => match self.mounts.get(usize::from(failure.which)) {
                Some(mount) => report::words(failure.errno).context(format!(
                    "cannot mount `{}` at `{}`",
                    mount.host.display(),
                    mount.path
                )),
                None => failure.told(),
            },
            Step::Make => match plan.late.get(usize::from(failure.which)) {
                Some(missing) => report::words(failure.errno)
                    .context(format!("cannot make `/{}` in the sandbox", escape(&missing.path()))),
                None => failure.told(),
            },
            Step::Workdir => report::words(failure.errno)
                .context(format!("cannot enter the working directory `{}`", self.workdir)),
            _ => failure.told().context("cannot make the sandbox"),
        }
    }
}

/// Signals that this process gets and passes on.
struct Signals {
    before: Option<SignalSet>,
    descriptor: Option<OwnedFd>,
}

impl Signals {
    /// All but those that are about this process's own faults, its children, and stopping it.
    fn take(output: Output) -> Result<Self> {
        if output != Output::Inherit {
            return Ok(Self { before: None, descriptor: None });
        }
        let fixed = [
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGQUIT,
            libc::SIGTERM,
            libc::SIGUSR1,
            libc::SIGUSR2,
            libc::SIGALRM,
            libc::SIGVTALRM,
            libc::SIGPROF,
            libc::SIGIO,
            libc::SIGPWR,
            libc::SIGWINCH,
            libc::SIGURG,
        ];
        let set = fixed
            .into_iter()
            .chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
            .fold(SignalSet::empty(), SignalSet::with);
        let before = set.block();
        // Made before it can fail, so that what was blocked is not blocked for ever.
        let mut signals = Self { before: Some(before), descriptor: None };
        signals.descriptor = Some(set.descriptor().map_err(report::words)?);
        Ok(signals)
    }

    /// What the program is to have.
    fn mask(&self) -> SignalSet {
        self.before.unwrap_or_else(SignalSet::empty)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            before.block();
        }
    }
}

enum Ended {
    Status(Status),
    Failed(Failure),
}

/// The process inside, and the ways between it and here.
struct Inside {
    process: OwnedFd,
    socket: OwnedFd,
    relays: Vec<Relay>,
    terminal: Option<(OwnedFd, Raw)>,
}

impl Inside {
    fn start(sandbox: &Sandbox, plan: &Plan, signals: &Signals) -> Result<Self> {
        let mut ways = Ways::new(sandbox.output, sandbox.terminal).context(|| "cannot make the sandbox")?;
        let (socket, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .map_err(std::io::Error::from)
                .context(|| "cannot make the sandbox")?;
        let network = if plan.own_network { libc::CLONE_NEWNET } else { 0 };
        match sys::clone_into(NAMESPACES | network).map_err(no_namespaces)? {
            None => {
                let [input, output, errors] = &ways.theirs;
                init::run(
                    plan,
                    [input.as_fd(), output.as_fd(), errors.as_fd()],
                    theirs.as_fd(),
                    &signals.mask(),
                )
            }
            Some((number, process)) => {
                let relays = std::mem::take(&mut ways.relays);
                let inside = Self { process, socket, relays, terminal: None };
                // Their ends are closed here, so that an end is seen as one.
                drop((ways, theirs));
                if let Err(error) = plan.ids.map(number) {
                    inside.end();
                    return Err(error.context("cannot make the sandbox"));
                }
                inside.go_on();
                Ok(inside)
            }
        }
    }

    /// Gives the word that the process inside waits for. One that is gone by now is noticed by [`Inside::attend`].
    fn go_on(&self) {
        let _ = rustix::net::send(&self.socket, b"!", SendFlags::NOSIGNAL);
    }

    /// Carries bytes and signals until the program ends.
    fn attend(&mut self, sandbox: &Sandbox, signals: &mut Signals) -> Result<Ended> {
        let deadline = sandbox.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let wait = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if wait == Some(Duration::ZERO) {
                return Ok(Ended::Status(Status::TimedOut));
            }
            let ready = self.wait(signals.descriptor.as_ref(), wait)?;
            if ready.signal {
                self.pass_signal_on(signals);
            }
            for number in ready.relays {
                self.relays[number].step();
            }
            if ready.message {
                match self.receive()? {
                    Some(Message::Ended(status)) => return Ok(Ended::Status(status)),
                    // The first is the cause of any other.
                    Some(Message::Failed(failure)) => return Ok(Ended::Failed(failure)),
                    Some(Message::Terminal) => {}
                    // Nobody is left at the other end: it was killed from outside.
                    None => return Ok(Ended::Status(Status::Signaled(libc::SIGKILL as u8))),
                }
            }
        }
    }

    fn wait(&self, signals: Option<&OwnedFd>, wait: Option<Duration>) -> Result<Ready> {
        let mut polls = vec![PollFd::new(&self.socket, PollFlags::IN)];
        polls.extend(signals.map(|descriptor| PollFd::new(descriptor, PollFlags::IN)));
        let first_relay = polls.len();
        let numbered = self.relays.iter().enumerate();
        let (numbers, of_relays): (Vec<usize>, Vec<PollFd<'_>>) =
            numbered.filter_map(|(number, relay)| Some((number, relay.poll()?))).unzip();
        polls.extend(of_relays);
        let wait = wait.map(|wait| Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        });
        match rustix::event::poll(&mut polls, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(std::io::Error::from(errno)).context(|| "cannot wait for the program"),
        }
        let is_ready = |poll: &PollFd<'_>| !poll.revents().is_empty();
        Ok(Ready {
            message: is_ready(&polls[0]),
            signal: signals.is_some() && is_ready(&polls[1]),
            relays: numbers
                .into_iter()
                .zip(&polls[first_relay..])
                .filter(|(_, poll)| is_ready(poll))
                .map(|(number, _)| number)
                .collect(),
        })
    }

    /// The next message; none when nobody can send any more.
    fn receive(&mut self) -> Result<Option<Message>> {
        let mut bytes = [0; report::LENGTH];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut along = RecvAncillaryBuffer::new(&mut space);
        let text = &mut [std::io::IoSliceMut::new(&mut bytes)];
        let received = rustix::net::recvmsg(&self.socket, text, &mut along, RecvFlags::CMSG_CLOEXEC);
        let length = match received {
            Ok(received) => received.bytes,
            Err(Errno::CONNRESET) => 0,
            Err(errno) => return Err(std::io::Error::from(errno)).context(|| "cannot hear from the sandbox"),
        };
        for message in along.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message
                && let Some(descriptor) = descriptors.next()
            {
                self.join_terminal(descriptor)?;
            }
        }
        match length {
            0 => Ok(None),
            report::LENGTH => Ok(Message::parse(bytes)),
            _ => Ok(None),
        }
    }

    fn join_terminal(&mut self, inner: OwnedFd) -> Result<()> {
        let raw = Raw::enter()?;
        let (inner, relays) = terminal::join(inner)?;
        self.relays.extend(relays);
        self.terminal = Some((inner, raw));
        Ok(())
    }

    fn pass_signal_on(&self, signals: &Signals) {
        let Some(signal) = signals.descriptor.as_ref().and_then(sys::read_signal) else { return };
        match &self.terminal {
            Some((inner, _)) if signal == libc::SIGWINCH => terminal::resize(inner),
            // One that is gone does not need it any more.
            _ => {
                let _ = sys::send_signal(&self.process, signal);
            }
        }
    }

    /// Ends all that is inside, and waits until it is gone.
    fn end(&self) {
        // One that is gone already is as good.
        let _ = sys::send_signal(&self.process, libc::SIGKILL);
        loop {
            match rustix::process::waitid(WaitId::PidFd(self.process.as_fd()), WaitIdOptions::EXITED) {
                Err(Errno::INTR) => {}
                _ => return,
            }
        }
    }

    fn outcome(&mut self, status: Status, took: Duration) -> Result<Outcome> {
        self.relays.iter_mut().for_each(Relay::drain);
        if let Some(errno) = self.relays.iter().find_map(Relay::failure) {
            return Err(report::words(errno).context("cannot pass on what the program writes"));
        }
        let mut kept = self.relays.iter_mut().map(Relay::take);
        let (stdout, cut) = kept.next().unwrap_or_default();
        let (stderr, cut_too) = kept.next().unwrap_or_default();
        Ok(Outcome { status, stdout, stderr, truncated: cut || cut_too, took })
    }
}

struct Ready {
    message: bool,
    signal: bool,
    relays: Vec<usize>,
}

fn no_namespaces(errno: Errno) -> Error {
    let error = report::words(errno).context("cannot make the sandbox: the kernel gives no namespaces");
    match errno {
        Errno::NOSPC | Errno::USERS => error
            .with_hint("the sysctl user.max_user_namespaces is too low, or namespaces are nested too deep"),
        _ => error.with_hint(FORBIDDEN),
    }
}

/// What the program has for input and output, and how it gets from and to here.
struct Ways {
    theirs: [OwnedFd; 3],
    relays: Vec<Relay>,
}

impl Ways {
    fn new(output: Output, terminal: bool) -> std::io::Result<Self> {
        let nothing = || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
        match output {
            Output::Capture { limit } => {
                let sink = || Sink::Memory { kept: Vec::new(), limit, truncated: false };
                let (stdout, their_stdout) = pipe(true)?;
                let (stderr, their_stderr) = pipe(true)?;
                let relays = vec![Relay::new(stdout, sink()), Relay::new(stderr, sink())];
                Ok(Self { theirs: [nothing()?, their_stdout, their_stderr], relays })
            }
            // The program opens its own.
            Output::Inherit if terminal => {
                Ok(Self { theirs: [nothing()?, nothing()?, nothing()?], relays: Vec::new() })
            }
            Output::Inherit => {
                let mut relays = Vec::new();
                let input = as_is_or_piped(rustix::stdio::stdin(), true, &mut relays)?;
                let output = as_is_or_piped(rustix::stdio::stdout(), false, &mut relays)?;
                let errors = as_is_or_piped(rustix::stdio::stderr(), false, &mut relays)?;
                Ok(Self { theirs: [input, output, errors], relays })
            }
        }
    }
}

/// A descriptor of this process's for the program: itself if it can do nothing more with it than was meant, else a pipe.
fn as_is_or_piped(ours: BorrowedFd<'_>, is_input: bool, relays: &mut Vec<Relay>) -> std::io::Result<OwnedFd> {
    let copy = match ours.try_clone_to_owned() {
        Ok(copy) => File::from(copy),
        // It is closed: so it is for the program, as far as it can tell.
        Err(_) => return File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from),
    };
    if is_harmless(&copy)? || init::is_null(copy.as_fd())? {
        return Ok(copy.into());
    }
    let (mine, theirs) = pipe(!is_input)?;
    relays.push(match is_input {
        true => Relay::into_program(copy.into(), mine),
        false => Relay::new(mine, Sink::Descriptor(copy.into())),
    });
    Ok(theirs)
}
