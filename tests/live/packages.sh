# What scanners see: status.d says exactly what is inside.
. "$(dirname "$0")/lib.sh"

archive_mirror "$AREA/mirror"
recipe=$AREA/recipe
recipe_copy python-ledger "$recipe"
# With a cache of its own, so that mirror.py holds a copy of each package afterwards.
check "python-ledger builds" built python-ledger || exit 0
check "it builds from a mirror whose packages can be looked at" "$BAREBOAT" build "$recipe" --platform linux/amd64 --cache "$AREA/cache" -o "oci:$AREA/oci:latest" || exit 0
check "umoci unpacks it" umoci unpack --image "$AREA/oci:latest" "$AREA/bundle" || exit 0
root=$AREA/bundle/rootfs
status=$root/var/lib/dpkg/status.d

md5sums_hold() { (cd "$root" && cat "$status"/*.md5sums | md5sum --check --quiet --strict); }
check "every md5sums line holds" md5sums_hold

# Regular files that are in no md5sums: what bareboat or the recipe made, and conffiles, which Debian's md5sums never list.
unowned() {
    comm -23 <(cd "$root" && find . -type f ! -path './var/lib/dpkg/*' -printf '%P\n' | LC_ALL=C sort) \
        <(cat "$status"/*.md5sums | sed 's/^[0-9a-f]*  //' | LC_ALL=C sort -u) | grep -vE '^(app|etc)/'
}
check "no file below /usr or elsewhere is without an owner" same "$(unowned)" ""

as_packaged() {
    local deb name
    # By name: other topics may have fetched the same package under another spelling of its URL.
    declare -A compared=()
    for deb in $(find "$WORK/mirror-copies" -name '*.deb'); do
        name=$(dpkg-deb -f "$deb" Package)
        [ -e "$status/$name" ] || continue
        # Other topics had the same package for arm64, or of the other suite.
        [ "$(dpkg-deb -f "$deb" Version Architecture | sort)" = "$(grep -E '^(Version|Architecture): ' "$status/$name" | sort)" ] || continue
        # dpkg itself adds the hashes of configuration files on installation, as bareboat does.
        cmp <(dpkg-deb -f "$deb") <(sed '/^Conffiles:/,/^[^ ]/ { /^Conffiles:/d; /^ /d }' "$status/$name") || { echo "$name"; return 1; }
        compared[$name]=1
    done
    echo "compared ${#compared[@]} of $(ls "$status" | grep -vc '\.md5sums$')"
    [ "${#compared[@]}" -eq "$(ls "$status" | grep -vc '\.md5sums$')" ]
}
check "each stanza is the package's own control file" as_packaged
check "there are as many as the summary counts" same "$(ls "$status" | grep -vc '\.md5sums$')" "$(summary python-ledger '.images[0].packages')"
check "Debian's identity is whole" eval '. "$root/etc/os-release" && same "$ID $VERSION_ID $VERSION_CODENAME" "debian 13 trixie"'
check "debian_version is there" matches "$(cat "$root/etc/debian_version")" '^13'
