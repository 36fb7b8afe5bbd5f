/* Ways out of a sandbox, one after another. Each line of the output is `held NAME (why)` or `BROKEN NAME`; the exit code is 1 if
   any broke. Static, so that it runs in an empty image. Usage: probes all CANARY | bomb | flood | hang | orphan | write PATH */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int broken;

/* A probe must fail: a result below 0 holds. */
static void probe(const char *name, long result) {
    if (result < 0) {
        printf("held   %s (%s)\n", name, strerror(errno));
    } else {
        printf("BROKEN %s\n", name);
        broken = 1;
    }
}

static int writable(const char *path) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) return -1;
    int written = write(fd, "h", 1);
    close(fd);
    return written;
}

static int readable(const char *path) {
    char bytes[16];
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0) return -1;
    int got = read(fd, bytes, sizeof bytes);
    close(fd);
    if (got == 0) { errno = ENODATA; return -1; }
    return got;
}

static void mounts(void) {
    mkdir("/tmp/m", 0755);
    probe("mount a tmpfs", mount("x", "/tmp/m", "tmpfs", 0, ""));
    probe("mount a proc", mount("x", "/tmp/m", "proc", 0, ""));
    probe("bind-mount the root", mount("/", "/tmp/m", "", MS_BIND, ""));
    probe("remount the root for writing", mount("", "/", "", MS_REMOUNT | MS_BIND, ""));
    probe("remount /proc/sys for writing", mount("", "/proc/sys", "", MS_REMOUNT | MS_BIND, ""));
    probe("unmount /proc/sys", umount2("/proc/sys", MNT_DETACH));
    probe("unmount the root", umount2("/", MNT_DETACH));
    probe("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp/m"));
    probe("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    probe("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
    probe("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, "", 0));
    probe("chroot", chroot("/tmp"));
}

static void namespaces(void) {
    const char *names[] = {"user", "mnt", "pid", "net", "uts", "ipc", "cgroup"};
    char path[64], name[64];
    probe("unshare a user namespace", unshare(CLONE_NEWUSER));
    probe("unshare a mount namespace", unshare(CLONE_NEWNS));
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    probe("clone into a user namespace", child);
    probe("clone3", syscall(SYS_clone3, "", 0));
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/proc/1/ns/%s", names[i]);
        snprintf(name, sizeof name, "enter process 1's %s namespace", names[i]);
        int fd = open(path, O_RDONLY);
        probe(name, fd < 0 ? -1 : setns(fd, 0));
        if (fd >= 0) close(fd);
    }
    int own = open("/proc/self/ns/user", O_RDONLY);
    probe("setns", own < 0 ? -1 : setns(own, 0));
    probe("write an id map", writable("/proc/self/uid_map"));
}

