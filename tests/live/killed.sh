# A copy that is killed at a moment that nobody chose leaves what was there before, or all that is new, and never anything between; the
# next run goes on, and nothing is left beside it. And many at once on one cache, while room is made in it.
. "$(dirname "$0")/lib.sh"

export HOME=$AREA/home BAREBOAT_CACHE=$AREA/cache
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
mkdir -p "$HOME"
check "the Docker engine starts" start_engine || exit 0
check "a registry starts" docker_registry plain || exit 0
registry=127.0.0.1:$PORT
python3 "$PROJECT/bench/image.py" "$AREA/old:1.0" --megabytes 1 --layers 2 >"$AREA/made"
python3 "$PROJECT/bench/image.py" "$AREA/new:1.0" --megabytes 30 --layers 6 >"$AREA/made"
old=oci:$AREA/old:1.0 new=oci:$AREA/new:1.0
copy() { "$BAREBOAT" copy -q "$@"; }
# The config, with all that belongs to the image looked at.
held() { python3 "$LIVE/holds.py" "$1" | cut -d ' ' -f 3; }
before=$(held "$old") after=$(held "$new")

mkdir "$AREA/layout" "$AREA/archive" "$AREA/docker"
place() {
    case $1 in
    layout) echo "oci:$AREA/layout/image:1.0" ;;
    archive) echo "oci-archive:$AREA/archive/image.tar:1.0" ;;
    docker) echo "docker-archive:$AREA/docker/image.tar:killed:1.0" ;;
    engine) echo "docker-daemon:killed:1.0" ;;
    registry) echo "$registry/killed:1.0" ;;
    esac
}
# holds.py reads a Docker archive by its file alone.
seen() { local place; place=$(place "$1"); case $1 in docker) python3 "$LIVE/holds.py" "${place%:killed:1.0}" | cut -d ' ' -f 3 ;; *) held "$place" ;; esac; }
old_or_new() { # KIND: killed at four moments of the time that it takes.
    local found moment to
    to=$(place "$1")
    for _ in 1 2 3 4; do
        copy "$old" "$to" || return
        moment=$(printf '0.%03d' $((RANDOM % 300 + 2)))
        # In a shell of its own, whose word about the killing nobody needs.
        (timeout -s KILL "$moment" "$BAREBOAT" copy -q "$2" "$to"; :) >/dev/null 2>&1
        found=$(seen "$1") || { echo "killed after $moment s"; return 1; }
        [ "$found" = "$before" ] || same "$found" "$after" || { echo "killed after $moment s"; return 1; }
    done
}
goes_on() { copy "$2" "$(place "$1")" && same "$(seen "$1")" "$after"; }
copy "$new" "$registry/from:1.0" || exit 1
for kind in layout archive docker engine registry; do
    check "killed on the way to a place ($kind), the old or the new is there, whole" old_or_new "$kind" "$new"
    check "and the next run makes it the new ($kind)" goes_on "$kind" "$new"
done
check "killed on the way from a registry, too" old_or_new layout "$registry/from:1.0"
check "and the next run makes it the new" goes_on layout "$registry/from:1.0"
check "nothing is left beside archives" same "$(ls -A "$AREA/archive" "$AREA/docker" | grep -v ':$' | tr '\n' ' ')" "image.tar  image.tar "
check "nor beside or in a layout" same "$(ls -A "$AREA/layout") $(ls -A "$AREA/layout/image" | tr '\n' ' ')" "image blobs index.json oci-layout "
check "nor among its blobs" same "$(ls "$AREA/layout/image/blobs/sha256" | grep -vcE '^[0-9a-f]{64}$')" 0
check "the cache is good" "$BAREBOAT" cache verify

# Twelve at once, each of another kind than the next, none of which must notice that all in the cache goes again and again.
work() { # NUMBER
    case $(($1 % 4)) in
    0) "$BAREBOAT" pull -q "$registry/from:1.0" "oci:$AREA/many-$1:1.0" && same "$(held "oci:$AREA/many-$1:1.0")" "$after" ;;
    1) "$BAREBOAT" inspect --format json "$registry/from:1.0" | jq -e '.layers | length == 6' ;;
    2) "$BAREBOAT" copy -q "$registry/from:1.0" "docker-archive:$AREA/many-$1.tar" && same "$(held "docker-archive:$AREA/many-$1.tar")" "$after" ;;
    3) "$BAREBOAT" diff --format json "$registry/from:1.0" "$registry/killed:1.0" | jq -e . ;;
    esac
}
rounds() { work "$1" && work "$1"; }
# All that is there has not been used for long.
find "$BAREBOAT_CACHE" -exec touch -h -d '100 days ago' {} +
touch "$AREA/at-work"
(while [ -e "$AREA/at-work" ]; do
    "$BAREBOAT" cache gc --max-size 1MB || echo "exit code $?"
done) >"$AREA/gc-said" 2>&1 &
cleaner=$!
for number in $(seq 12); do rounds "$number" >"$AREA/worker-$number" 2>&1 & workers[number]=$!; done
failed=
for number in $(seq 12); do wait "${workers[number]}" || failed="$failed $number"; done
rm "$AREA/at-work"
wait "$cleaner"
check "twelve at once on one cache, in which room is made all the time, notice nothing" eval \
    '[ -z "$failed" ] || { for number in $failed; do cat "$AREA/worker-$number"; done; false; }'
check "nor does who makes it" eval '! grep "exit code" "$AREA/gc-said"'
check "the cache is good afterwards" "$BAREBOAT" cache verify
