# `bareboat run`: images do in the sandbox what they do under runc, as root and as an ordinary user, and the command's own promises.
. "$(dirname "$0")/lib.sh"

user_home
# as root|user ARGUMENT…: `bareboat run`, by root or by somebody with a cache of his own.
as() {
    local who=$1
    shift
    case $who in
    root) "$BAREBOAT" run "$@" ;;
    user) (as_user "$BAREBOAT" run "$@") ;;
    esac
}

check "python-ledger builds" built python-ledger || exit 0
chmod -R a+rX "$WORK/images"
ledger=oci:$WORK/images/python-ledger/oci:latest
# python WHO CODE [OPTION…]: runs a line of Python in the image.
python() { as "$1" "${@:3}" --entrypoint /usr/bin/python3 "$ledger" -- -c "$2"; }

for who in root user; do
    check "$who: the ledger is read and summed" matches "$(as $who "$ledger" 2>&1)" '^bank +28856\.60$'
    check "$who: it runs as the image's user" same "$(python $who 'import os; print(os.getuid(), os.getgid())' 2>&1)" "65532 65532"
    check "$who: or as another" same "$(python $who 'import os; print(os.getuid(), os.getgid())' --user 1234:5678 2>&1)" "1234 5678"
    check "$who: by its name in the image" same "$(python $who 'import os; print(os.getuid(), os.environ["HOME"])' --user root 2>&1)" "0 /root"
    check "$who: its environment can be added to" same \
        "$(A=mine python $who 'import os; print(os.environ.get("A"), os.environ.get("B"), os.environ.get("LIVE"))' -e A=b -e B=c=d 2>&1)" "b c=d None"
    check "$who: its working directory can be another" same "$(python $who 'import os; print(os.getcwd())' --workdir /etc 2>&1)" /etc
    check "$who: one that is missing is made, as engines make it" same "$(python $who 'import os; print(os.getcwd())' --workdir /no/such 2>&1)" /no/such
    check "$who: its root is read-only" matches "$(python $who 'open("/x", "w")' 2>&1)" 'Read-only file system'
    check "$who: its /tmp is not" same "$(python $who 'print(open("/tmp/x", "w").write("abc"))' 2>&1)" 3
    check "$who: --writable changes that" same \
        "$(python $who 'import os, shutil; shutil.rmtree("/etc"); os.mkdir("/etc"); open("/etc/x", "w"); print(os.listdir("/etc"))' --user 0 --writable 2>&1)" "['x']"
    check "$who: for this run only" same "$(python $who 'import os; print(os.path.exists("/etc/passwd"), os.path.exists("/etc/x"))' 2>&1)" "True False"

    check "$who: its exit code is the command's" same "$(python $who 'raise SystemExit(42)'; echo $?)" 42
    check "$who: a signal that ends it gives 128 and its number" same "$(python $who 'import os; os.kill(os.getpid(), 15)'; echo $?)" 143
    check "$who: a fault too" same "$(python $who 'import os; os.abort()' 2>/dev/null; echo $?)" 134
    check "$who: --timeout ends it" same "$(python $who 'import time; time.sleep(60)' --timeout 1 2>/dev/null; echo $?)" 124
    check "$who: input reaches it" same "$(echo hello | python $who 'import sys; print(sys.stdin.read().upper(), end="")')" HELLO
    seq 200000 >"$AREA/numbers"
    check "$who: from a file, all of it" same "$(python $who 'import sys; print(sum(map(int, sys.stdin)))' <"$AREA/numbers")" 20000100000
    python $who 'for n in range(200000): print(n + 1)' >"$AREA/counted"
    check "$who: and output into one, all of it" cmp "$AREA/numbers" "$AREA/counted"
    check "$who: errors stay apart" same "$(python $who 'import sys; print("out"); print("err", file=sys.stderr)' 2>/dev/null)" out
    check "$who: a reader that has enough ends it" same "$(timeout 10 bash -c "$(declare -f as as_user python); $(declare -p BAREBOAT AREA NOBODY ledger BAREBOAT_CACHE); python $who 'while True: print(1)' 2>/dev/null | head -n 1")" 1

    # Signals: the program's own handler sees them.
    python $who 'import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