static void processes(void) {
    char word[8] = "h";
    struct iovec here = {word, 1}, there = {(void *)0x400000, 1};
    probe("trace process 1", ptrace(PTRACE_ATTACH, 1, 0, 0));
    probe("seize process 1", ptrace(PTRACE_SEIZE, 1, 0, 0));
    probe("trace the parent", ptrace(PTRACE_ATTACH, getppid(), 0, 0));
    probe("ask to be traced", ptrace(PTRACE_TRACEME, 0, 0, 0));
    probe("write into process 1", process_vm_writev(1, &here, 1, &there, 1, 0));
    probe("take a descriptor of process 1", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
    /* The kernel takes the signal, and the process that it made the sandbox's first does not die of it. */
    kill(1, SIGKILL);
    probe("kill process 1", kill(1, 0) == 0 ? (errno = EPERM, -1) : 0);
    probe("open process 1's root", readable("/proc/1/root/etc/passwd"));
    probe("list process 1's root", opendir("/proc/1/root") ? 0 : -1);
    probe("open a descriptor of process 1", readable("/proc/1/fd/3"));
    probe("open process 1's program", open("/proc/1/exe", O_RDONLY));
    probe("read process 1's environment", readable("/proc/1/environ"));
    probe("open process 1's memory", open("/proc/1/mem", O_RDWR));
    probe("change process 1's folder", chdir("/proc/1/cwd"));
}

static void kernel(void) {
    char zeros[256] = {0};
    probe("bpf", syscall(SYS_bpf, 0, zeros, sizeof zeros));
    probe("perf_event_open", syscall(SYS_perf_event_open, zeros, 0, -1, -1, 0));
    probe("userfaultfd", syscall(SYS_userfaultfd, 1));
    probe("io_uring", syscall(SYS_io_uring_setup, 1, zeros));
    probe("keyctl", syscall(SYS_keyctl, 0, -3, 0));
    probe("add a key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
    probe("request a key", syscall(SYS_request_key, "user", "x", 0, -3));
    probe("load a module", syscall(SYS_init_module, zeros, sizeof zeros, ""));
    probe("load a kernel", syscall(SYS_kexec_load, 0, 0, 0, 0));
    probe("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef, 0)); /* "Ctrl-Alt-Del off" */
    probe("swapon", syscall(SYS_swapon, "/tmp/m", 0));
    probe("read the kernel's log", syscall(SYS_syslog, 3, zeros, sizeof zeros));
    probe("account for processes", acct(0));
    probe("set the clock", settimeofday(&(struct timeval){1, 0}, 0));
    probe("set the host name", sethostname("x", 1));
    probe("quotactl", syscall(SYS_quotactl, 0, 0, 0, 0));
    probe("open a file by its handle", syscall(SYS_open_by_handle_at, AT_FDCWD, zeros, O_RDONLY));
    probe("fanotify", syscall(SYS_fanotify_init, 0, 0));
    probe("turn off address randomisation", personality(ADDR_NO_RANDOMIZE));
    probe("a socket to the hypervisor", socket(40, SOCK_STREAM, 0));
    probe("a socket of the kernel's cryptography", socket(38, SOCK_SEQPACKET, 0));
    probe("a raw socket", socket(AF_INET, SOCK_RAW, 1));
    probe("a packet socket", socket(17, SOCK_RAW, 0));
    probe("an unknown system call", syscall(4000));
#ifdef __x86_64__
    probe("iopl", syscall(SYS_iopl, 3));
    probe("a call of x32", syscall(0x40000000 | SYS_getpid));
    pid_t child = fork();
    if (child == 0) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20)); /* getpid of i386 */
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    errno = EPERM;
    probe("a call of i386", WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? -1 : 0);
#endif
}

static void privileges(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY};
    uid_t uid = getuid();
    probe("take capabilities", syscall(SYS_capset, &header, data));
    probe("lower the guard against new privileges", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    probe("become another user", setresuid(uid + 1, uid + 1, uid + 1));
    probe("become root", uid == 0 ? (errno = EPERM, -1) : setresuid(0, 0, 0));
    probe("join a group", setgroups(1, &(gid_t){4}));
    probe("raise a limit", setrlimit(RLIMIT_CORE, &core));
    probe("make a block device", mknod("/tmp/disk", S_IFBLK | 0666, makedev(8, 0)));
    probe("make a memory device", mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)));
    probe("give a file to root", open("/tmp/own", O_CREAT | O_WRONLY, 0644) < 0 ? -1 : chown("/tmp/own", uid + 1, 1));
    probe("type into the terminal", ioctl(0, TIOCSTI, "x"));
    probe("steer the console", ioctl(0, TIOCLINUX, "\n"));
}

static void files(const char *canary) {
    char path[512];
    probe("write the root", open("/planted", O_CREAT | O_WRONLY, 0644));
    probe("write /etc", open("/etc/planted", O_CREAT | O_WRONLY, 0644));
    probe("write /dev", open("/dev/planted", O_CREAT | O_WRONLY, 0644));
    probe("see the canary", readable(canary));
    snprintf(path, sizeof path, "/../../../../../../../..%s", canary);
    probe("see the canary above the root", readable(path));
    snprintf(path, sizeof path, "/proc/1/root%s", canary);
    probe("see the canary through process 1", readable(path));
    snprintf(path, sizeof path, "/proc/self/root/..%s", canary);
    probe("see the canary through the own root", readable(path));
    probe("write a kernel setting", writable("/proc/sys/kernel/hostname"));
    probe("set where cores go", writable("/proc/sys/kernel/core_pattern"));
    probe("set what modprobe is", writable("/proc/sys/kernel/modprobe"));
    probe("press the system request key", writable("/proc/sysrq-trigger"));
    probe("read the kernel's memory", readable("/proc/kcore"));
    probe("read the keys", readable("/proc/keys"));
    probe("read the timers", readable("/proc/timer_list"));
    probe("read the kernel's messages", readable("/proc/kmsg"));
    probe("read the machine's memory", readable("/dev/mem"));
    probe("read the disk", readable("/dev/sda"));
    probe("register a binary format", writable("/proc/sys/fs/binfmt_misc/register"));
    probe("see the system's devices", readable("/sys/kernel/uevent_helper"));
    probe("speak to the engine", readable("/run/docker.sock"));
}

