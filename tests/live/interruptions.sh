# A disk that is really full, builds killed at any moment, several builds at once: the cache stays good and no output is half-written.
. "$(dirname "$0")/lib.sh"

recipe=$AREA/recipe
recipe_copy python-ledger "$recipe"
archive_mirror "$AREA/mirror"
build() { "$BAREBOAT" build "$recipe" --platform linux/amd64 -q "$@"; }
whole() { inspect "oci:$recipe/.bareboat/ledger:latest" | jq -er .Digest; }
nothing_written() { ! test -e "$recipe/.bareboat/ledger"; }
export BAREBOAT_CACHE=$AREA/cache
check "a build that nothing disturbs" build
expected=$(whole)
cp "$recipe/bareboat.lock" "$AREA/lock"
again() { rm -rf "$recipe/.bareboat" "$AREA/cache-$1"; cp "$AREA/lock" "$recipe/bareboat.lock"; export BAREBOAT_CACHE=$AREA/cache-$1; }

# Sizes at which the disk fills up during download, during unpacking, and while layers are made.
again full
mkdir "$AREA/cache-full"
mount -t tmpfs -o size=4m none "$AREA/cache-full"
for size in 4 12 40 70; do
    mount -o "remount,size=${size}m" "$AREA/cache-full"
    refuses "a cache of $size MB is too small, and said to be" 'no space left' 'hint: .*BAREBOAT_CACHE' -- build
    check "with $size MB nothing is written" nothing_written
done
mount -o remount,size=400m "$AREA/cache-full"
check "with room, the same cache is good" same "$(build)" "$expected"
umount "$AREA/cache-full"

mkdir "$AREA/full-output"
mount -t tmpfs -o size=8m none "$AREA/full-output"
refuses "an output that has no room is named" 'full-output' 'no space left' -- build -o "oci-archive:$AREA/full-output/image.tar"
check "and nothing is left of it" same "$(find "$AREA/full-output" -mindepth 1)" ""
umount "$AREA/full-output"

# Killed at twelve moments, each time going on with what the one before left.
again killed
for moment in 0.05 0.1 0.15 0.2 0.3 0.4 0.5 0.7 0.9 1.2 1.6 2.0; do
    # In a shell of its own, whose word about the killing nobody needs.
    (timeout --signal=KILL "$moment" "$BAREBOAT" build "$recipe" --platform linux/amd64 -q; :) >/dev/null 2>&1
    if test -e "$recipe/.bareboat/ledger/index.json"; then
        [ "$(whole)" = "$expected" ] || record FAIL "killed after $moment s, it left a half-written image"
    fi
done
check "killed twelve times, it still makes the same image" same "$(build)" "$expected"

again shared
for number in 1 2 3 4; do
    "$BAREBOAT" build "$recipe" --platform linux/amd64 -q -o "oci:$AREA/shared-$number:latest" >"$AREA/digest-$number" 2>"$AREA/said-$number" &
    builds[number]=$!
done
for number in 1 2 3 4; do
    check "build $number of four at once ends well" wait "${builds[number]}"
    check "build $number of four at once makes the same image" same "$(cat "$AREA/digest-$number")" "$expected"
done
