# Images go from each transport to each other and back, and stay what they are; other people's tools take what we write, and we read
# what they write. What is broken off is gone on with, and a name appears when all of it is there.
. "$(dirname "$0")/lib.sh"

export HOME=$AREA/home BAREBOAT_CACHE=$AREA/cache
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
mkdir -p "$HOME"
copy() { "$BAREBOAT" copy "$@"; }
copied() { skopeo --insecure-policy copy --src-tls-verify=false --dest-tls-verify=false "$@"; }
# The podman and buildah of this topic, which share nothing with this machine's.
podman() { command podman --root "$AREA/podman" --runroot "$AREA/podman-run" --storage-driver vfs "$@"; }

# raw PLACE: the manifest, as skopeo reads it. Digests of it and of the config it names.
raw() { case $1 in oci*|docker-archive*) inspect --raw "$1" ;; *) inspect --raw --tls-verify=false "docker://$1" ;; esac; }
manifest_of() { raw "$1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
config_of() { case $1 in docker-daemon:*) docker image inspect "${1#docker-daemon:}" | jq -r '.[0].Id' ;; *) raw "$1" | jq -r .config.digest ;; esac; }
config_as_json() { case $1 in oci*) inspect --config "$1" ;; *) inspect --config --tls-verify=false "docker://$1" ;; esac; }

check "the Docker engine starts" start_engine || exit 0
check "a registry starts" docker_registry plain "compatibility: {schema1: {enabled: true}}" || exit 0
registry=127.0.0.1:$PORT plain=$PORT

top=$(python3 "$PROJECT/bench/image.py" "$AREA/image:1.0" --megabytes 6 --layers 4)
image=oci:$AREA/image:1.0
config=$(config_of "$image")

# place TRANSPORT NAME
place() {
    case $1 in
    oci) echo "oci:$AREA/$2:1.0" ;;
    oci-archive) echo "oci-archive:$AREA/$2.oci.tar:1.0" ;;
    docker-archive) echo "docker-archive:$AREA/$2.docker.tar:live/$2:1.0" ;;
    docker-daemon) echo "docker-daemon:live/$2:1.0" ;;
    registry) echo "$registry/live/$2:1.0" ;;
    esac
}
keeps_manifests() { case $1 in oci|oci-archive|registry) true ;; *) false ;; esac; }
there_and_back() { # FROM TO: the image in FROM, to TO and back.
    local there back
    there=$(place "$2" "$1-$2") back=$(place "$1" "$1-$2-back")
    copy "$(place "$1" first)" "$there" && copy "$there" "$back" || return
    same "$(config_of "$there")" "$config" && same "$(config_of "$back")" "$config" || return
    ! { keeps_manifests "$1" && keeps_manifests "$2"; } || same "$(manifest_of "$back")" "$top"
}
transports=(oci oci-archive docker-archive docker-daemon registry)
for from in "${transports[@]}"; do
    check "from a layout to $from" copy "$image" "$(place "$from" first)" || continue
    for to in "${transports[@]}"; do check "from $from to $to and back" there_and_back "$from" "$to"; done
    rm -rf "$AREA"/{oci,docker}*-*; docker image prune -af >/dev/null
done

# Others take what we write.
check "skopeo copies our layout" copied "$(place oci first)" "dir:$AREA/skopeo-1"
check "our OCI archive" copied "$(place oci-archive first)" "dir:$AREA/skopeo-2"
check "our Docker archive" copied "$(place docker-archive first)" "dir:$AREA/skopeo-3"
check "umoci unpacks our layout" umoci unpack --image "$AREA/first:1.0" "$AREA/bundle"
check "podman loads our OCI archive" podman load -q -i "$AREA/first.oci.tar"
check "and our Docker archive" podman load -q -i "$AREA/first.docker.tar"
check "Docker loads our Docker archive" docker load -q -i "$AREA/first.docker.tar"
check "which has the same configuration there" same "$(docker image inspect live/first:1.0 | jq -c '.[0] | [.Architecture, .Config.Entrypoint, .Config.Env, .RootFS.Layers]')" \
    "$(config_as_json "$image" | jq -c '[.architecture, .config.Entrypoint, .config.Env, .rootfs.diff_ids]')"

# We read what others write: each through a layout of ours, which skopeo holds against the original.
reads() { # NAME SOURCE CONFIG-DIGEST
    copy "$2" "oci:$AREA/read-$1:1.0" && same "$(config_of "oci:$AREA/read-$1:1.0")" "$3" && copied "oci:$AREA/read-$1:1.0" "dir:$AREA/read-$1.dir"
}
docker save -o "$AREA/save.tar" live/first:1.0
check "docker save" reads docker-save "docker-archive:$AREA/save.tar:live/first:1.0" "$config"
check "with no name given, too" reads docker-save-unnamed "docker-archive:$AREA/save.tar" "$config"
check "podman has it" eval 'podman load -q -i "$AREA/first.oci.tar" && podman tag "$(podman images -q | head -n 1)" live/podman:1.0'
check "podman save, as Docker writes it" eval 'podman save -q --format docker-archive -o "$AREA/podman.tar" localhost/live/podman:1.0 &&
    reads podman-docker "docker-archive:$AREA/podman.tar" "$(inspect --raw "docker-archive:$AREA/podman.tar" | jq -r .config.digest)"'
