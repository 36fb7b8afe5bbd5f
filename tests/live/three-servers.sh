# The case of docs/case-three-servers.md: three Go servers and an agent do their work from both images, under runc as nonroot on a
# read-only root with a writable /tmp. The agent's pattern (sleep, then be asked for files) is `runc exec`, as Kubernetes has it.
. "$(dirname "$0")/lib.sh"

# The two recipes share their sources, so they are built from one copy.
recipe_copy three-servers "$AREA/case"
for image in before after; do
    mkdir -p "$WORK/images/$image"
    check "$image builds" eval "\"$BAREBOAT\" build '$AREA/case/$image' --platform linux/amd64 --format json \
        -o 'oci:$WORK/images/$image/oci:latest' >'$WORK/images/$image/summary.json' &&
        umoci unpack --image '$WORK/images/$image/oci:latest' '$WORK/images/$image/bundle'" || exit 0
done

check "the script prints the table of the case" eval "BAREBOAT='$BAREBOAT' '$AREA/case/compare' >'$AREA/table'"
# Figures move with Debian and Go; the rows must be the document's.
rows() { grep '^|' "$1" | cut -d'|' -f2 | sort; }
check "whose rows are in the document" eval '[ -s "$AREA/table" ] && ! comm -23 <(rows "$AREA/table") <(rows "$PROJECT/docs/case-three-servers.md") | grep .'
ratio() { local before after; before=$(summary before ".images[0].$1") after=$(summary after ".images[0].$1"); [ $((after * $2)) -le "$before" ]; }
check "without a shell it is a sixth of the size, stored" ratio stored 6
check "and a sixth unpacked" ratio bytes 6
check "deckhand explains itself" matches "$("$BAREBOAT" build "$AREA/case/after" --explain /usr/local/bin/deckhand 2>&1)" 'deckhand = true$'

# What the servers are given: users, and an authority that only the agent can see.
mkdir -p "$AREA/given" "$AREA/authority"
# The password is `engine`.
printf 'ada:%s\n' '$2a$04$FHiTEP4nwAZL4Z8og.lXq.qnTvgvpJgO6NrVfJv7XApR0TcAvEqJq' >"$AREA/given/users"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=authority -keyout "$AREA/authority/tls.key" \
    -out "$AREA/authority/tls.crt" 2>/dev/null
chmod -R a+rX "$AREA/given" "$AREA/authority"

# held IMAGE ID JQ COMMAND…: as `contained`, in the background, under a name that `runc exec` can use.
held() {
    local image=$1 id=$2 edit=$3 config=$AREA/config-$2
    shift 3
    mkdir -p "$config"
    jq --arg root "$WORK/images/$image/bundle/rootfs" '.root = {path: $root, readonly: true} | .process.terminal = false
        | .process.args = $ARGS.positional | .linux.namespaces |= map(select(.type != "network"))
        | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=1777", "size=1m"]}]
        | '"$edit" --args -- "$@" <"$WORK/images/$image/bundle/config.json" >"$config/config.json" || return
    runc --root "$WORK/runc" run --bundle "$config" "$id" </dev/null >"$AREA/$id.log" 2>&1 &
    RUNNING+=($!)
}
inside() { local id=$1; shift; runc --root "$WORK/runc" exec "$id" "$@"; }
bound() { printf '.mounts += [{destination: "%s", type: "bind", source: "%s", options: ["bind", "ro"]}]' "$2" "$1"; }

