//! What the process inside tells the one outside: a few bytes at a time, over a socket that keeps them apart.

use bareboat_model::Error;
use rustix::io::Errno;

use crate::Status;

/// What was being done when something failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Step {
    Begin,
    Root,
    Overlay,
    Proc,
    Dev,
    Tmp,
    Make,
    Mount,
    Pivot,
    Network,
    Name,
    Terminal,
    Ids,
    Privileges,
    Filter,
    Workdir,
    Start,
    Execute,
}

const STEPS: [(Step, &str); 18] = [
    (Step::Begin, "begin in it"),
    (Step::Root, "mount the root"),
    (Step::Overlay, "lay the root's missing or writable parts over it"),
    (Step::Proc, "mount /proc"),
    (Step::Dev, "mount /dev"),
    (Step::Tmp, "mount /tmp"),
    (Step::Make, "make a place in it"),
    (Step::Mount, "mount what was asked for"),
    (Step::Pivot, "enter the root"),
    (Step::Network, "bring up its network"),
    (Step::Name, "name its host"),
    (Step::Terminal, "give it a terminal"),
    (Step::Ids, "become its user"),
    (Step::Privileges, "give up privileges"),
    (Step::Filter, "set the filter for system calls"),
    (Step::Workdir, "enter the working directory"),
    (Step::Start, "start a process in it"),
    (Step::Execute, "execute the program"),
];

/// A step that failed, with the kernel's reason; and of several mounts, which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) errno: Errno,
    pub(crate) which: u8,
}

/// One message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Message {
    Failed(Failure),
    Ended(Status),
    /// The terminal's other end comes along.
    Terminal,
}

/// How long a message is.
pub(crate) const LENGTH: usize = 8;

impl Message {
    /// In the child: allocates nothing.
    pub(crate) fn bytes(self) -> [u8; LENGTH] {
        let (kind, value, which, number) = match self {
            Self::Failed(failure) => (1, failure.step as u8, failure.which, failure.errno.raw_os_error()),
            Self::Ended(Status::Exited(code)) => (2, code, 0, 0),
            Self::Ended(Status::Signaled(signal)) => (3, signal, 0, 0),
            Self::Ended(Status::TimedOut) => (0, 0, 0, 0),
            Self::Terminal => (4, 0, 0, 0),
        };
        let [a, b, c, d] = number.to_ne_bytes();
        [kind, value, which, 0, a, b, c, d]
    }

    pub(crate) fn parse(bytes: [u8; LENGTH]) -> Option<Self> {
        let [kind, value, which, _, a, b, c, d] = bytes;
        let errno = Errno::from_raw_os_error(i32::from_ne_bytes([a, b, c, d]).clamp(1, 4095));
        match kind {
            1 => {
                let (step, _) = STEPS.iter().find(|(step, _)| *step as u8 == value)?;
                Some(Self::Failed(Failure { step: *step, errno, which }))
            }
            2 => Some(Self::Ended(Status::Exited(value))),
            3 => Some(Self::Ended(Status::Signaled(value))),
            4 => Some(Self::Terminal),
            _ => None,
        }
    }
}

/// The kernel's reason in words.
pub(crate) fn words(errno: Errno) -> Error {
    std::io::Error::from(errno).into()
}

impl Failure {
    /// What could not be done, and what could help.
    pub(crate) fn told(self) -> Error {
        let doing = STEPS.iter().find(|(step, _)| *step == self.step).map_or("", |(_, words)| words);
        let error = words(self.errno).context(format!("cannot {doing}"));
        match (self.step, self.errno) {
            (_, Errno::NOSYS) => {
                error.with_hint("it needs Linux 5.12 or newer, and no filter of a container around it")
            }
            (Step::Proc, Errno::PERM) => error.with_hint(
                "in a container whose own /proc is masked the kernel forbids it: start that container with \
                 --security-opt systempaths=unconfined",
            ),
            (Step::Overlay, Errno::PERM | Errno::NODEV | Errno::INVAL) => {
                error.with_hint("it needs overlayfs in user namespaces, which Linux has since 5.11")
            }
            (Step::Ids, Errno::INVAL) => {
                error.with_hint("the user namespace around this one does not know the user's number")
            }
            (Step::Root | Step::Begin | Step::Pivot, Errno::PERM | Errno::ACCESS) => {
                error.with_hint(FORBIDDEN)
            }
            _ => error,
        }
    }
}

/// Where a kernel is told to forbid what the sandbox is made of.
pub(crate) const FORBIDDEN: &str = "what may forbid it: the sysctls user.max_user_namespaces=0, \
    kernel.unprivileged_userns_clone=0 and kernel.apparmor_restrict_unprivileged_userns=1, or the seccomp filter of a \
    container around it (--security-opt seccomp=unconfined lifts that)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let failed = |step| Message::Failed(Failure { step, errno: Errno::LOOP, which: 7 });
        let steps = STEPS.iter().map(|(step, _)| failed(*step));
        let others =
            [Message::Ended(Status::Exited(255)), Message::Ended(Status::Signaled(9)), Message::Terminal];
        for message in steps.chain(others) {
            assert_eq!(Message::parse(message.bytes()), Some(message));
        }
        assert_eq!(Message::parse([9; LENGTH]), None);
    }
}
