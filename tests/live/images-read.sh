# Images as they are out there, looked into: whiteouts, opaque directories, hard links across layers, attributes, holes, huge files and
# odd names, built by buildah and held against what is mounted and unpacked by others; and dive's own images, with dive's numbers.
. "$(dirname "$0")/lib.sh"

export BAREBOAT_CACHE=$AREA/cache
store=(--root "$AREA/storage" --runroot "$AREA/storage-run" --storage-driver vfs)
built_by() { buildah "${store[@]}" "$@"; }
inspected() { "$BAREBOAT" inspect "$@"; }
listing() { python3 "$LIVE/listing.py" "$@"; }

# A root of our own to begin with: one static program that is a hundred.
mkdir -p "$AREA/context"
cp "$(command -v busybox)" "$AREA/context/busybox"
cat >"$AREA/context/odd.sh" <<'END'
mkdir /odd && cd /odd
touch 'with space' ./-dash 'quote"s' "$(printf 'new\nline')" 'back\slash' '.wh' 'ünï' "$(printf 'a%.0s' $(seq 255))"
mkdir -p "$(printf 'deep/%.0s' $(seq 40))"
END
cat >"$AREA/context/Dockerfile" <<'END'
FROM scratch
COPY busybox /bin/busybox
COPY busybox /bin/sh
ENV PATH=/bin
RUN busybox --install -s /bin 2>/dev/null; mkdir -p /etc /tmp /data/dir/deep /data/gone/below && chmod 1777 /tmp
RUN echo one >/data/one && ln /data/one /data/two && echo x >/data/dir/x && echo y >/data/dir/deep/y && echo z >/data/gone/below/z
RUN rm /data/one && ln /data/two /data/three && rm -r /data/gone
RUN rm -r /data/dir && mkdir /data/dir && echo new >/data/dir/new
RUN echo changed >>/data/two && chown 1234:5678 /data/dir/new && chmod 4750 /data/dir/new && mkfifo /data/pipe
RUN ln -s ../data/two /etc/link && ln -s nowhere /etc/dangling && ln -s /data /etc/directory
COPY odd.sh /tmp/odd.sh
RUN sh /tmp/odd.sh
RUN truncate -s 200M /data/holes && echo end >>/data/holes
RUN dd if=/dev/zero of=/data/huge bs=1M count=20 2>/dev/null && rm -r /data/dir && echo file >/data/dir
END
check "buildah builds an image of what is hard" \
    built_by bud -q --isolation chroot --layers -t hard "$AREA/context" || exit 0
check "and gives one of its files a capability" eval '
    container=$(built_by from hard) && root=$(built_by mount "$container") && cp "$root/bin/busybox" "$root/bin/server" &&
    setcap cap_net_bind_service=ep "$root/bin/server" && setfattr -n user.note -v kept "$root/bin/server" &&
    built_by commit -q "$container" hard'
check "it comes as an OCI layout" built_by push -q hard "oci:$AREA/hard:1.0" || exit 0
image=oci:$AREA/hard:1.0
mounted=$(built_by mount "$(built_by from hard)")
listing "$mounted" >"$AREA/mounted.list"
check "we list its files" eval 'inspected --tree / --format json "$image" >"$AREA/tree.json" && listing --inspected "$AREA/tree.json" >"$AREA/ours.list"'
check "as they are when it is mounted" diff "$AREA/mounted.list" "$AREA/ours.list"
check "umoci unpacks it" umoci unpack --image "$AREA/hard:1.0" "$AREA/bundle"
listing "$AREA/bundle/rootfs" >"$AREA/unpacked.list"
check "to the same" diff "$AREA/unpacked.list" "$AREA/ours.list"
check "what inspect says is all there" eval 'inspected "$image" >"$AREA/text" && grep -q huge "$AREA/text"'
check "a file is copied out of it" same "$(inspected --cat /data/three "$image")" "$(cat "$mounted/data/three")"
check "through links, too" same "$(inspected --cat /etc/directory/two "$image")" "$(cat "$mounted/data/two")"
check "one of two hundred megabytes with holes is whole" same "$(inspected --cat /data/holes "$image" | sha256sum)" "$(sha256sum <"$mounted/data/holes")"
check "memory stays small" eval '
    env -i PATH="$PATH" BAREBOAT_CACHE="$AREA/cold" python3 -c "
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(peak, \"MiB\")
sys.exit(peak > 150)" "$BAREBOAT" inspect "$image"'
waste=$(inspected --format json "$image" | jq -c .waste)
carried=$(for blob in $(inspect --raw "$image" | jq -r '.layers[].digest | sub(":"; "/")'); do
    gzip -dc "$AREA/hard/blobs/$blob" | python3 -c '
import sys, tarfile
print(sum(member.size for member in tarfile.open(fileobj=sys.stdin.buffer, mode="r|") if member.isreg()))'; done | awk '{sum += $1} END {printf "%d", sum}')
squashed=$(find "$mounted" -type f -printf '%i %s\n' | sort -u | awk '{sum += $2} END {printf "%d", sum}')
check "waste is what the layers carry beyond what is left" matches "$waste" "\"bytes\":$((carried - squashed))[,}]"
check "an image and itself do not differ" "$BAREBOAT" diff --exit-code "$image" "$image"
check "another and it do" eval '
    python3 "$LIVE/layout.py" "$AREA/other" "{}" "etc/ etc/x" &&
    { "$BAREBOAT" diff --exit-code "oci:$AREA/other" "$image" >"$AREA/diff"; same "$?" 1; }'

# Compressed and packed in each way that is out there.
for format in zstd uncompressed; do
    case $format in zstd) how=(--dest-compress --dest-compress-format zstd) ;; *) how=(--dest-decompress) ;; esac
    check "the same in $format" eval '
        skopeo --insecure-policy copy -q "${how[@]}" "$image" "oci:$AREA/$format:1.0" &&
        inspected --tree / --format json "oci:$AREA/$format:1.0" >"$AREA/$format.json" &&
        listing --inspected "$AREA/$format.json" | diff "$AREA/ours.list" -'
    rm -rf "${AREA:?}/$format"