check "podman save, as an OCI archive" eval 'podman save -q --format oci-archive -o "$AREA/podman.oci.tar" localhost/live/podman:1.0 &&
    reads podman-oci "oci-archive:$AREA/podman.oci.tar" "$(config_of "oci-archive:$AREA/podman.oci.tar")"'
check "containerd's export" eval '
    sock=$AREA/engine/exec/containerd/containerd.sock
    ctr -a "$sock" -n live images import --all-platforms "$AREA/first.oci.tar" &&
    ctr -a "$sock" -n live images export --all-platforms "$AREA/containerd.tar" "$(ctr -a "$sock" -n live images ls -q | head -n 1)" &&
    reads containerd "oci-archive:$AREA/containerd.tar" "$config"'
check "which is a Docker archive, too" reads containerd-docker "docker-archive:$AREA/containerd.tar" "$config"
check "skopeo's layout" eval 'copied "$image" "oci:$AREA/by-skopeo:1.0" && reads skopeo-oci "oci:$AREA/by-skopeo:1.0" "$config"'
check "skopeo's Docker archive" eval 'copied "$image" "docker-archive:$AREA/by-skopeo.tar:x/y:1" &&
    reads skopeo-docker "docker-archive:$AREA/by-skopeo.tar" "$config"'
check "a Docker image (schema 2)" copied --format v2s2 "$image" "docker://$registry/live/v2s2:1.0"
# skopeo does not look for such in a layout.
check "comes to a layout as it is" eval 'copy "$registry/live/v2s2:1.0" "oci:$AREA/read-v2s2:1.0" &&
    same "$(jq -r ".manifests[0].digest" "$AREA/read-v2s2/index.json")" "$(manifest_of "$registry/live/v2s2:1.0")"'
check "and on to the engine" eval 'copy "oci:$AREA/read-v2s2:1.0" docker-daemon:live/v2s2:1.0 &&
    same "$(config_of docker-daemon:live/v2s2:1.0)" "$(config_of "$registry/live/v2s2:1.0")"'
check "whose types stay" matches "$(raw "$registry/live/v2s2:1.0")" 'vnd.docker.distribution.manifest.v2'
check "to a registry, byte for byte" eval 'copy "$registry/live/v2s2:1.0" "$registry/live/v2s2-again:1.0" &&
    same "$(manifest_of "$registry/live/v2s2-again:1.0")" "$(manifest_of "$registry/live/v2s2:1.0")"'
check "a schema 1 manifest is pushed" copied --format v2s1 "$image" "docker://$registry/live/v2s1:1.0"
refuses "and refused by name" 'schema 1' -- "$BAREBOAT" copy "$registry/live/v2s1:1.0" "oci:$AREA/none"
zstd=$(python3 "$PROJECT/bench/image.py" "$AREA/zstd:1.0" --megabytes 2 --layers 2 --compression zstd)
check "layers of zstd" eval 'copy "oci:$AREA/zstd:1.0" "$registry/live/zstd:1.0" && same "$(manifest_of "$registry/live/zstd:1.0")" "$zstd"'
check "for the engine, too" eval 'copy "oci:$AREA/zstd:1.0" docker-daemon:live/zstd:1.0 && same "$(config_of docker-daemon:live/zstd:1.0)" "$(config_of "oci:$AREA/zstd:1.0")"'
check "layers of skopeo's zstd" eval 'copied --dest-compress-format zstd --dest-compress "docker-archive:$AREA/save.tar" "oci:$AREA/skopeo-zstd:1.0" &&
    copy "oci:$AREA/skopeo-zstd:1.0" docker-daemon:live/skopeo-zstd:1.0'
plain_layers=$(python3 "$PROJECT/bench/image.py" "$AREA/uncompressed:1.0" --megabytes 2 --layers 2 --compression none)
check "layers as they are" eval 'copy "oci:$AREA/uncompressed:1.0" "$registry/live/uncompressed:1.0" &&
    same "$(manifest_of "$registry/live/uncompressed:1.0")" "$plain_layers"'
many=$(python3 "$PROJECT/bench/image.py" "$AREA/many:1.0" --megabytes 3 --layers 2 --platforms linux/amd64,linux/arm64)
check "an image for several platforms goes everywhere that can hold one" eval '
    copy --all-platforms "oci:$AREA/many:1.0" "$registry/live/many:1.0" && same "$(manifest_of "$registry/live/many:1.0")" "$many" &&
    copy --all-platforms "$registry/live/many:1.0" "oci-archive:$AREA/many.tar:1.0" && same "$(manifest_of "oci-archive:$AREA/many.tar:1.0")" "$many" &&
    copy --all-platforms "oci-archive:$AREA/many.tar:1.0" "oci:$AREA/many-again:1.0" && same "$(manifest_of "oci:$AREA/many-again:1.0")" "$many"'