case_of() { # IMAGE PORT: all four, from asking for a token to holding a certificate
    local image=$1 port=$2 printed token answer
    held "$image" "$image-authenticator" "$(bound "$AREA/given" /etc/harbour) | .process.env += [\"PORT=$port\"]" /usr/local/bin/authenticator
    held "$image" "$image-supervisor" ".process.env += [\"PORT=$((port + 1))\", \"AUTHENTICATOR=http://127.0.0.1:$port\"]" /usr/local/bin/supervisor
    held "$image" "$image-concierge" ".process.env += [\"PORT=$((port + 2))\", \"SUPERVISOR=http://127.0.0.1:$((port + 1))\"]" /usr/local/bin/concierge
    case $image in
        before) held before before-agent "$(bound "$AREA/authority" /authority)" /bin/sleep infinity ;;
        after) held after after-agent "$(bound "$AREA/authority" /authority)" /usr/local/bin/deckhand sleep infinity ;;
    esac
    for _ in $(seq 100); do [ "$(runc --root "$WORK/runc" state "$image-agent" 2>/dev/null | jq -r .status)" = running ] && break; sleep 0.1; done
    for server in 0 1 2; do
        for _ in $(seq 100); do curl -sf "http://127.0.0.1:$((port + server))/healthz" >/dev/null && break; sleep 0.1; done
    done
    case $image in
        before) printed=$(inside before-agent sh -c 'cat /authority/tls.crt; echo; echo; cat /authority/tls.key') ;;
        after) printed=$(inside after-agent /usr/local/bin/deckhand print tls.crt=/authority/tls.crt tls.key=/authority/tls.key) ;;
    esac
    check "$image: nobody gets in without a password" same "$(curl -s -o /dev/null -w '%{http_code}' -X POST -u ada:wrong "http://127.0.0.1:$((port + 1))/token")" 401
    token=$(curl -s -X POST -u ada:engine "http://127.0.0.1:$((port + 1))/token" | jq -er .token)
    answer=$(curl -s -o /dev/null -w '%{http_code}' -X POST -H "Authorization: Bearer $token" "http://127.0.0.1:$((port + 2))/certificate")
    check "$image: there is no certificate before the agent has told the authority" same "$answer" 503
    check "$image: the concierge takes what the agent prints" same \
        "$(curl -s -o /dev/null -w '%{http_code}' -X PUT --data-binary "$printed" "http://127.0.0.1:$((port + 2))/signer")" 204
    curl -s -X POST -H "Authorization: Bearer $token" "http://127.0.0.1:$((port + 2))/certificate" | jq -er .certificate >"$AREA/$image.pem"
    check "$image: a token becomes a certificate of the authority" matches \
        "$(openssl verify -CAfile "$AREA/authority/tls.crt" "$AREA/$image.pem" 2>&1; openssl x509 -in "$AREA/$image.pem" -noout -subject)" 'CN ?= ?ada'
    check "$image: a token that nobody signed does not" same "$(curl -s -o /dev/null -w '%{http_code}' -X POST -H "Authorization: Bearer x$token" \
        "http://127.0.0.1:$((port + 2))/certificate")" 401
    check "$image: requests are counted" matches "$(curl -s "http://127.0.0.1:$((port + 2))/metrics")" 'harbour_concierge_requests_total.*code="401"'
    for name in authenticator supervisor concierge; do
        check "$image: $name runs as nonroot" same \
            "$(awk '/^Uid:/ {print $2}' "/proc/$(runc --root "$WORK/runc" state "$image-$name" | jq .pid)/status")" 65532
    done
}

case_of before 18310
case_of after 18320
check "after: probes of the manifests hold" inside after-concierge /usr/local/bin/deckhand probe file /tmp/signer
check "after: and those that ask a server" inside after-concierge /usr/local/bin/deckhand probe http http://127.0.0.1:18322/healthz
check "after: an init container can wait" inside after-concierge /usr/local/bin/deckhand wait-for --timeout 10s tcp localhost:18321
no_shell() { ! inside after-agent /bin/sh -c true; }
check "after: there is no shell to run" no_shell
for image in before after; do
    for name in authenticator supervisor concierge agent; do runc --root "$WORK/runc" kill "$image-$name" TERM 2>/dev/null; done
done
# The old agent's sleep ignores TERM as process 1: whoever stops it waits for the kubelet's patience. deckhand ends at once.
check "after: the agent ends when asked, and well" eval 'wait "${RUNNING[7]}"'
runc --root "$WORK/runc" kill before-agent KILL 2>/dev/null
wait
