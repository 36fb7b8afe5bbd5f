# The cache that all commands share: room is made while others work, kills leave it whole, damage is found and mended.
. "$(dirname "$0")/lib.sh"

export BAREBOAT_CACHE=$AREA/cache HOME=$AREA/home
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
mkdir -p "$HOME"
archive_mirror "$AREA/mirror" || exit 0
recipe=$AREA/recipe
recipe_copy python-ledger "$recipe"
build() { "$BAREBOAT" build "$recipe" --platform linux/amd64 -q "$@"; }
cache() { "$BAREBOAT" cache "$@"; }
shown() { cache --format json "$@" | jq -er "$JQ"; }
ledger=oci:$AREA/out:1.0
check "an image is built and run" eval 'expected=$(build -o "$ledger") && "$BAREBOAT" run -q "$ledger" </dev/null | grep -q "^bank"'

files() { find "$BAREBOAT_CACHE/blobs" "$BAREBOAT_CACHE/entries" "$BAREBOAT_CACHE"/roots-* -type f -printf '%i %s\n' | sort -u | awk '{sum += $2} END {print sum}'; }
check "what is shown is what is on the disk" same "$(JQ=.total.bytes shown)" "$(files)"
check "by kind" same "$(JQ='[.kinds[] | select(.count > 0) | .kind] | join(", ")' shown)" \
    "packages, layers, unpacked packages and layers, finished layers and files, archive listings, verified layouts, unpacked roots"
check "everything in it is good" cache verify

# Long ago, for all that is in it.
let_days_pass() { find "$BAREBOAT_CACHE" -exec touch -h -d "$1 days ago" {} +; }
let_days_pass 100
check "what is used again" build -o "oci:$AREA/again:1.0"
check "stays, and the rest goes" cache gc
check "without what is unpacked, as nobody ran it" same "$(JQ='[.kinds[] | select(.kind == "unpacked roots")] | length' shown)" 0
check "a build finds all that it needs" eval 'requests=$(wc -l <"$AREA/mirror/requests") && build -o "oci:$AREA/kept:1.0" &&
    same "$(wc -l <"$AREA/mirror/requests")" "$requests"'
check "no more is kept than may be" eval 'cache gc --max-size 20MB && [ "$(files)" -le 20000000 ]'
check "and it is built again" same "$(build -o "oci:$AREA/rebuilt:1.0")" "$expected"

# Somebody works all the time, and somebody else makes room all the time, and is killed now and then.
work() { for number in 1 2 3; do same "$(build -o "oci:$AREA/work-$1-$number:1.0")" "$expected" || return; rm -rf "$AREA/work-$1-$number"; done; }
mkfifo "$AREA/pipe"
"$BAREBOAT" run -q --timeout 60 --entrypoint /usr/bin/python3 "$ledger" -- -c '
import sys, time, importlib
print("ready", flush=True)
sys.stdin.readline()
import wave, zipfile, sqlite3
print("still here")' <"$AREA/pipe" >"$AREA/running" 2>&1 &
running=$!
exec 7>"$AREA/pipe"
check "a program runs" eventually grep -q ready "$AREA/running"
find "$BAREBOAT_CACHE" -exec touch -h -d '100 days ago' {} +
for worker in 1 2 3; do work $worker >"$AREA/worker-$worker" 2>&1 & workers[worker]=$!; done
for moment in 0.01 0.03 0.05 0.1 0.2 0.3; do
    (timeout -s KILL $moment "$BAREBOAT" cache clear; :) >/dev/null 2>&1
    cache gc --max-size 1MB >/dev/null 2>"$AREA/gc-said" || record FAIL "making room while others work: $(cat "$AREA/gc-said")"
done
for worker in 1 2 3; do check "worker $worker noticed nothing" eval "wait ${workers[worker]} || { cat '$AREA/worker-$worker'; false; }"; done
echo go >&7
exec 7>&-
check "nor did the program that runs" eval 'wait $running && grep -q "still here" "$AREA/running"'
check "what is in it is good" cache verify
check "nobody being there, all of it goes" eval 'cache clear && same "$(find "$BAREBOAT_CACHE" -type f)" ""'

# Damage.
check "a registry starts" docker_registry plain || exit 0
registry=127.0.0.1:$PORT
top=$(python3 "$PROJECT/bench/image.py" "$AREA/image:1.0" --megabytes 6 --layers 3)
check "an image is pushed" "$BAREBOAT" push "oci:$AREA/image:1.0" "$registry/app:1.0"
check "and pulled" "$BAREBOAT" pull "$registry/app:1.0" "oci:$AREA/pulled:1.0"
damage() {
    find "$BAREBOAT_CACHE/blobs" -type f -size +100k -printf '%p\n' | while read -r blob; do
        chmod u+w "$blob"
        printf X | dd of="$blob" bs=1 seek=50000 conv=notrunc status=none
    done
}
damage
check "a damaged layer is fetched again when it is needed" "$BAREBOAT" pull "$registry/app:1.0" "oci:$AREA/mended:1.0"
check "and the image is whole" same "$(inspect --raw "oci:$AREA/mended:1.0" | sha256sum | cut -d' ' -f1)" "${top#*:}"
check "as skopeo says of every blob" skopeo --insecure-policy copy "oci:$AREA/mended:1.0" "dir:$AREA/mended-dir"
check "the image is inspected" "$BAREBOAT" inspect "$registry/app:1.0"
damage
# What was found out about the layers before would do without them.
rm -rf "$BAREBOAT_CACHE"/entries
check "with damage in the cache, too" "$BAREBOAT" inspect "$registry/app:1.0"
damage
check "what is damaged is named" matches "$(cache verify; echo "exit code $?")" 'damaged, and removed: sha256:.*exit code 1|exit code 1'
check "and gone" cache verify

# A layout is nobody's cache: what is damaged there is named, with what to do, which mends it.
blob=$(ls -S "$AREA"/pulled/blobs/sha256/* | head -n 1)
chmod u+w "$blob"
printf X | dd of="$blob" bs=1 seek=50000 conv=notrunc status=none
refuses "a damaged blob of a layout is named, and what to do" "sha256:$(basename "$blob"): it is damaged" 'hint: .*again' -- \
    "$BAREBOAT" copy "oci:$AREA/pulled:1.0" "oci:$AREA/none:1.0"
check "and nothing is written" eval '! test -e "$AREA/none"'
check "that mends it" "$BAREBOAT" copy "$registry/app:1.0" "oci:$AREA/pulled:1.0"
check "as another reader says" python3 "$LIVE/holds.py" "oci:$AREA/pulled:1.0"