/* Descriptors beyond the three that every program has are a way to what they were opened on; and so are the three, if they are
   files or folders of the host's: they can be opened again, for writing. */
static void descriptors(void) {
    DIR *own = opendir("/proc/self/fd");
    struct dirent *entry;
    struct stat data;
    int more = 0, files = 0;
    while (own && (entry = readdir(own))) {
        int number = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || number == dirfd(own)) continue;
        more += number > 2;
        files += fstat(number, &data) == 0 && (S_ISREG(data.st_mode) || S_ISDIR(data.st_mode) || S_ISBLK(data.st_mode));
    }
    errno = EBADF;
    probe("find a descriptor that was left open", more ? 0 : -1);
    probe("find a file of the host's behind input or output", files ? 0 : -1);
    probe("list a descriptor's parent", openat(0, "..", O_RDONLY));
}

/* Says how many could be made, and goes on trying. */
static void bomb(void) {
    for (int made = 0;; made++) {
        pid_t child = fork();
        if (child == 0) for (;;) pause();
        if (child < 0) { printf("no more after %d: %s\n", made, strerror(errno)); break; }
    }
    for (;;) fork();
}

static void flood(void) {
    char bytes[1 << 16];
    memset(bytes, 'x', sizeof bytes);
    while (write(1, bytes, sizeof bytes) > 0) {}
}

/* A grandchild in a session of its own, which ignores what it can. */
static void orphan(void) {
    if (fork() == 0) {
        setsid();
        for (int signal = 1; signal < 65; signal++) sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
        if (fork() == 0) for (;;) pause();
        for (;;) pause();
    }
    usleep(50000);
}

/* Modes that would be this machine's too: each is set to what it is. */
static void modes(void) {
    const char *names[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
        "/proc", "/proc/cpuinfo", "/proc/uptime", "/proc/kcore", "/proc/keys", "/proc/self/net/dev", "/proc/sys/kernel/hostname"};
    struct stat data;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (stat(names[i], &data)) continue;
        probe(names[i], chmod(names[i], data.st_mode & 07777));
        probe(names[i], chown(names[i], data.st_uid, data.st_gid));
    }
    char name[64] = "";
    for (int fd = 0; fd < 3; fd++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, name, sizeof name - 1) < 0 || !strncmp(name, "pipe:", 5) || fstat(fd, &data)) continue;
        probe(path, fchmod(fd, data.st_mode & 07777));
    }
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    setvbuf(stdout, 0, _IOLBF, 0);
    if (!strcmp(what, "all") && count == 3) {
        descriptors();
        mounts();
        namespaces();
        processes();
        kernel();
        privileges();
        files(words[2]);
        puts(broken ? "broken" : "all held");
        return broken;
    }
    if (!strcmp(what, "modes")) {
        modes();
        puts(broken ? "broken" : "all held");
        return broken;
    }
    if (!strcmp(what, "bomb")) bomb();
    if (!strcmp(what, "flood")) flood();
    if (!strcmp(what, "hang")) { signal(SIGTERM, SIG_IGN); for (;;) pause(); }
    if (!strcmp(what, "orphan")) { orphan(); return 0; }
    if (!strcmp(what, "write") && count == 3) return open(words[2], O_CREAT | O_WRONLY, 0644) < 0;
    fputs("usage: probes all CANARY | modes | bomb | flood | hang | orphan | write PATH\n", stderr);
    return 2;
}
