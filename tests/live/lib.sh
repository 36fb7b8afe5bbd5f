# What every topic of the live suite starts with: checks that count, and images that are built once.
# Set by `run`: BAREBOAT (the binary), WORK (a throw-away folder), UPSTREAM and UPSTREAM_SECURITY (this machine's mirrors).

set -uo pipefail
LIVE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(cd "$LIVE/../.." && pwd)
TOPIC=$(basename "$0" .sh)
AREA=$WORK/$TOPIC
mkdir -p "$AREA"

# Everything that a topic left running ends with it, however it ends.
RUNNING=()
end_what_runs() { for id in "${RUNNING[@]}"; do kill "$id" 2>/dev/null && wait "$id" 2>/dev/null; done; }
trap end_what_runs EXIT

record() { printf '%s\t%s: %s\n' "$1" "$TOPIC" "$2" >>"$WORK/results"; printf '  %-4s  %s\n' "$1" "$2"; }

# check NAME COMMAND…: passes when the command succeeds; its output is shown when it does not.
check() {
    local name=$1 log=$AREA/check.log
    shift
    if "$@" >"$log" 2>&1; then
        record ok "$name"
    else
        record FAIL "$name"
        printf '      $ %s\n' "$*"
        tail -n 40 "$log" | sed 's/^/      | /'
        return 1
    fi
}

# refuses NAME PATTERN… -- COMMAND…: passes when the command ends with exit code 2 and says every pattern (grep -E).
refuses() {
    local name=$1 patterns=()
    shift
    while [ "$1" != -- ]; do patterns+=("$1"); shift; done
    shift
    check "$name" refusal "${#patterns[@]}" "${patterns[@]}" "$@"
}

refusal() {
    local count=$1 code=0 said
    shift
    local patterns=("${@:1:count}")
    shift "$count"
    said=$("$@" 2>&1) || code=$?
    printf '%s\n(exit code %s)\n' "$said" "$code"
    [ "$code" -eq 2 ] || return 1
    for pattern in "${patterns[@]}"; do
        grep -qE -- "$pattern" <<<"$said" || { printf 'it does not say: %s\n' "$pattern"; return 1; }
    done
}

same() { [ "$1" = "$2" ] || { printf 'expected: %s\nfound:    %s\n' "$2" "$1"; return 1; }; }
matches() { grep -qE -- "$2" <<<"$1" || { printf 'expected: %s\nfound:    %s\n' "$2" "$1"; return 1; }; }

# A fresh copy of an example (or of a catalog entry's one-line recipe, such as base_trixie or static@debug_trixie), without anything
# that a build left there.
recipe_copy() { # NAME FOLDER
    mkdir -p "$2"
    if [ -d "$PROJECT/examples/$1" ]; then
        tar -C "$PROJECT/examples/$1" --exclude=.bareboat --exclude=bareboat.lock \
            --exclude=./{target,certs,vendor,node_modules} -cf - . | tar -C "$2" -xf -
    else
        local base=${1%_*}
        printf 'name = "%s"\nbase = "%s"\nsuite = "%s"\n' "${1//[_@]/-}" "${base//@/:}" "${1#*_}" >"$2/bareboat.toml"
    fi
}

# built NAME: builds an example, or catalog entry such as `base_trixie`, once for all topics; prints nothing.
# Afterwards: $WORK/images/NAME/{recipe,oci,summary.json} and, unpacked by umoci, $WORK/images/NAME/bundle.
built() {
    local image=$WORK/images/$1
    [ -e "$image/done" ] && return
    [ -e "$image" ] && { echo "building $1 failed earlier"; return 1; }
    recipe_copy "$1" "$image/recipe"
    (cd "$image" && "$BAREBOAT" build recipe -o oci:oci:latest --platform linux/amd64 --format json >summary.json) &&
        umoci unpack --image "$image/oci:latest" "$image/bundle" &&
        touch "$image/done"
}

root_of() { echo "$WORK/images/$1/bundle/rootfs"; }
summary() { jq -er "$2" "$WORK/images/$1/summary.json"; }

# What `skopeo inspect` says of an image, without the policy file that some machines lack.
inspect() { skopeo --insecure-policy inspect "$@"; }

# contained NAME [JQ] [ARGUMENT…]: runs a built image under runc as it says (user, entrypoint, environment), on a read-only root,
# with no terminal and no network. JQ edits the runtime's configuration; arguments replace the image's command line.
contained() {
    local bundle=$WORK/images/$1/bundle edit=${2:-.} config=$AREA/config.$BASHPID
    shift; shift || true
    mkdir -p "$config"
    jq --arg root "$bundle/rootfs" '
        .root = {path: $root, readonly: true} | .process.terminal = false
        | if ($ARGS.positional | length) > 0 then .process.args = $ARGS.positional else . end
        | '"$edit" --args -- "$@" <"$bundle/config.json" >"$config/config.json" || return
    runc --root "$WORK/runc" run --bundle "$config" "live-$TOPIC-$BASHPID-$RANDOM" </dev/null
}

