# The same recipe, lock and files make the same digest, whoever builds them and wherever.
. "$(dirname "$0")/lib.sh"

check "python-ledger builds" built python-ledger || exit 0
check "cpp-wordcount builds" built cpp-wordcount || exit 0
archive_mirror "$AREA/mirror"
export BAREBOAT_MIRROR BAREBOAT_SECURITY_MIRROR

# rebuild EXAMPLE FOLDER [BUILD OPTION…]: in another folder, with the lock of the first build; prints the digest.
rebuild() {
    local example=$1 folder=$2
    shift 2
    mkdir -p "$folder"
    recipe_copy "$example" "$folder/here"
    cp "$WORK/images/$example/recipe/bareboat.lock" "$folder/here"
    build_in "$folder/here" "$@"
}
build_in() { "$BAREBOAT" build "$1" --platform linux/amd64 --locked --format json "${@:2}" | jq -er .digest; }
export -f rebuild build_in recipe_copy
export PROJECT AREA

gives() { # DIGEST COMMAND…
    local expected=$1
    shift
    same "$("$@")" "$expected"
}

for example in python-ledger cpp-wordcount; do
    expected=$(summary "$example" .digest)
    again() { # NAME COMMAND…
        local name=$1
        shift
        check "$example: the same digest $name" gives "$expected" "$@"
    }
    again "from another folder" rebuild "$example" "$AREA/$example/some where else"
    again "with umask 077" bash -c 'umask 077; rebuild "$@"' - "$example" "$AREA/$example/umask-077"
    again "with umask 000" bash -c 'umask 000; rebuild "$@"' - "$example" "$AREA/$example/umask-000"
    again "in another time zone, home and language" \
        env TZ=Pacific/Chatham HOME="$AREA/home" LANG=tr_TR.UTF-8 LC_ALL=C.UTF-8 bash -c 'rebuild "$@"' - "$example" "$AREA/$example/home"
    again "with one thread and nothing cached" rebuild "$example" "$AREA/$example/one-thread" --threads 1 --cache "$AREA/$example/cache-1"
    again "with four threads and nothing cached" rebuild "$example" "$AREA/$example/four-threads" --threads 4 --cache "$AREA/$example/cache-4"
    # The project's own folder may be closed to other users, so the recipe is copied before.
    mkdir -p "$AREA/$example/user"
    recipe_copy "$example" "$AREA/$example/user/here"
    cp "$WORK/images/$example/recipe/bareboat.lock" "$AREA/$example/user/here"
    chown -R 12345:12345 "$AREA/$example/user"
    again "as an ordinary user" setpriv --reuid=12345 --regid=12345 --clear-groups --no-new-privs \
        env HOME="$AREA/$example/user" bash -c 'build_in "$@"' - "$AREA/$example/user/here" --cache "$AREA/$example/user/cache"
done

dated() { SOURCE_DATE_EPOCH=1000000000 rebuild python-ledger "$AREA/dated" -o "oci:$AREA/dated.oci:latest" >/dev/null && inspect "oci:$AREA/dated.oci:latest"; }
check "SOURCE_DATE_EPOCH is the image's date" matches "$(dated | jq -r .Created)" '^2001-09-09T01:46:40'
