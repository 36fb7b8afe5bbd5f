# A disk that is really full, for images on their way in and out: one message, no image that is half there, a cache that stays good.
. "$(dirname "$0")/lib.sh"

top=$(python3 "$PROJECT/bench/image.py" "$AREA/image:1.0" --megabytes 12 --layers 5)
check "a registry starts" docker_registry plain || exit 0
name=127.0.0.1:$PORT/app:1.0
export BAREBOAT_CACHE=$AREA/cache
check "an image is pushed" "$BAREBOAT" push "oci:$AREA/image:1.0" "$name"
rm -rf "$AREA/cache"

small=$AREA/small
mkdir "$small"
mount -t tmpfs -o size=7m none "$small"
digest_of() { inspect --raw "$1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
empty_but_for_partials() { find "$small" -mindepth 1 -maxdepth 1 ! -name '.*'; }

# The place that is written to.
for to in "oci:$small/out:1.0" "oci-archive:$small/out:1.0" "docker-archive:$small/out:app:1.0"; do
    kind=${to%%:*}
    refuses "$kind: no room is named" "cannot copy \`.*\` to \`$kind:" 'no space left' -- "$BAREBOAT" copy "oci:$AREA/image:1.0" "$to"
    check "$kind: and no image is there under that name" same "$(empty_but_for_partials)" ""
    rm -rf "$small"/.[!.]*
done
refuses "nor does one that is pulled fit" 'cannot copy' 'no space left' -- "$BAREBOAT" copy "$name" "oci:$small/out:1.0"
check "of which nothing is there either" same "$(empty_but_for_partials)" ""
mount -o remount,size=40m "$small"
check "with room, it goes on" "$BAREBOAT" copy "$name" "oci:$small/out:1.0"
check "and the image is whole" same "$(digest_of "oci:$small/out:1.0")" "$top"

# A layout that is there already keeps what it has.
mount -o remount,size=16m "$small"
other=$(python3 "$PROJECT/bench/image.py" "$AREA/other:2.0" --megabytes 20 --layers 2)
refuses "an image too many is refused" 'no space left' -- "$BAREBOAT" copy "oci:$AREA/other:2.0" "oci:$small/out:2.0"
check "the one that was there is whole" skopeo --insecure-policy copy "oci:$small/out:1.0" "dir:$AREA/kept"
check "and the only one" same "$("$BAREBOAT" list "oci:$small/out")" "1.0"

# A page, on a disk with no room at all.
dd if=/dev/zero of="$small/filler" bs=64k 2>/dev/null
refuses "a page that has no room is named" 'page.html|small' 'no space left' -- "$BAREBOAT" inspect "oci:$AREA/image:1.0" --html "$small/page.html"
check "and not begun" same "$(find "$small" -name '*page*')" ""
rm -rf "$small"/* "$small"/.[!.]*

# The cache.
mount -o remount,size=7m "$small"
export BAREBOAT_CACHE=$small
for command in "copy $name oci-archive:$AREA/out.tar" "inspect $name" "diff $name oci:$AREA/other:2.0" "run $name" "test $name -c $AREA/t.yaml"; do
    printf 'schemaVersion: 2.0.0\nfileExistenceTests:\n- {name: root, path: /}\n' >"$AREA/t.yaml"
    # shellcheck disable=SC2086
    refuses "a cache without room ends ${command%% *}, and says what to do" 'no space left' 'hint: .*BAREBOAT_CACHE' -- "$BAREBOAT" $command
    check "what is in it is good" "$BAREBOAT" cache verify
    check "and no output is there" same "$(find "$AREA" -maxdepth 1 -name '*out.tar*')" ""
done
mount -o remount,size=60m "$small"
check "with room, the same cache will do" "$BAREBOAT" inspect "$name"
check "for a copy, too" "$BAREBOAT" copy "$name" "oci-archive:$AREA/out.tar:1.0"
check "which is whole" same "$(digest_of "oci-archive:$AREA/out.tar:1.0")" "$top"
umount "$small"
