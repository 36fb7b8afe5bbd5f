# deckhand in images, for both architectures: its size, its memory, as process 1, on full disks, and with real names. What needs neither
# root nor other tools is in crates/build/tests/deckhand.
. "$(dirname "$0")/lib.sh"

mkdir -p "$AREA/recipe"
cat >"$AREA/recipe/bareboat.toml" <<'TOML'
name      = "hand"
base      = "static"
suite     = "trixie"
platforms = ["linux/amd64", "linux/arm64"]
deckhand  = true

[image]
entrypoint = ["/bin/sleep"]

[links]
"/usr/bin/sleep" = "/usr/local/bin/deckhand"
TOML
check "an image for two architectures takes it aboard" "$BAREBOAT" build "$AREA/recipe" -o "oci:$AREA/oci:latest" || exit 0
mkdir -p "$AREA/bin"
# The topmost layer of each image is the recipe's own files.
for arch in amd64 arm64; do
    manifest=$(skopeo --insecure-policy --override-arch "$arch" inspect --raw "oci:$AREA/oci:latest" |
        jq -r --arg arch "$arch" '.manifests[] | select(.platform.architecture == $arch) | .digest')
    layer=$(jq -r '.layers[-1].digest' "$AREA/oci/blobs/${manifest/://}")
    tar -xOzf "$AREA/oci/blobs/${layer/://}" usr/local/bin/deckhand >"$AREA/bin/deckhand-$arch"
done
chmod 0755 "$AREA"/bin/*
D=$AREA/bin/deckhand-amd64

small() { [ "$(stat -c %s "$1")" -le "$2" ] || { stat -c '%n has %s bytes' "$1"; return 1; }; }
check "it has at most 16 kB on x86-64" small "$D" 16000
check "and 18 kB on arm64, whose instructions are longer" small "$AREA/bin/deckhand-arm64" 18000
for arch in amd64 arm64; do
    check "it is static and has no executable stack ($arch)" eval "! readelf -lW '$AREA/bin/deckhand-$arch' | grep -E 'INTERP|DYNAMIC|GNU_STACK.*E|RWE'"
done
check "the machine is the image's" same "$(readelf -h "$AREA/bin/deckhand-arm64" | sed -n 's/^ *Machine: *//p')" AArch64

# The same compiler makes the same bytes in any folder.
cp -r "$PROJECT/deckhand" "$AREA/elsewhere"
for pair in amd64:x86_64 arm64:aarch64; do
    check "it is made again, byte for byte (${pair%:*})" eval "(cd '$AREA/elsewhere' &&
        rustc @rustc-flags --target ${pair#*:}-unknown-linux-gnu -o again src/main.rs) && cmp '$AREA/elsewhere/again' '$AREA/bin/deckhand-${pair%:*}'"
done

resident() { # kB that a sleeping process has in memory
    "$@" & local id=$!
    sleep 0.5
    awk '/^Rss:/ {print $2}' "/proc/$id/smaps_rollup"
    kill "$id"; wait "$id" 2>/dev/null
}
memory=$(resident "$D" sleep infinity)
check "asleep it has at most 100 kB in memory ($memory)" [ "$memory" -le 100 ]
check "which is less than coreutils' sleep" [ "$memory" -lt "$(resident sleep infinity)" ]

# As process 1 of a namespace. Orphans: processes whose parent went away before them.
as_first=(unshare --pid --fork --kill-child --mount-proc)
orphans='for i in 1 2 3 4 5; do (sleep 0.1 &) ; done'
zombies() { # of the processes in the namespace of $1's child
    local count=0 process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/ns/pid" 2>/dev/null)" = "$1" ] || continue
        grep -q '^State:.*Z' "$process/status" 2>/dev/null && count=$((count + 1))
    done
    echo "$count"
}
first_of() { # the process that unshare started
    local id
    for _ in $(seq 50); do id=$(pgrep -P "$1" | head -n 1); [ -n "$id" ] && break; sleep 0.1; done
    echo "$id"
}
"${as_first[@]}" "$D" sleep infinity & outer=$!
RUNNING+=("$outer")
inner=$(first_of "$outer")
nsenter -t "$inner" -p sh -c "$orphans"
sleep 0.6
check "as process 1, sleep leaves no zombies" same "$(zombies "$(readlink "/proc/$inner/ns/pid")")" 0
kill -TERM "$inner"
check "and ends when asked" wait "$outer"
code_of() { local code=0; "$@" || code=$?; echo "$code"; }
check "as process 1, exec takes care of orphans and passes the code on" same \
    "$(code_of "${as_first[@]}" "$D" exec --log-file "$AREA/first.log" -- sh -c "$orphans; sleep 0.6; grep -l '^State:.*Z' /proc/[0-9]*/status; exit 7")" 7
check "there were no zombies then" same "$(grep -c /proc/ "$AREA/first.log")" 0
"${as_first[@]}" "$D" exec --log-file "$AREA/term.log" -- sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done' & outer=$!
RUNNING+=("$outer")
inner=$(first_of "$outer")
sleep 0.5
kill -TERM "$inner"
wait "$outer"
check "as process 1, exec forwards signals" same $? 9
"${as_first[@]}" "$D" wait-for file /nowhere 2>/dev/null & outer=$!
RUNNING+=("$outer")
inner=$(first_of "$outer")
sleep 0.3
kill -TERM "$inner"
wait "$outer"
check "as process 1, wait-for ends when asked" same $? 143

