# Other people's tools read the images: skopeo, umoci, tar and Docker.
. "$(dirname "$0")/lib.sh"

# Each layer: readable by GNU tar, sorted, and without a trace of the machine that made it.
layers_are_plain() {
    local image=$WORK/images/$1/oci blob listing
    for blob in $(inspect --raw "oci:$image:latest" | jq -r '.layers[].digest | sub(":"; "/")'); do
        listing=$(tar --numeric-owner -tvzf "$image/blobs/$blob") || return
        tar -tzf "$image/blobs/$blob" | sed 's:/$::' >"$AREA/names"
        LC_ALL=C sort -u "$AREA/names" | cmp - <(LC_ALL=C sort "$AREA/names") || { echo "$blob names a path twice"; return 1; }
        ! grep -E '^(/|\./|\.\./)|/\.\./' "$AREA/names" || return
        ! awk '$2 !~ /^[0-9]+\/[0-9]+$/' <<<"$listing" | grep . || return
        newest=$(tar --full-time --utc -tvzf "$image/blobs/$blob" | awk '{print $4 "T" $5 "Z"}' | sort | tail -n 1)
        [[ "$newest" < "$(date -u +%Y-%m-%dT%H:%M:%SZ)" ]] || { echo "$blob holds a time of today: $newest"; return 1; }
    done
}

for image in python-ledger rust-server cpp-wordcount; do
    check "$image builds and umoci unpacks it" built "$image" || continue
    oci=$WORK/images/$image/oci
    name=$(sed -n 's/^name *= *"\(.*\)"/\1/p' "$PROJECT/examples/$image/bareboat.toml")
    digest=$(summary "$image" .digest)
    check "$image: skopeo sees the digest that the summary names" same "$(inspect "oci:$oci:latest" | jq -r .Digest)" "$digest"
    check "$image: the platform's image is in the summary" summary "$image" '.images[0].platform | test("^linux/amd64")'
    check "$image: its layers are plain tar" layers_are_plain "$image"
    check "$image: skopeo copies it, checking every digest" \
        skopeo --insecure-policy copy "oci:$oci:latest" "dir:$AREA/$image.dir"

    copy=$AREA/$image
    recipe_copy "$image" "$copy"
    check "$image: both archives are written in one build" "$BAREBOAT" build "$copy" --platform linux/amd64 \
        -o "oci-archive:$AREA/$image.oci.tar:latest" -o "docker-archive:$AREA/$image.docker.tar:$name:live"
    check "$image: the OCI archive is the same image" \
        same "$(inspect "oci-archive:$AREA/$image.oci.tar:latest" | jq -r .Digest)" "$digest"
    check "$image: the Docker archive has the same layers uncompressed" \
        same "$(inspect --config "docker-archive:$AREA/$image.docker.tar" | jq -c .rootfs)" \
        "$(inspect --config "oci:$oci:latest" | jq -c .rootfs)"
done

if check "the Docker engine starts" start_engine; then
    for image in python-ledger rust-server cpp-wordcount; do
        check "$image: docker load takes the archive" docker load -i "$AREA/$image.docker.tar"
    done
    check "docker has the configuration as built" \
        same "$(docker image inspect ledger:live | jq -c '.[0].Config | [.User, .Entrypoint, .Cmd, (.Env | sort)]')" \
        "$(inspect --config "oci:$WORK/images/python-ledger/oci:latest" | jq -c '.config | [.User, .Entrypoint, .Cmd, (.Env | sort)]')"
    run() { docker run --rm --read-only --network none "$@"; }
    check "docker runs the Python example" \
        matches "$(run ledger:live 2>&1)" '^bank +28856\.60$'
    check "docker runs the C++ example" matches "$(run wordcount:live 2>&1)" '^ +[0-9]+ the$'
fi
