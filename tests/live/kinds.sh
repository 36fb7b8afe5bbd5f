# An image of each kind that is out there goes from each transport to each other: what a place can hold stays as it was, byte for byte, as
# a reader that is not ours tells; and what it cannot hold is refused.
. "$(dirname "$0")/lib.sh"

export HOME=$AREA/home BAREBOAT_CACHE=$AREA/cache
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
mkdir -p "$HOME"
check "the Docker engine starts" start_engine || exit 0
check "a registry starts" docker_registry plain "validation: {manifests: {urls: {allow: ['^https://layers.invalid/']}}}" || exit 0
registry=127.0.0.1:$PORT
python3 "$LIVE/kinds.py" "$AREA/kinds" >"$AREA/list" || exit 1
holds() { python3 "$LIVE/holds.py" "$@"; }

# place TRANSPORT NAME
place() {
    case $1 in
    oci) echo "oci:$AREA/$2:1.0" ;;
    oci-archive) echo "oci-archive:$AREA/$2.oci.tar:1.0" ;;
    docker-archive) echo "docker-archive:$AREA/$2.docker.tar" ;;
    docker-daemon) echo "docker-daemon:kinds/$2:1.0" ;;
    registry) echo "$registry/kinds/$2:1.0" ;;
    esac
}

# What it is in each of the places, which is what it must be there.
is_there() { # EXPECTED FIELD PLACE…
    same "$(holds "${@:3}" | cut -d ' ' -f "$2" | sort | uniq -c | sed 's/^ *//')" "$(($# - 2)) $1" || { holds "${@:3}"; return 1; }
}
hop() { "$BAREBOAT" copy -q "$@" || { echo "copy $*"; return 1; }; }
# All nine pairs, one after the other.
keeps() { # KIND DIGEST
    local step=0 from=oci:$AREA/kinds:$1 to places=()
    for transport in oci oci-archive oci-archive registry registry oci registry oci-archive oci; do
        step=$((step + 1)) to=$(place "$transport" "$1-$step")
        hop --all-platforms "$from" "$to" || return
        places+=("$to") from=$to
    done
    is_there "$2" 2 "${places[@]}"
}
# An engine has the config that the image has for this platform, and gives it back.
engine_keeps() { # KIND CONFIG
    local step from to places=()
    for step in oci-1:docker-archive-20 oci-archive-3:docker-daemon-21 registry-5:docker-daemon-22 docker-archive-20:docker-daemon-23 \
        docker-daemon-21:docker-archive-24 docker-daemon-21:registry-25 docker-archive-20:oci-26 docker-daemon-23:oci-archive-27; do
        from=${step%:*} to=${step#*:}
        to=$(place "${to%-*}" "$1-${to##*-}")
        hop --platform linux/amd64 "$(place "${from%-*}" "$1-${from##*-}")" "$to" || return
        places+=("$to")
    done
    is_there "$2" 3 "${places[@]}"
}
engine_refuses() { # KIND
    local to
    for to in docker-archive docker-daemon; do
        refusal 2 'cannot copy' 'hint: ' "$BAREBOAT" copy --all-platforms "oci:$AREA/kinds:$1" "$(place "$to" "$1-none")" || return
    done
    ! [ -e "$AREA/$1-none.docker.tar" ] && ! docker image inspect "kinds/$1-none:1.0" >/dev/null 2>&1
}
archive_keeps() { is_there "$2" 2 "$(place oci "$1-26")"; }

while read -r kind digest held; do
    check "$kind: through layouts, archives and registries, as it is" keeps "$kind" "$digest" || continue
    config=$(holds "oci:$AREA/kinds:$kind" | cut -d ' ' -f 3)
    case $held in
    one) check "$kind: an engine has it, and gives it back" engine_keeps "$kind" "$config" ;;
    several)
        check "$kind: an engine has the one of this platform" engine_keeps "$kind" "$config"
        check "$kind: and not all of it" engine_refuses "$kind"
        ;;
    none) check "$kind: no engine can have it, and none is given a part" engine_refuses "$kind" ;;
    esac
    # Old engines cannot read Zstandard: its layers are unpacked for them, and that takes another manifest.
    case $held:$kind in one:zstd) ;; one:*) check "$kind: a Docker archive has its manifest, too" archive_keeps "$kind" "$digest" ;; esac
    # Gone before the next comes, or all of it would be there already.
    rm -rf "$AREA/$kind"-*
done <"$AREA/list"

# What is attached goes along, and what is attached to that.
signed=$(awk '$1 == "signed" {print $2}' "$AREA/list")
notes=$(jq -r '.manifests[-2:][].digest' "$AREA/kinds/index.json" | sort)
check "a registry with the referrers API starts" go_registry lists || exit 0
attached() { # PLACE: each attachment is there, whole.
    local place=$1 before=@
    case $place in oci*) before=: ;; esac
    holds $(printf "${place%:*}$before%s " $notes) >/dev/null || return
    same "$("$BAREBOAT" referrers --format json "$place" | jq -r '.attachments[].digest' | sort)" "$notes"
}
from=oci:$AREA/kinds:signed
for to in oci:signed oci-archive:signed.tar plain/one lists/one plain/two oci:again lists/two lists/three oci-archive:again.tar oci:last; do
    case $to in
    plain*) place=$registry/signed/${to#*/}:1.0 ;;
    lists*) place=127.0.0.1:$PORT/signed/${to#*/}:1.0 ;;
    *) place=${to%:*}:$AREA/signed-${to#*:}:1.0 ;;
    esac
    check "what is attached comes along to $to" eval 'hop --with-referrers "$from" "$place" && is_there "$signed" 2 "$place" && attached "$place"'
    from=$place
done
of_type() { "$BAREBOAT" referrers --format json --artifact-type "$2" "$1" | jq '.attachments | length'; }
of_one_type() {
    for place in "$registry/signed/two:1.0" "127.0.0.1:$PORT/signed/three:1.0" "oci:$AREA/signed-last:1.0"; do
        same "$(of_type "$place" application/vnd.example.note) $(of_type "$place" application/vnd.example+other)" '2 0' || { echo "$place"; return 1; }
    done
}
check "it is listed by its artifact type, in registries of both kinds and in a layout" of_one_type
check "an engine has no place for it, which is told" eval '
    "$BAREBOAT" copy --with-referrers "$from" "docker-archive:$AREA/signed.docker.tar" 2>&1 | grep "no place at the destination for the 2 things attached"'
