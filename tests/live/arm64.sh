# An image for another architecture is assembled here, where none of its programs could run.
. "$(dirname "$0")/lib.sh"

mkdir -p "$AREA/recipe"
printf 'name = "arm"\nbase = "python3"\npackages = ["python3-yaml"]\n' >"$AREA/recipe/bareboat.toml"
check "an image in Python builds for arm64" \
    "$BAREBOAT" build "$AREA/recipe" --platform linux/arm64 -o "oci:$AREA/oci:latest" || exit 0
skopeo_arm() { skopeo --insecure-policy --override-arch arm64 inspect "$@" "oci:$AREA/oci:latest"; }
check "its configuration says so" same "$(skopeo_arm --config | jq -r '.os + "/" + .architecture')" linux/arm64
skopeo --insecure-policy --override-arch arm64 copy --quiet "oci:$AREA/oci:latest" "oci:$AREA/plain:latest" >/dev/null 2>&1
check "umoci unpacks it" umoci unpack --image "$AREA/plain:latest" "$AREA/bundle"

machines() { # the ELF machine of every program and library, once
    find "$AREA/bundle/rootfs" -type f -size +63c -print0 |
        xargs -0 -n 64 readelf -h 2>/dev/null | sed -n 's/^ *Machine: *//p' | sort | uniq
}
check "every program and library is AArch64" same "$(machines)" AArch64
check "the loader's path is arm64's" test -e "$AREA/bundle/rootfs/lib/ld-linux-aarch64.so.1"
check "ld.so.cache names arm64's folders" grep -aq aarch64-linux-gnu/libc.so.6 "$AREA/bundle/rootfs/etc/ld.so.cache"
