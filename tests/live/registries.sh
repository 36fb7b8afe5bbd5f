# Registries as they are out there: plain, with TLS, with passwords, passing on to another, with the referrers API. Each request that
# is sent is one that the distribution specification names, with what it wants to be told.
. "$(dirname "$0")/lib.sh"

# Settings of this topic alone, for bareboat and skopeo alike.
export HOME=$AREA/home BAREBOAT_CACHE=$AREA/cache
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
mkdir -p "$HOME/.config/containers"

forget() { rm -rf "$AREA/cache"; }
digest_at() { inspect --raw "$@" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
at() { digest_at --tls-verify=false "docker://$1"; }
blob_bytes() { jq -s '[.[] | select(.path | test("/blobs/")) | .sent + .received] | add // 0' "$1"; }
specified() { python3 "$LIVE/specified.py" "$@"; }

image=$AREA/image
top=$(python3 "$PROJECT/bench/image.py" "$image:1.0" --megabytes 12 --layers 5)
many=$(python3 "$PROJECT/bench/image.py" "$AREA/many:1.0" --megabytes 4 --layers 3 --platforms linux/amd64,linux/arm64)

# A registry without anything, behind a proxy that takes notes.
check "Debian's registry starts" docker_registry plain || exit 0
plain=$PORT
check "and a proxy in front of it" proxied notes "$plain" || exit 0
notes=$REQUESTS
check "an image is pushed" "$BAREBOAT" push "oci:$image:1.0" "$PROXY/team/app:1.0"
check "skopeo finds it there, with its digest" same "$(at "$PROXY/team/app:1.0")" "$top"
check "skopeo copies it out of there, checking every digest" \
    skopeo --insecure-policy copy --src-tls-verify=false "docker://127.0.0.1:$plain/team/app:1.0" "dir:$AREA/skopeo"
sent=$(blob_bytes "$notes")
check "it is pushed again" "$BAREBOAT" push "oci:$image:1.0" "$PROXY/team/app:1.0"
check "and no blob with it" same "$(blob_bytes "$notes")" "$sent"
check "it is pushed to another repository" "$BAREBOAT" push "oci:$image:1.0" "$PROXY/team/other:1.0"
forget
check "it is copied from one repository to another" "$BAREBOAT" copy "$PROXY/team/app:1.0" "$PROXY/team/mounted:2.0"
check "whose layers are mounted there" same \
    "$(jq -s '[.[] | select(.query.mount and (.path | startswith("/v2/team/mounted/")) and .status == 201)] | length >= 5' "$notes")" true
check "and not sent" same "$(jq -s '[.[] | select(.path | startswith("/v2/team/mounted/blobs/")) | .sent] | add' "$notes")" 0
forget
check "an image is pulled" "$BAREBOAT" pull "$PROXY/team/app:1.0" "oci:$AREA/pulled:1.0"
check "as it is" same "$(digest_at "oci:$AREA/pulled:1.0")" "$top"
check "umoci unpacks what was pulled" umoci unpack --rootless --image "$AREA/pulled:1.0" "$AREA/bundle"
check "it is pulled by its digest" "$BAREBOAT" pull "$PROXY/team/app@$top" "oci:$AREA/by-digest:1.0"
check "all platforms are pushed" "$BAREBOAT" copy --all-platforms "oci:$AREA/many:1.0" "$PROXY/team/many:1.0"
check "under the index that they are in" same "$(at "$PROXY/team/many:1.0")" "$many"
check "one platform is pulled" "$BAREBOAT" copy --platform linux/arm64 "$PROXY/team/many:1.0" "oci:$AREA/arm:1.0"
check "which is what skopeo takes for it" same "$(inspect --config "oci:$AREA/arm:1.0" | jq -r .architecture)" arm64
check "a tag is added" "$BAREBOAT" tag "$PROXY/team/app:1.0" stable
check "tags are listed" same "$("$BAREBOAT" list "$PROXY/team/app" | sort | tr '\n' ' ')" "1.0 stable "
inspect --raw "oci:$image:1.0" >"$AREA/manifest.json"
curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@$AREA/manifest.json" \
    "http://127.0.0.1:$plain/v2/team/app/manifests/many-[1-1100]" >/dev/null
check "also when there are many" same "$("$BAREBOAT" list "$PROXY/team/app" | grep -c '^many-')" 1100
check "a tag that is not there is named" same "$("$BAREBOAT" copy "$PROXY/team/app:9" "oci:$AREA/none" 2>&1 | grep -c 'team/app:9')" 1
refuses "a tag alone cannot be deleted there" 'hint: .*by digest' -- "$BAREBOAT" delete "$PROXY/team/mounted:2.0"
check "an image can, by its digest" "$BAREBOAT" delete "$PROXY/team/mounted@$top"
refuses "and is gone" 'team/mounted:2.0' -- "$BAREBOAT" pull "$PROXY/team/mounted:2.0" "oci:$AREA/none"
check "all that was asked of the registry is in the specification" \
    specified "$notes" end-2 end-3 end-4a end-6 end-7 end-8 end-9 end-11
# METHOD PATH QUERY HEADERS: none of these is, so that it is known what the check is worth.
while read -r method path query headers; do
    jq -nc --arg method "$method" --arg path "/v2/$path" --argjson query "$query" --argjson headers "$headers" \
        '{method: $method, path: $path, query: $query, headers: $headers, status: 200, sent: 1, received: 0}' >"$AREA/wrong"
    check "that would not be: $method $path $query" eval '! specified "$AREA/wrong"'
done <<'END'
GET _catalog {} {}
GET team/app/manifests/1.0 {} {}
GET Team/app/blobs/sha256:0 {} {}
HEAD team/app/tags/list {} {}
DELETE team/app/tags/1.0 {} {}
POST team/app/blobs/uploads/ {} {"content-length":"5"}
POST team/app/blobs/uploads/ {"from":"team/other"} {"content-length":"0"}
PATCH team/app/blobs/uploads/1 {} {"content-type":"application/octet-stream","content-length":"5"}
PATCH team/app/blobs/uploads/1 {} {"content-type":"application/octet-stream","content-length":"5","content-range":"bytes=0-4"}
PUT team/app/blobs/uploads/1 {} {"content-type":"application/octet-stream","content-length":"5"}
PUT team/app/blobs/uploads/1 {"digest":"sha256:0"} {"content-length":"5"}
PUT team/app/manifests/1.0 {} {"content-length":"5"}
GET team/app/tags/list {"page":"2"} {}
GET team/app/referrers/1.0 {} {}
END

# A way on which no blob goes whole, and on which a piece is broken off.
large=$(python3 "$PROJECT/bench/image.py" "$AREA/large:1.0" --megabytes 40 --layers 1)
check "a way that takes no blob whole starts" proxied pieces "$plain" --largest 20000000 --break PATCH=9000000 || exit 0
check "an image goes in pieces" "$BAREBOAT" push "oci:$AREA/large:1.0" "$PROXY/team/large:1.0"
check "and is there" same "$(at "127.0.0.1:$plain/team/large:1.0")" "$large"
check "each piece is as specified, and the question how far the broken one got" specified "$REQUESTS" end-4a end-5 end-6 end-7 end-13
check "nothing that arrived was sent twice" eval '[ "$(blob_bytes "$REQUESTS")" -lt $((60 * 1000 * 1000)) ]'

# What goes wrong between here and there.
check "a proxy that breaks every transfer off starts" proxied cut "$plain" --cut 'GET .*/blobs/=700000' || exit 0
forget
check "what was broken off is gone on with" "$BAREBOAT" pull "$PROXY/team/app:1.0" "oci:$AREA/cut:1.0"
check "and whole in the end" same "$(digest_at "oci:$AREA/cut:1.0")" "$top"
check "without fetching anything twice" eval '[ "$(blob_bytes "$REQUESTS")" -lt $((13 * 1000 * 1000)) ]'
check "by asking for what is missing" specified "$REQUESTS" end-2 end-3
check "a registry that is too busy starts" proxied busy "$plain" --answer '/blobs/=429:3:1' --answer '/manifests/=503:2' || exit 0
forget
started=$SECONDS
check "a registry that is too busy for a moment is waited for" "$BAREBOAT" pull "$PROXY/team/app:1.0" "oci:$AREA/busy:1.0"
check "as long as it says" eval '[ $((SECONDS - started)) -ge 1 ] && [ $((SECONDS - started)) -le 20 ]'
check "one that names the time of day starts" proxied later "$plain" --answer '/manifests/=429:1:3d' || exit 0
forget
started=$SECONDS
check "it is waited for, too" "$BAREBOAT" pull "$PROXY/team/app:1.0" "oci:$AREA/later:1.0"
check "until then" eval '[ $((SECONDS - started)) -ge 2 ] && [ $((SECONDS - started)) -le 20 ]'
check "a registry that is too busy for long starts" proxied long "$plain" --answer '/manifests/=429:9:3600' || exit 0
refuses "an hour is not waited" '429.*in 3600 s' -- timeout 20 "$BAREBOAT" pull "$PROXY/team/app:1.0" "oci:$AREA/none"
check "a way that lets no whole blob through starts" proxied pieces "$plain" --answer 'PUT .*/blobs/uploads/=413:1' || exit 0
check "a blob goes in pieces where it must" "$BAREBOAT" push "oci:$image:1.0" "$PROXY/team/pieces:1.0"
check "and the image is whole" same "$(at "127.0.0.1:$plain/team/pieces:1.0")" "$top"
check "by what the specification says of pieces" specified "$REQUESTS" end-5 end-6
check "a registry that breaks down starts" proxied broken "$plain" --answer 'GET .*/blobs/=500' || exit 0
forget
refuses "a registry that breaks down for good is told" '500' "$PROXY/team/app" -- \
    timeout 120 "$BAREBOAT" pull "$PROXY/team/app:1.0" "oci:$AREA/broken:1.0"
check "and nothing was written" eval '! test -e "$AREA/broken"'
check "a registry that falls silent starts" proxied silent "$plain" --stall 'GET .*/blobs/' || exit 0
refuses "a registry that falls silent is given up" "$PROXY" -- \
    timeout 60 "$BAREBOAT" pull --timeout 1 "$PROXY/team/app:1.0" "oci:$AREA/silent:1.0"
check "and nothing was written for it" eval '! test -e "$AREA/silent"'
refuses "nobody listening is told" '127.0.0.1:1' -- "$BAREBOAT" pull --timeout 1 127.0.0.1:1/team/app:1.0 "oci:$AREA/none"

# With TLS, and an authority that only this topic knows.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=authority' -keyout "$AREA/ca.key" -out "$AREA/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=registry' -keyout "$AREA/tls.key" -out "$AREA/tls.csr" 2>/dev/null
openssl x509 -req -in "$AREA/tls.csr" -CA "$AREA/ca.pem" -CAkey "$AREA/ca.key" -CAcreateserial -days 2 -out "$AREA/tls.pem" \
    -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n') 2>/dev/null
check "a registry with TLS starts" docker_registry tls "  tls: {certificate: $AREA/tls.pem, key: $AREA/tls.key}" || exit 0
tls=127.0.0.1:$PORT
refuses "an authority that nobody knows is not trusted" "$tls" -- "$BAREBOAT" push "oci:$image:1.0" "$tls/app:1.0"
mkdir -p "$HOME/.config/containers/certs.d/$tls"
cp "$AREA/ca.pem" "$HOME/.config/containers/certs.d/$tls/ca.crt"
check "one in certs.d is" "$BAREBOAT" push "oci:$image:1.0" "$tls/app:1.0"
check "as it is for skopeo" same "$(digest_at "docker://$tls/app:1.0")" "$top"
check "one that wants to know who we are starts" docker_registry clients \
    "  tls: {certificate: $AREA/tls.pem, key: $AREA/tls.key, clientcas: [$AREA/ca.pem]}" || exit 0
clients=127.0.0.1:$PORT
mkdir -p "$HOME/.config/containers/certs.d/$clients"
cp "$AREA/ca.pem" "$HOME/.config/containers/certs.d/$clients/ca.crt"
refuses "without a certificate nothing is to be had" 'the server wants a certificate of ours' -- "$BAREBOAT" push "oci:$image:1.0" "$clients/app:1.0"
cp "$AREA/tls.pem" "$HOME/.config/containers/certs.d/$clients/client.cert"
cp "$AREA/tls.key" "$HOME/.config/containers/certs.d/$clients/client.key"
check "with one in certs.d it is" "$BAREBOAT" push "oci:$image:1.0" "$clients/app:1.0"
check "and for skopeo from the same folder" same "$(digest_at "docker://$clients/app:1.0")" "$top"
check "by its other name it is not" eval '! "$BAREBOAT" pull "localhost:${tls#*:}/app:1.0" "oci:$AREA/none" 2>/dev/null'

# With passwords.
htpasswd -Bbn captain 'correct horse' >"$AREA/htpasswd" 2>/dev/null
check "a registry with passwords starts" docker_registry auth "auth: {htpasswd: {realm: quay, path: $AREA/htpasswd}}" || exit 0
auth=127.0.0.1:$PORT
refuses "without a password nothing is to be had" "$auth" 'login' -- "$BAREBOAT" push "oci:$image:1.0" "$auth/app:1.0"
refuses "a wrong password is refused" "$auth" -- eval 'echo wrong | "$BAREBOAT" login "$auth" --user captain --password-stdin'
check "and not kept" eval '! grep -rqs "$auth" "$HOME"'
check "the right one is taken" eval 'echo "correct horse" | "$BAREBOAT" login "$auth" --user captain --password-stdin'
check "and kept for nobody else" same "$(grep -rl "$auth" "$HOME" | xargs stat -c %a | sort -u)" 600
check "it is used" "$BAREBOAT" push "oci:$image:1.0" "$auth/app:1.0"
check "skopeo reads it, too" eval 'skopeo login --get-login --authfile "$(grep -rl "$auth" "$HOME" | head -n 1)" "$auth" | grep -qx captain'
said=$("$BAREBOAT" -v pull "$auth/app:1.0" "oci:$AREA/auth:1.0" 2>&1)
check "and never told" eval '! grep -qE "correct horse|$(printf "captain:correct horse" | base64)" <<<"$said"'
check "it is forgotten" "$BAREBOAT" logout "$auth"
forget
refuses "and nothing is to be had again" "$auth" -- "$BAREBOAT" pull "$auth/app:1.0" "oci:$AREA/none"
check "what skopeo keeps is used" eval \
    'skopeo login --tls-verify=false --authfile "$HOME/.config/containers/auth.json" -u captain -p "correct horse" "$auth" &&
     "$BAREBOAT" pull "$auth/app:1.0" "oci:$AREA/auth-skopeo:1.0"'

# Passing on to another.
check "a registry that passes on to another starts" docker_registry through "proxy: {remoteurl: 'http://127.0.0.1:$plain'}" || exit 0
through=$PORT
forget
check "an image is pulled through it" "$BAREBOAT" pull "127.0.0.1:$through/team/app:1.0" "oci:$AREA/through:1.0"
check "as the other has it" same "$(digest_at "oci:$AREA/through:1.0")" "$top"
cat >"$HOME/.config/containers/registries.conf" <<END
[[registry]]
location = "registry.test"
[[registry.mirror]]
location = "127.0.0.1:1"
insecure = true
[[registry.mirror]]
location = "127.0.0.1:$through"
insecure = true
END
forget
check "a mirror is asked in place of the registry, the next if one does not answer" \
    "$BAREBOAT" pull --timeout 5 registry.test/team/app:1.0 "oci:$AREA/mirrored:1.0"
check "and has the same" same "$(digest_at "oci:$AREA/mirrored:1.0")" "$top"
check "a place between that takes notes starts" proxied mirror "$plain" || exit 0
cat >"$HOME/.config/containers/registries.conf" <<END
[[registry]]
location = "localhost:${tls#*:}"
insecure = true
[[registry]]
location = "127.0.0.1:$plain"
[[registry.mirror]]
location = "$PROXY"
END
check "pushes go to the registry itself" "$BAREBOAT" push "oci:$image:1.0" "127.0.0.1:$plain/team/home:1.0"
check "and not to a mirror" same "$(wc -c <"$REQUESTS")" 0
forget
check "where pulls go" eval '"$BAREBOAT" pull "127.0.0.1:$plain/team/home:1.0" "oci:$AREA/home-again:1.0" && [ -s "$REQUESTS" ]'
check "where the file says insecure, any certificate is taken" "$BAREBOAT" push "oci:$image:1.0" "localhost:${tls#*:}/app:2.0"
rm "$HOME/.config/containers/registries.conf"

# Attachments: with the referrers API, and where a tag stands in for it.
check "a registry with the referrers API starts" go_registry first || exit 0
behind=127.0.0.1:$PORT
check "and a proxy in front of it" proxied referrers "$PORT" || exit 0
first=$PROXY
check "an image is pushed there" "$BAREBOAT" push "oci:$image:1.0" "$first/team/app:1.0"
curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@$AREA/manifest.json" \
    "http://$behind/v2/team/app/manifests/many-[1-1100]" >/dev/null
check "many tags are listed there, page by page" same "$("$BAREBOAT" list "$first/team/app" | grep -c '^many-')" 1100
printf '{}' >"$AREA/empty"
empty=sha256:$(sha256sum "$AREA/empty" | cut -d' ' -f1)
upload=$(curl -sfi -X POST "http://$behind/v2/team/app/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
curl -sf -X PUT --data-binary '{}' -H 'Content-Type: application/octet-stream' "http://$behind${upload#http://"$behind"}?digest=$empty"
jq -n --arg top "$top" --argjson size "$(stat -c %s "$image/blobs/sha256/${top#*:}")" --arg empty "$empty" '
    {schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: "application/vnd.example.note",
     config: {mediaType: "application/vnd.oci.empty.v1+json", digest: $empty, size: 2},
     layers: [{mediaType: "application/vnd.oci.empty.v1+json", digest: $empty, size: 2}],
     subject: {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $top, size: $size}}' >"$AREA/note.json"
note=sha256:$(sha256sum "$AREA/note.json" | cut -d' ' -f1)
check "something is attached to it" curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    --data-binary "@$AREA/note.json" "http://$behind/v2/team/app/manifests/$note"
: >"$REQUESTS"
check "with what is attached it is copied to a registry without the API" \
    "$BAREBOAT" copy --with-referrers "$first/team/app:1.0" "127.0.0.1:$plain/attached/app:1.0"
check "where a tag names it" same \
    "$(inspect --raw --tls-verify=false "docker://127.0.0.1:$plain/attached/app:${top/:/-}" | jq -r '.manifests[0].digest')" "$note"
check "from there, to a layout" "$BAREBOAT" copy --with-referrers "127.0.0.1:$plain/attached/app:1.0" "oci:$AREA/attached:1.0"
check "and from that to a registry with the API" "$BAREBOAT" copy --with-referrers "oci:$AREA/attached:1.0" "$first/team/again:1.0"
check "which lists it" same "$(curl -sf "http://$behind/v2/team/again/referrers/$top" | jq -r '.manifests[].digest')" "$note"
check "without being asked, nothing attached comes along" eval \
    '"$BAREBOAT" copy "oci:$AREA/attached:1.0" "$first/team/bare:1.0" && ! curl -sf "http://$behind/v2/team/bare/manifests/$note" >/dev/null'
check "all that was asked of it is in the specification, too" specified "$REQUESTS" end-3 end-12