done
check "the same from a Docker archive" eval '
    skopeo --insecure-policy copy -q "$image" "docker-archive:$AREA/hard.tar:x:1" &&
    inspected --tree / --format json "docker-archive:$AREA/hard.tar" >"$AREA/archive.json" && listing --inspected "$AREA/archive.json" | diff "$AREA/ours.list" -'

# dive's images, in every packing that it is tested with, and the numbers that its tests name.
dive=${DIVE_IMAGES:-$PROJECT/../shared/tests/dive}
numbers='[.dive | .efficiency, .size, .user_size, .wasted, .wasted_user_ratio]'
check "dive's numbers, to the last digit" same \
    "$(inspected --dive --format json "docker-archive:$dive/test-docker-image.tar" | jq -c "$numbers")" \
    '[0.9844212134184309,1220598,66237,32025,0.4834911001404049]'
for archive in "$dive"/*.tar; do
    case $(tar -tf "$archive") in
    *manifest.json*) transport=docker-archive ;;
    *index.json*) transport=oci-archive ;;
    *) continue ;; # A layer alone.
    esac
    check "$(basename "$archive") is read" inspected --dive "$transport:$archive"
done
original=${DIVE_ORIGINAL:-dive}
check "dive itself is there" command -v "$original" || exit 0
# What dive tells, and what we tell that it would: the numbers, and each path that it has as wasted.
dive_tells() {
    rm -f "$AREA/dive.json"
    "$original" "docker-archive://$1" --json "$AREA/dive.json" >/dev/null || return
    jq -c '.image | [.efficiencyScore, .sizeBytes, .inefficientBytes], (.fileReference // [] | sort_by(.file)[] | [.count, .sizeBytes, .file])' "$AREA/dive.json"
}
we_tell() {
    inspected --dive --format json "$(case $1 in *-oci-*) echo oci-archive ;; *) echo docker-archive ;; esac):$1" 2>/dev/null |
        jq -c '.dive | [.efficiency, .size, .wasted], (.files | sort_by(.path)[] | [.count, .size, .path])'
}
alike() { # FUNCTION FUNCTION ARCHIVE
    local first second
    first=$("$1" "$3") second=$("$2" "$3")
    [ -n "$first" ] && same "$first" "$second" || { echo "$3"; return 1; }
}
for archive in "$AREA/hard.tar" "$dive"/{test-docker-image,removed-directory,test-kaniko-image,test-oci-{gzip,estargz,zstd,uncompressed}-image}.tar; do
    check "as dive itself tells of $(basename "$archive")" alike we_tell dive_tells "$archive"
done
# And of images of which nobody knows beforehand what they do.
mkdir -p "$AREA/chance"
python3 "$LIVE/stacked.py" chance "$AREA/chance" 30 >"$AREA/by-chance"
all_as() { # FUNCTION FUNCTION: the same of each of them
    local archive
    while read -r archive; do alike "$1" "$2" "$archive" || return; done <"$AREA/by-chance"
}
check "dive's numbers of thirty images made by chance" all_as we_tell dive_tells
wasted() { inspected --format json "docker-archive:$1" 2>/dev/null | jq -c '.waste | .bytes, (.paths | sort_by(.path)[] | [.path, .bytes])'; }
stacked() { python3 "$LIVE/stacked.py" waste "$1" | jq -c '.bytes, (.paths | to_entries | sort_by(.key)[] | [.key, .value])'; }
check "and their waste, by path, is what putting their layers on one another tells" all_as wasted stacked