signal.signal(signal.SIGUSR1, lambda *_: print("usr1", flush=True))
print("ready", flush=True)
while True: time.sleep(1)' >"$AREA/signals" 2>&1 &
    job=$!
    for _ in $(seq 50); do grep -q ready "$AREA/signals" && break; sleep 0.1; done
    run=$(pgrep -x bareboat -P "$job")
    kill -USR1 "$run"
    for _ in $(seq 50); do grep -q usr1 "$AREA/signals" && break; sleep 0.1; done
    kill -TERM "$run"
    wait "$job"
    code=$?
    check "$who: signals are passed on" same "$(cat "$AREA/signals"; echo $code)" "$(printf 'ready\nusr1\n7')"

    mkdir -p "$AREA/shared-$who" && chmod 777 "$AREA/shared-$who" && echo from-outside >"$AREA/shared-$who/file"
    share="$AREA/shared-$who"
    check "$who: a folder can be mounted" same \
        "$(python $who 'print(open("/data/in/file").read().strip(), open("/data/in/new", "w").write("x"))' --mount "$share:/data/in" 2>&1)" "from-outside 1"
    check "$who: what it writes there is there" same "$(cat "$share/new")" x
    check "$who: read-only if so asked" matches "$(python $who 'open("/data/in/more", "w")' --mount "$share:/data/in:ro" 2>&1)" 'Read-only file system'
    check "$who: a file can be mounted, over the image's too" same \
        "$(python $who 'print(open("/etc/hostname").read().strip(), open("/etc/passwd").read().strip())' --mount "$share/file:/etc/passwd:ro" --mount "$share/file:/etc/hostname" --user 1 2>&1)" \
        "from-outside from-outside"
    check "$who: and in /tmp" same "$(python $who 'print(open("/tmp/a/b").read().strip())' --mount "$share/file:/tmp/a/b" 2>&1)" from-outside
    refuses "$who: what is not there cannot be mounted" 'cannot mount `/no/such/place`: no such file' -- as $who --mount /no/such/place:/x "$ledger"

    check "$who: without a network there is itself" same "$(python $who 'import socket
listener = socket.create_server(("127.0.0.1", 80))
client = socket.create_connection(("localhost", 80))
client.sendall(b"x")
print(listener.accept()[0].recv(1), [name for _, name in socket.if_nameindex()])' 2>&1)" "b'x' ['lo']"
    check "$who: and nothing else" matches "$(python $who 'import socket; socket.create_connection(("192.0.2.1", 80), 2)' 2>&1)" 'Network is unreachable'
    check "$who: with the host's there is the host's" same \
        "$(python $who 'import socket; print(len(socket.if_nameindex()))' --network host 2>&1)" "$(ls /sys/class/net | wc -l)"
    check "$who: and its resolver" same "$(python $who 'print(open("/etc/resolv.conf").read(), end="")' --network host 2>&1)" "$(cat /etc/resolv.conf)"

    # A terminal of its own, as large as the one here; what is typed arrives, and Ctrl-C is a signal.
    cat >"$AREA/typing.py" <<'PY'
import os, pty, sys, time, fcntl, struct, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
seen = b""
def until(word):
    global seen
    deadline = time.time() + 15
    while word not in seen and time.time() < deadline:
        try:
            seen += os.read(fd, 4096)
        except OSError:
            return
until(b"ready")
os.write(fd, b"typed\n")
until(b"got typed")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 111, 0, 0))
until(b"111")
os.write(fd, b"\x03")
until(b"KeyboardInterrupt")
_, status = os.waitpid(pid, 0)
print(seen.decode().replace("\r", ""), "exit", os.waitstatus_to_exitcode(status))
PY
    code='import os, signal, sys, time
signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size().columns, flush=True))
print(os.ttyname(0), os.isatty(1), os.isatty(2), "ready", flush=True)
print("got", input(), flush=True)
while True: time.sleep(0.1)'
    typed=$(declare -f as as_user >"$AREA/as.sh"; declare -p BAREBOAT AREA NOBODY BAREBOAT_CACHE >>"$AREA/as.sh"
        python3 "$AREA/typing.py" bash -c '. "$1"; shift; as "$@"' - "$AREA/as.sh" $who --entrypoint /usr/bin/python3 "$ledger" -- -c "$code" 2>&1)
    check "$who: it has a terminal where there is one" matches "$typed" '^/dev/pts/0 True True ready$'
    check "$who: what is typed arrives" matches "$typed" '^got typed$'
    check "$who: a new size is told" matches "$typed" '^111$'
    check "$who: Ctrl-C interrupts it" matches "$typed" 'KeyboardInterrupt'
    check "$who: and tells so" matches "$typed" ' exit 130$'
