# What bareboat says of two images is what two unpacked roots show; its packages are dpkg's own; and what is attached to an image goes
# where others look for it.
. "$(dirname "$0")/lib.sh"

export HOME=$AREA/home BAREBOAT_CACHE=$WORK/cache
mkdir -p "$HOME"

# paths BEFORE AFTER: what differs, as the answer has it and as the unpacked roots have it.
told() { "$BAREBOAT" diff --semantic --format json "$1" "$2" | jq -r '.files[] | "\(.change) \(.path) \(.differences // [] | sort | join(","))"' | sort; }
seen() { python3 "$LIVE/differences.py" "$(root_of "$1")" "$(root_of "$2")" | sort; }
image_of() { echo "oci:$WORK/images/$1/oci:latest"; }

check "two images are built" eval 'built python3_trixie && built base_trixie' || exit 0
before=$(image_of python3_trixie) after=$(image_of base_trixie)
check "from the larger to the smaller, each path and how it differs" same "$(told "$before" "$after")" "$(seen python3_trixie base_trixie)"
check "and the other way round" same "$(told "$after" "$before")" "$(seen base_trixie python3_trixie)"
check "packages that only one has are those of the summaries" same \
    "$("$BAREBOAT" diff --format json "$before" "$after" | jq '[.packages[] | select(.change == "removed")] | length')" \
    "$(($(summary python3_trixie '.images[0].packages') - $(summary base_trixie '.images[0].packages')))"
check "what must be fetched is what is not there" same \
    "$("$BAREBOAT" diff --format json "$before" "$after" | jq .sizes.fetch)" \
    "$(comm -13 <(inspect --raw "$before" | jq -r '(.layers + [.config])[] | .digest + " " + (.size | tostring)' | sort) \
        <(inspect --raw "$after" | jq -r '(.layers + [.config])[] | .digest + " " + (.size | tostring)' | sort) | awk '{ all += $2 } END { print all }')"
check "an image is the same as itself" "$BAREBOAT" diff --exit-code "$before" "$before"
check "and as its copy in a Docker archive, but for the packing" eval '
    "$BAREBOAT" copy "$before" "docker-archive:$AREA/copy.tar:live:1" && "$BAREBOAT" diff --exit-code --semantic "$before" "docker-archive:$AREA/copy.tar"'

# A root that dpkg itself filled.
check "mmdebstrap makes a root" mmdebstrap --variant=apt --include=python3-requests,ruby-rack --quiet trixie "$AREA/root.tar" || exit 0
mkdir "$AREA/root"
tar -C "$AREA/root" --exclude='./dev/*' -xf "$AREA/root.tar"
check "umoci makes an image of it" eval 'umoci init --layout "$AREA/image" && umoci new --image "$AREA/image:1" &&
    umoci insert --image "$AREA/image:1" "$AREA/root" / && umoci new --image "$AREA/image:empty"'
packages() { "$BAREBOAT" diff --format json "oci:$AREA/image:empty" "oci:$AREA/image:1" | jq -r ".packages[] | select(.kind == \"$1\") | .name + \" \" + .after[0]" | sort; }
check "its packages are those that dpkg lists" same "$(packages deb)" \
    "$(dpkg-query --admindir "$AREA/root/var/lib/dpkg" -W -f '${Package} ${Version}\n' | sort)"
check "and Python's those that Python lists" same "$(packages python)" \
    "$(PYTHONPATH='' python3 -c 'import importlib.metadata as m, sys; print("\n".join(sorted({f"{d.name} {d.version}" for d in m.distributions(path=[sys.argv[1]])})))' \
        "$AREA/root/usr/lib/python3/dist-packages")"
check "gems, too" matches "$(packages ruby)" '^rack [0-9]'
# Files that dpkg knows nothing of, by its own database.
owned() { "$BAREBOAT" diff --format json "oci:$AREA/image:empty" "oci:$AREA/image:1" | jq -r '.files[] | select(.before == null and .after.kind == "file" and .package.kind == "deb") | .path' |
    grep -v '^/var/lib/dpkg/info/' | sort; }
listed() { cat "$AREA"/root/var/lib/dpkg/info/*.list | sed 's,^/\(bin\|sbin\|lib\|lib64\)/,/usr/\1/,' | sort -u | while read -r path; do [ -f "$AREA/root$path" ] && [ ! -L "$AREA/root$path" ] && echo "$path"; done; }
check "files belong to the packages that dpkg says brought them" same "$(owned | sha256sum)" "$(listed | sort | sha256sum)"

# The record of a build.
mkdir "$AREA/recipe"
printf 'name = "told"\nbase = "static"\n' >"$AREA/recipe/bareboat.toml"
recorded() { "$BAREBOAT" referrers "$1" --format json | jq -r '.attachments[].digest'; }
check "an image is built with its record" "$BAREBOAT" build --provenance "$AREA/recipe" -o "oci:$AREA/told:1" || exit 0
record=$(recorded "oci:$AREA/told:1")
check "skopeo still sees one image there" inspect "oci:$AREA/told:1"
check "and umoci one tag" same "$(umoci ls --layout "$AREA/told")" 1
check "Debian's registry starts, which has no lists of referrers" docker_registry plain || exit 0
plain=127.0.0.1:$PORT
check "the image goes there with its record" "$BAREBOAT" copy --with-referrers "oci:$AREA/told:1" "$plain/told:1"
check "which is found there" same "$(recorded "$plain/told:1")" "$record"
check "under the tag that the specification says" same "$(inspect --raw --tls-verify=false "docker://$plain/told:sha256-$(inspect --raw "oci:$AREA/told:1" | sha256sum | cut -c-64)" |
    jq -r '.manifests[].digest')" "$record"
check "a registry with the referrers API starts" go_registry lists || exit 0
check "from the one to the other" "$BAREBOAT" copy --with-referrers "$plain/told:1" "127.0.0.1:$PORT/told:1"
check "it is listed there" same "$(recorded "127.0.0.1:$PORT/told:1")" "$record"
check "and the list is the registry's own" same \
    "$(curl -sf "http://127.0.0.1:$PORT/v2/told/referrers/$(inspect --raw "oci:$AREA/told:1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/')" | jq -r '.manifests[].digest')" "$record"
check "the record can be read back" same \
    "$("$BAREBOAT" referrers "127.0.0.1:$PORT/told:1" --cat "$record" | jq -r .predicateType)" https://slsa.dev/provenance/v1