# A port of loopback that nothing listens on now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# eventually COMMAND…: waits until it succeeds, ten seconds at most.
eventually() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; return 1; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# served LOG PORT COMMAND…: a server that ends with the topic, or with `end_server`; waits until it answers. Sets SERVER_ID.
served() {
    local log=$1 port=$2
    shift 2
    "$@" >"$log" 2>&1 &
    SERVER_ID=$!
    RUNNING+=("$SERVER_ID")
    eventually answers "$port" || { cat "$log"; return 1; }
}

end_server() { kill "$1"; wait "$1" 2>/dev/null; }

# An ordinary user, with a home of his own.
NOBODY=64242
user_home() { mkdir -p "$AREA/home" && chown "$NOBODY:$NOBODY" "$AREA/home"; }
# In his place; `exec`, so that the process is the command itself.
as_user() { exec setpriv --reuid $NOBODY --regid $NOBODY --clear-groups env -i PATH="$PATH" HOME="$AREA/home" "$@"; }

# archive_mirror FOLDER [OPTION…]: starts mirror.py and points bareboat at it; its log of requests is FOLDER/requests.
archive_mirror() {
    local folder=$1
    shift
    mkdir -p "$folder"
    rm -f "$folder/port"
    python3 "$LIVE/mirror.py" --main "$UPSTREAM" --security "$UPSTREAM_SECURITY" --copies "$WORK/mirror-copies" \
        --port-file "$folder/port" --requests "$folder/requests" "$@" 2>"$folder/errors" &
    MIRROR_ID=$!
    RUNNING+=("$MIRROR_ID")
    eventually test -s "$folder/port" || { cat "$folder/errors"; return 1; }
    export BAREBOAT_MIRROR="http://127.0.0.1:$(cat "$folder/port")/main"
    export BAREBOAT_SECURITY_MIRROR="http://127.0.0.1:$(cat "$folder/port")/security"
}

end_mirror() { end_server "$MIRROR_ID"; unset BAREBOAT_MIRROR BAREBOAT_SECURITY_MIRROR; }

# A Docker engine of the topic's own, without a network; ends with the topic.
start_engine() {
    local engine=$AREA/engine
    mkdir -p "$engine"
    dockerd --iptables=false --bridge=none --storage-driver=vfs --data-root "$engine/data" --exec-root "$engine/exec" \
        --pidfile "$engine/pid" --host "unix://$engine/socket" >"$engine/log" 2>&1 &
    RUNNING+=("$!")
    export DOCKER_HOST=unix://$engine/socket
    for _ in $(seq 60); do docker version >/dev/null 2>&1 && return; sleep 0.5; done
    cat "$engine/log"
    return 1
}

# docker_registry NAME [YAML]: Debian's registry with a store of its own below the topic's folder, plain on loopback unless the
# YAML, which is added to the configuration, says more. Sets PORT, and SERVER_ID.
docker_registry() {
    local folder=$AREA/registry-$1
    PORT=$(free_port)
    mkdir -p "$folder/store"
    {
        printf 'version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\n' "$folder/store"
        printf 'http:\n  addr: 127.0.0.1:%s\n%s\n' "$PORT" "${2:-}"
    } >"$folder/config.yml"
    served "$folder/log" "$PORT" docker-registry serve "$folder/config.yml"
}

# A registry with the referrers API: go-containerregistry's. Built by `.ci/run`. Sets PORT.
go_registry() {
    PORT=$(free_port)
    mkdir -p "$AREA/registry-$1"
    [ -x "${GO_REGISTRY:-}" ] || { echo "set GO_REGISTRY to tests/live/registry, built"; return 1; }
    served "$AREA/registry-$1/log" "$PORT" "$GO_REGISTRY" "127.0.0.1:$PORT" "$AREA/registry-$1"
}

# proxied NAME PORT [OPTION…]: proxy.py in front of a registry. Sets PROXY (host:port) and REQUESTS (its log).
proxied() {
    local folder=$AREA/proxy-$1 upstream=$2 port
    shift 2
    port=$(free_port)
    mkdir -p "$folder"
    PROXY=127.0.0.1:$port REQUESTS=$folder/requests
    served "$folder/errors" "$port" python3 "$LIVE/proxy.py" --port "$port" --upstream "$upstream" --requests "$REQUESTS" "$@"
}