# A disk that fills up.
mkdir -p "$AREA/disk"
mount -t tmpfs -o size=64k tmpfs "$AREA/disk"
"$D" exec --log-file "$AREA/disk/log" -- sh -c 'seq 20000; exit 5' 2>"$AREA/full"
code=$?
check "on a full disk the command goes on" same "$code" 5
check "which is told" matches "$(cat "$AREA/full")" 'cannot write to the log .*no space left on device'
check "with how much is missing" matches "$(cat "$AREA/full")" 'to have so many bytes more: [0-9]+$'
rm -f "$AREA/disk/log"
"$D" exec --log-file "$AREA/disk/log" --max-size 10K --keep 3 -- seq 200000 2>"$AREA/full"
check "a log that is exchanged fits on it" same "$(cat "$AREA/full"; tail -n 1 "$AREA/disk/log")" 200000
"$D" print a="$PROJECT/Cargo.lock" 2>/dev/null >"$AREA/disk/printed"
check "print tells a full disk" same $? 1
umount "$AREA/disk"

# Names of /etc/hosts, whatever this machine's are.
printf '127.0.0.2 fromhosts alias # a comment\n::1 six\n192.0.2.1 # none\n' >"$AREA/hosts"
cat >"$AREA/listen.py" <<'PY'
import socket, time
held = []
for family, address in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
    held.append(socket.create_server((address, 18477), family=family))
print("ready", flush=True)
time.sleep(600)
PY
python3 "$AREA/listen.py" >"$AREA/listening" & RUNNING+=($!)
for _ in $(seq 50); do [ -s "$AREA/listening" ] && break; sleep 0.1; done
named() { unshare -m bash -c 'mount --bind "$1" /etc/hosts; shift; exec "$@"' - "$AREA/hosts" "$D" "$@"; }
check "a name of /etc/hosts is found" named probe tcp fromhosts:18477
check "its other name too" named probe tcp ALIAS:18477
check "an IPv6 address of it too" named probe tcp six:18477
check "a name that is not there is no" same "$(code_of named probe tcp nobody:18477 2>"$AREA/said")" 1
check "and says that name servers are not asked" matches "$(cat "$AREA/said")" 'cannot find the host `nobody`: it is not in /etc/hosts, and name servers are not asked'

# Beside curl.
cat >"$AREA/statuses.py" <<'PY'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 "$AREA/statuses.py" >"$AREA/port" & RUNNING+=($!)
for _ in $(seq 50); do [ -s "$AREA/port" ] && break; sleep 0.1; done
port=$(cat "$AREA/port")
beside_curl() {
    local status ours theirs
    for status in 200 204 301 304 399 400 404 418 500 503; do
        ours=0 theirs=0
        "$D" probe http "http://127.0.0.1:$port/$status" 2>/dev/null || ours=1
        curl -sf -o /dev/null "http://127.0.0.1:$port/$status" || theirs=1
        same "$status $ours" "$status $theirs" || return
    done
}
check "probe http says what curl -f says" beside_curl

# In the image, as nonroot on a read-only root; and arm64's, in a user-mode emulator.
skopeo --insecure-policy copy --quiet "oci:$AREA/oci:latest" "oci:$AREA/plain:latest" >/dev/null 2>&1
mkdir -p "$WORK/images/hand"
check "umoci unpacks the image" umoci unpack --image "$AREA/plain:latest" "$WORK/images/hand/bundle"
check "a link by a command's name is the command" contained hand . /bin/sleep 0.1
check "it reads what it may" same "$(contained hand . /usr/local/bin/deckhand print os=/usr/lib/os-release | jq -r .os | base64 -d | grep ^ID=)" ID=debian
check "and says what it may not" matches "$(contained hand '.process.user.uid = 65532' /usr/local/bin/deckhand print a=/nowhere 2>&1)" 'cannot open `/nowhere`: no such file'

arm() { qemu-aarch64-static "$AREA/bin/deckhand-arm64" "$@"; }
check "arm64: sleep" arm sleep 0.1s 10ms
check "arm64: print" same "$(arm print "a=$PROJECT/LICENSE-MIT" | jq -r .a | base64 -d | sha256sum)" "$(sha256sum <"$PROJECT/LICENSE-MIT")"
check "arm64: exec" same "$(code_of arm exec --log-file "$AREA/arm.log" --max-size 1K --keep 2 -- sh -c 'seq 1000; exit 3')" 3
check "arm64: its log is exchanged" same "$(cat "$AREA/arm.log.2" "$AREA/arm.log.1" "$AREA/arm.log" | tail -n 1; ls "$AREA" | grep -c '^arm.log')" "1000
3"
check "arm64: probe http" arm probe http "http://localhost:$port/200" --timeout 5s
check "arm64: probe http says no" same "$(code_of arm probe http "http://127.0.0.1:$port/500" 2>/dev/null)" 1
check "arm64: probe tcp, file, exec" eval 'arm probe tcp "127.0.0.1:$port" && arm probe file /etc/passwd && arm probe exec -- true'
check "arm64: wait-for ends" same "$(code_of arm wait-for --timeout 300ms --interval 100ms file /nowhere 2>/dev/null)" 1
check "arm64: misuse" same "$(code_of arm nap 2>/dev/null)" 2
