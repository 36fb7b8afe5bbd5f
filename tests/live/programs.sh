# Programs in six languages print what their READMEs say: under runc and in the sandbox, as nonroot, on a read-only root.
. "$(dirname "$0")/lib.sh"

# in_sandbox NAME [OPTION…] [-- ARGUMENT…]: the image as `bareboat run` runs it.
in_sandbox() {
    local image=$WORK/images/$1/oci options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    "$BAREBOAT" run --quiet "${options[@]}" "oci:$image:latest" "$@" </dev/null
}

prints() { # NAME RUNNER…: what the program prints is the file `expected` beside it.
    local name=$1
    shift
    same "$("$@" 2>&1)" "$(cat "$PROJECT/examples/$name/expected")"
}

# Programs that write find a /tmp, as every engine gives one to who asks.
with_tmp='.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=1777"]}]'

for name in python-ledger node-passwords java-pennant cpp-wordcount; do
    check "$name builds" built "$name" || continue
    check "$name prints what it should under runc" prints "$name" contained "$name" "$with_tmp"
    check "$name prints what it should in the sandbox" prints "$name" in_sandbox "$name"
done

if check "go-pages builds" built go-pages; then
    outline=$(printf 'Harbour  #harbour\n  Tides  #tides\n  Berths  #berths')
    check "go-pages is the command that it is called by, under runc" same \
        "$(contained go-pages . /usr/local/bin/outline /srv/harbour.md 2>&1)" "$outline"
    check "and in the sandbox" same "$(in_sandbox go-pages --entrypoint outline -- /srv/harbour.md 2>&1)" "$outline"
fi

if check "rust-courier builds" built rust-courier; then
    folder=$WORK/images/rust-courier/recipe
    port=$(free_port)
    server() { cd "$folder/www" && exec openssl s_server -quiet -WWW -accept "$port" -cert ../certs/server.pem -key ../certs/server.key; }
    check "a server of the topic's own starts" served "$AREA/server.log" "$port" server
    url=https://127.0.0.1:$port/report.txt
    host_network='.linux.namespaces |= map(select(.type != "network"))'
    check "rust-courier trusts its own authority under runc" prints rust-courier \
        contained rust-courier "$host_network" /usr/local/bin/courier "$url"
    check "rust-courier trusts its own authority in the sandbox" prints rust-courier \
        "$BAREBOAT" run --quiet --network host "oci:$WORK/images/rust-courier/oci:latest" -- "$url"
    sed '/^\[certificates\]/,/^$/d' "$PROJECT/examples/rust-courier/bareboat.toml" >"$folder/without.toml"
    check "and nothing without it" matches \
        "$("$BAREBOAT" build -q "$folder/without.toml" -o "oci:$AREA/without" >/dev/null 2>&1
           "$BAREBOAT" run --quiet --network host "oci:$AREA/without" -- "$url" 2>&1)" 'UnknownIssuer'
fi