done

# The same as under runc, but for capabilities, of which a program here has none.
probe='import os, pathlib, stat, socket
print("id", os.getresuid(), os.getresgid(), os.getgroups())
print("cwd", os.getcwd(), "umask", oct(os.umask(0)))
for name in sorted(os.environ): print("env", name, os.environ[name])
for path in ["/", "/app", "/etc", "/etc/passwd", "/tmp", "/usr/bin/python3", "/usr/lib", "/home/nonroot", "/var/lib/dpkg/status.d", "/lib", "/dev/null",
             "/dev/shm", "/dev/stdin", "/proc", "/run"]:
    data = os.lstat(path) if os.path.lexists(path) else None
    print("ls", path, data and (stat.filemode(data.st_mode), data.st_uid, data.st_gid, os.path.islink(path) and os.readlink(path)))
print("caps", [line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))])
print("files", [path for path in ["/proc/kcore", "/proc/sys/kernel/hostname", "/proc/self/status"] if os.access(path, os.W_OK)])'
ours=$(python root "$probe" 2>&1)
theirs=$(contained python-ledger '.process.env |= map(select(startswith("TERM=") | not)) | .process.capabilities = {} | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]' \
    /usr/bin/python3 -c "$probe" 2>&1)
check "probes print under runc what they print here" same "$ours" "$theirs"

# The other programs.
if check "cpp-wordcount builds" built cpp-wordcount; then
    chmod -R a+rX "$WORK/images"
    check "C++ runs in it" matches "$("$BAREBOAT" run "oci:$WORK/images/cpp-wordcount/oci" 2>&1)" '^ +[0-9]+ the$'
    check "an image that was built here is found by its name" \
        eval '(cd "$AREA" && "$BAREBOAT" build "$WORK/images/cpp-wordcount/recipe" -o oci:.bareboat/words -q >/dev/null && "$BAREBOAT" run words | grep -q the)'
fi
if check "rust-server builds" built rust-server; then
    port=18474
    "$BAREBOAT" run --network host -e PORT=$port "oci:$WORK/images/rust-server/oci" >"$AREA/server.log" 2>&1 &
    server=$!
    for _ in $(seq 50); do curl -sf "http://127.0.0.1:$port/healthz" >/dev/null && break; sleep 0.1; done
    check "a static server serves from it" matches "$(curl -s "http://127.0.0.1:$port/")" 'without a shell'
    kill -TERM $server
    wait $server 2>/dev/null
    check "and ends when it is told to" eval "! curl -sf http://127.0.0.1:$port/healthz"
fi

# Archives, whichever tool wrote them.
archives() { skopeo --insecure-policy copy -q "$ledger" "docker-archive:$AREA/ledger.tar:ledger:1" && skopeo --insecure-policy copy -q "$ledger" "oci-archive:$AREA/ledger.oci.tar"; }
if check "skopeo writes archives" archives; then
    check "a Docker archive runs" matches "$("$BAREBOAT" run "docker-archive:$AREA/ledger.tar:ledger:1" 2>&1)" '^bank +28856\.60$'
    strace -f -P "$AREA/ledger.tar" -e trace=read -o "$AREA/trace" "$BAREBOAT" run "docker-archive:$AREA/ledger.tar:ledger:1" >/dev/null
    # But for the first bytes, which tell how it is packed.
    check "and is not read a second time" eval '! grep "read(" "$AREA/trace" | grep -vE "= [0-9]$"'
    check "an OCI archive runs" matches "$("$BAREBOAT" run "oci-archive:$AREA/ledger.oci.tar" 2>&1)" '^bank +28856\.60$'
fi

