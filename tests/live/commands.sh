# Lock, offline, explain, platforms: what a person asks of the tool besides one plain build.
. "$(dirname "$0")/lib.sh"

recipe=$AREA/recipe
recipe_copy python-ledger "$recipe"
export BAREBOAT_CACHE=$AREA/cache
archive_mirror "$AREA/mirror"
build() { "$BAREBOAT" build "$recipe" --platform linux/amd64 --format json "$@" >"$AREA/summary.json"; }
digest() { jq -er .digest "$AREA/summary.json"; }
requests() { wc -l <"$AREA/mirror/requests"; }

refuses "a fresh cache and --offline do not reach the network" 'offline' -- build --offline
check "and no request was made" same "$(requests)" 0
check "the first build writes the lock" eval 'build && test -s "$recipe/bareboat.lock"'
first=$(digest)
after_first=$(requests)
check "the default output is an OCI layout beside the recipe" \
    same "$(inspect "oci:$recipe/.bareboat/ledger:latest" | jq -r .Digest)" "$first"

check "a second build gives the same digest" eval 'build --locked && same "$(digest)" "$first"'
check "and asks the mirror for nothing" same "$(requests)" "$after_first"
end_mirror
rm -rf "$recipe/.bareboat"
check "with a lock and a warm cache, --offline gives the same digest" eval 'build --offline && same "$(digest)" "$first"'

archive_mirror "$AREA/mirror"
check "lock of a locked recipe changes nothing" \
    eval 'cp "$recipe/bareboat.lock" "$AREA/before" && "$BAREBOAT" lock "$recipe" --platform linux/amd64 && cmp "$AREA/before" "$recipe/bareboat.lock"'
sed -i 's/"python3-yaml"/"python3-yaml", "libpq5"/' "$recipe/bareboat.toml"
refuses "--locked refuses a recipe that asks for more" 'libpq5' 'does not satisfy the recipe' -- build --locked
check "without it, the lock follows the recipe" eval 'build && grep -q libpq5 "$recipe/bareboat.lock"'
check "and no locked version moved" \
    same "$(grep -cFvxf "$recipe/bareboat.lock" <(grep -E '^version = "' "$AREA/before"))" 0
check "update finds nothing to move right after" eval '"$BAREBOAT" update -f "$recipe" && build --locked'
check "--explain tells why a package is in" \
    eval '"$BAREBOAT" build "$recipe" --platform linux/amd64 --explain libexpat1 2>&1 | tee "$AREA/why" && grep -q python3 "$AREA/why"'
sed -i 's/"libpq5"/"libpq55"/' "$recipe/bareboat.toml"
refuses "an unknown package is refused, with the nearest name" 'libpq55' 'libpq5\b' -- build

both=$AREA/both
recipe_copy base_trixie "$both"
check "two platforms make an index" \
    "$BAREBOAT" build "$both" --platform linux/amd64 --platform linux/arm64 -o "oci:$AREA/index:latest"
check "that names both" same \
    "$(inspect --raw "oci:$AREA/index:latest" | jq -c '[.manifests[].platform.architecture] | sort')" '["amd64","arm64"]'
check "skopeo finds the image of each" same \
    "$(for arch in amd64 arm64; do skopeo --insecure-policy --override-arch "$arch" inspect "oci:$AREA/index:latest" | jq -r .Architecture; done | xargs)" "amd64 arm64"