refuses "and not where none can be held" 'one image at a time' 'hint: .*--platform' -- "$BAREBOAT" copy --all-platforms "oci:$AREA/many:1.0" "docker-archive:$AREA/none.tar"
check "one platform of it does" eval 'copy --platform linux/arm64 "oci:$AREA/many:1.0" docker-daemon:live/arm:1.0 &&
    same "$(docker image inspect live/arm:1.0 | jq -r ".[0].Architecture")" arm64'
printf '%s\n' 'name = "several"' 'base = "scratch"' 'files = [{ from = "hello", to = "/" }]' >"$AREA/bareboat.toml"
echo hello >"$AREA/hello"
check "a build writes to all of them at once" "$BAREBOAT" build "$AREA" -q --platform linux/amd64 \
    -o "oci:$AREA/built:1.0" -o "oci-archive:$AREA/built.tar:1.0" -o "docker-archive:$AREA/built.docker.tar:live/built:1.0" \
    -o docker-daemon:live/built:1.0 -o "$registry/live/built:1.0"
built=$(config_of "oci:$AREA/built:1.0")
for place in "oci-archive:$AREA/built.tar:1.0" "docker-archive:$AREA/built.docker.tar" docker-daemon:live/built:1.0 "$registry/live/built:1.0"; do
    check "and ${place%%[:/]*} has it" same "$(config_of "$place")" "$built"
done
refuses "an engine that is not there is told" 'no/such/socket' -- \
    env DOCKER_HOST=unix:///no/such/socket "$BAREBOAT" copy docker-daemon:live/first:1.0 "oci:$AREA/none"

# Broken off in the middle, by a kill that nobody can prepare for.
moved() { jq -s '[.[] | select(.path | test("/blobs/")) | .sent + .received] | add // 0' "$REQUESTS"; }
size=$(du -sb "$AREA/image/blobs" | cut -f1)
check "a slow way to the registry starts" proxied slow "$plain" --throttle 500000 || exit 0
export BAREBOAT_CACHE=$AREA/cache-broken
for moment in 0.4 0.8 1.2; do (timeout -s KILL "$moment" "$BAREBOAT" copy -q "$PROXY/live/first:1.0" "oci:$AREA/resumed:1.0"; :) >/dev/null 2>&1; done
check "a pull killed three times leaves no name" eval '! inspect --raw "oci:$AREA/resumed:1.0"'
check "it is gone on with" copy "$PROXY/live/first:1.0" "oci:$AREA/resumed:1.0"
check "and whole" same "$(manifest_of "oci:$AREA/resumed:1.0")" "$top"
# What was on its way when it was killed is lost, three times: some pieces on each connection.
check "not much was fetched twice" eval '[ "$(moved)" -lt $((size + 2500000)) ]'
export BAREBOAT_CACHE=$AREA/cache
: >"$REQUESTS"
(timeout -s KILL 1.5 "$BAREBOAT" copy -q "$image" "$PROXY/live/pushed:1.0"; :) >/dev/null 2>&1
check "a push killed in the middle leaves no name" eval '! inspect --raw --tls-verify=false "docker://$registry/live/pushed:1.0"'
check "it is gone on with, too" copy "$image" "$PROXY/live/pushed:1.0"
check "and whole at the registry" same "$(manifest_of "$registry/live/pushed:1.0")" "$top"
check "an old name stays until the new image is there" eval '
    copy "oci:$AREA/zstd:1.0" "$registry/live/moved:1.0" &&
    { (timeout -s KILL 1 "$BAREBOAT" copy -q "$image" "$PROXY/live/moved:1.0"; :) >/dev/null 2>&1
      same "$(manifest_of "$registry/live/moved:1.0")" "$zstd"; }'

# No room.
mkdir -p "$AREA/small"
mount -t tmpfs -o size=3m none "$AREA/small"
refuses "a layout without room is named" 'no space left' -- "$BAREBOAT" copy "$image" "oci:$AREA/small/layout:1.0"
refuses "an archive without room, too" 'no space left' -- "$BAREBOAT" copy "$image" "oci-archive:$AREA/small/image.tar:1.0"
check "and nothing is left of the archive" same "$(find "$AREA/small" -name '*.tar*')" ""
refuses "a cache without room, too" 'no space left' 'hint: .*BAREBOAT_CACHE' -- \
    env BAREBOAT_CACHE="$AREA/small/cache" "$BAREBOAT" copy "$registry/live/first:1.0" "docker-archive:$AREA/none.tar"
umount "$AREA/small"
check "and nothing is written in its place" eval '! test -e "$AREA/none.tar"'