# Programs that cannot run say why.
cat >"$AREA/elf.py" <<'PY'
import struct, sys
# A 64-bit ELF file with a PT_INTERP and nothing to load: elf.py FILE MACHINE LOADER
file, machine, loader = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode() + b"\0"
header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0x1000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
program = struct.pack("<IIQQQQQQ", 3, 4, 120, 120, 120, len(loader), len(loader), 1)
open(file, "wb").write(header + program + loader)
PY
native=62; foreign=183; name=arm64
[ "$(uname -m)" = aarch64 ] && native=183 && foreign=62 && name=amd64
python3 "$AREA/elf.py" "$AREA/no-loader" $native /lib/ld-missing.so
python3 "$AREA/elf.py" "$AREA/foreign" $foreign /lib/ld-missing.so
python3 "$AREA/elf.py" "$AREA/looping" $native /lib/ld-a.so
printf '#!/bin/missing -x\n' >"$AREA/script"; printf '#!/bin/sh\r\n' >"$AREA/dos"; printf 'hello' >"$AREA/text"; : >"$AREA/empty"; head -c 30 "$AREA/foreign" >"$AREA/cut"
python3 "$LIVE/layout.py" "$AREA/broken" '{"Env":["PATH=/bin:/usr/bin"]}' \
    "no-loader<$AREA/no-loader foreign<$AREA/foreign looping<$AREA/looping script<$AREA/script dos<$AREA/dos text<$AREA/text
     empty<$AREA/empty cut<$AREA/cut lib/ lib/ld-a.so->ld-b.so lib/ld-b.so->ld-a.so forbidden<$AREA/no-loader%644 dir/ round->about about->round"
run_broken() { "$BAREBOAT" run "oci:$AREA/broken" -- "$@"; }
refuses "a missing loader is named" 'cannot run `/no-loader`: `/no-loader` needs the loader `/lib/ld-missing.so`, which is not in the image' 'hint:' -- run_broken /no-loader
refuses "a loader in a circle" 'the loader `/lib/ld-a.so`, to which links lead in a circle' -- run_broken /looping
refuses "a program for another machine" "\`/foreign\` is for $name, and this machine is" 'hint: build the image for' -- run_broken /foreign
refuses "a script without its interpreter" '`/script` needs the interpreter `/bin/missing`, which is not in the image' -- run_broken /script
refuses "a script with Windows line ends" 'ends as on Windows' -- run_broken /dos
refuses "a text" '`/text` is no program' -- run_broken /text
refuses "an empty file" '`/empty` is empty' -- run_broken /empty
refuses "half a program" '`/cut` is broken: ' -- run_broken /cut
refuses "a file that may not be executed" '`/forbidden` may not be executed by anybody' 'hint:' -- run_broken /forbidden
refuses "a folder" 'cannot run `/dir`' -- run_broken /dir
refuses "a link in a circle" 'links lead in a circle' -- run_broken /round
refuses "a program that is not there" 'there is no such file in the image' -- run_broken /missing
refuses "a program that is not in PATH" "no such program in the image's PATH, /bin:/usr/bin" 'without a shell' -- run_broken sh
refuses "nothing to run" 'the image names no program' -- "$BAREBOAT" run "oci:$AREA/broken"

# A full disk at the other end of its output.
refuses "output that cannot be written is told" 'cannot pass on what the program writes: no space left' -- \
    bash -c '"$0" run --entrypoint /usr/bin/python3 "$1" -- -c "print(1)" >/dev/full' "$BAREBOAT" "$ledger"

# Inside containers: one that lets namespaces be made, and one that does not.
check "it works inside another user namespace" matches \
    "$(unshare -Urmp --fork --mount-proc "$BAREBOAT" run --entrypoint /usr/bin/python3 "$ledger" -- -c 'import os; print(os.getuid(), os.getgid())' 2>&1)" '^65532 65532$'
cp "$BAREBOAT" "$AREA/bareboat"
mounts=(--mount "$AREA/bareboat:/bareboat:ro" --mount "$WORK/images:$WORK/images:ro")
for library in $(ldd "$BAREBOAT" | grep -oE '/[^ ]+'); do mounts+=(--mount "$library:$library:ro"); done
refuses "where namespaces are forbidden it says so" 'the kernel gives no namespaces' 'hint: what may forbid it' -- \
    "$BAREBOAT" run --user 0 "${mounts[@]}" -e BAREBOAT_CACHE=/tmp/cache --entrypoint /bareboat "$ledger" -- run "$ledger"

# Nothing is read twice: a warm run does not need the layers.
warm() {
    rm -rf "$AREA/warm" && cp -r "$WORK/images/python-ledger/oci" "$AREA/warm" && "$BAREBOAT" run "oci:$AREA/warm:latest" >/dev/null || return
    strace -f -e trace=openat -o "$AREA/trace" "$BAREBOAT" run "oci:$AREA/warm:latest" >/dev/null
    for digest in $(inspect --raw "oci:$AREA/warm:latest" | jq -r '.layers[].digest' | cut -d: -f2); do
        ! grep -E "$digest|${digest:2}" "$AREA/trace" || return
    done
}
check "a warm run opens no layer" warm
