# What the tool does in place of maintainer scripts, against roots that mmdebstrap installed with all scripts run: ten of the
# forty packages of effects-measure (docs/effects.md has all of them).
. "$(dirname "$0")/lib.sh"

ten=(nginx redis-server haproxy memcached unbound bind9 php8.4-fpm apache2 mosquitto rsync)

archive_mirror "$AREA/mirror" || exit 1

measured() {
    "$LIVE/effects-measure" --keep "$AREA/measure" --jobs 3 "${ten[@]}" >"$AREA/measured" || { cat "$AREA/measured"; return 1; }
    # A package of which nothing was reproduced would not have been measured.
    [ "$(grep -cE '^[a-z0-9.-]+: [0-9]+ paths made by scripts, [1-9][0-9]* the same' "$AREA/measured")" -eq ${#ten[@]} ] ||
        { cat "$AREA/measured"; return 1; }
}
check "images of ten server packages are what a real installation is" measured

rules_are_in_docs() {
    cp "$PROJECT/docs/effects.md" "$AREA/effects.md"
    "$LIVE/effects-measure" --docs "$AREA/effects.md" --rules-only
    diff -u "$PROJECT/docs/effects.md" "$AREA/effects.md"
}
check "docs/effects.md has the rules of what is left out" rules_are_in_docs

told() {
    "$BAREBOAT" effects nginx-common --suite trixie >"$AREA/told"
    matches "$(cat "$AREA/told")" "modes \(www-data:adm /var/log/nginx/access.log\)" &&
        matches "$(cat "$AREA/told")" "services: postinst:"
}
check "bareboat effects tells what nginx's scripts do" told
refuses "a package that is none is refused with the nearest" "no package \`ngnix\`" "did you mean \`nginx\`" -- \
    "$BAREBOAT" effects ngnix --suite trixie
end_mirror
rm -rf "$AREA/measure"
