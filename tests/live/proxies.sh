# Registries behind proxies of the environment, as firms have them; and layers that only their owner hands out, by https.
. "$(dirname "$0")/lib.sh"

export HOME=$AREA/home BAREBOAT_CACHE=$AREA/cache
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy
mkdir -p "$HOME"
digest_at() { inspect --raw "$@" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }

image=$AREA/image
top=$(python3 "$PROJECT/bench/image.py" "$image:1.0" --megabytes 3 --layers 3)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=authority' -keyout "$AREA/ca.key" -out "$AREA/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=registry' -keyout "$AREA/tls.key" -out "$AREA/tls.csr" 2>/dev/null
openssl x509 -req -in "$AREA/tls.csr" -CA "$AREA/ca.pem" -CAkey "$AREA/ca.key" -CAcreateserial -days 2 -out "$AREA/tls.pem" \
    -extfile <(printf 'subjectAltName=DNS:registry.test,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n') 2>/dev/null
export SSL_CERT_FILE=$AREA/ca.pem
check "a registry with TLS starts" docker_registry tls "  tls: {certificate: $AREA/tls.pem, key: $AREA/tls.key}" || exit 0
tls=$PORT
# By default this one takes no manifest with addresses in it.
check "and one without" docker_registry plain 'validation: {manifests: {urls: {allow: ["^https://127[.]0[.]0[.]1:"]}}}' || exit 0
plain=$PORT

# The name is the proxy's alone: whoever goes there without it does not find the way.
printf '127.0.0.1 localhost registry.test\n' >"$AREA/hosts"
proxy() { # NAME [LINE]: tinyproxy. Sets PROXY (port) and its log, LOG.
    PROXY=$(free_port) LOG=$AREA/$1.log
    printf 'Port %s\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogLevel Connect\nLogFile "%s"\n%s\n' "$PROXY" "$LOG" "${2:-}" >"$AREA/$1.conf"
    served "$AREA/$1.out" "$PROXY" unshare --mount sh -c 'mount --bind "$0" /etc/hosts && exec tinyproxy -d -c "$1"' "$AREA/hosts" "$AREA/$1.conf"
}
asked() { grep -cE "(CONNECT|GET|HEAD|POST|PUT|PATCH) [^ ]*$1" "$LOG"; }
check "a proxy starts" proxy open || exit 0
open=$PROXY
refuses "without the proxy nobody knows the registry" 'registry.test' -- "$BAREBOAT" push --timeout 5 --retries 0 "oci:$image:1.0" "registry.test:$tls/app:1.0"
check "an image is pushed through it" env HTTPS_PROXY="http://127.0.0.1:$open" "$BAREBOAT" push "oci:$image:1.0" "registry.test:$tls/app:1.0"
check "which passes on what it cannot read" eval '[ "$(asked "registry.test:$tls")" -gt 0 ] && ! grep -q "/v2/" "$LOG"'
check "and pulled" env https_proxy="127.0.0.1:$open" "$BAREBOAT" pull "registry.test:$tls/app:1.0" "oci:$AREA/pulled:1.0"
check "as it is" same "$(digest_at "oci:$AREA/pulled:1.0")" "$top"
check "without TLS, too" env HTTP_PROXY="http://127.0.0.1:$open" "$BAREBOAT" --plain-http push "oci:$image:1.0" "registry.test:$plain/app:1.0"
check "by the same proxy" eval '[ "$(asked "registry.test:$plain")" -gt 0 ]'
: >"$LOG"
check "ALL_PROXY stands for both" env ALL_PROXY="http://127.0.0.1:$open" "$BAREBOAT" list "registry.test:$tls/app"
check "and is asked" eval '[ "$(asked "registry.test:$tls")" -gt 0 ]'
: >"$LOG"
refuses "NO_PROXY names who is reached without" 'registry.test' -- \
    env ALL_PROXY="http://127.0.0.1:$open" NO_PROXY=.example,registry.test "$BAREBOAT" list --timeout 5 --retries 0 "registry.test:$tls/app"
check "and the proxy did not hear of it" same "$(asked registry.test)" 0
check "this machine's own registries need no NO_PROXY" env ALL_PROXY="http://127.0.0.1:$open" "$BAREBOAT" list "127.0.0.1:$plain/app"
check "and the proxy did not hear of them" same "$(asked 127.0.0.1)" 0
refuses "a proxy that is not there is told" 'proxy|refused' -- \
    env ALL_PROXY=http://127.0.0.1:1 "$BAREBOAT" list --timeout 5 --retries 0 "registry.test:$tls/app"
check "a proxy with a password starts" proxy closed 'BasicAuth captain correcthorse' || exit 0
refuses "and wants it" '407' -- \
    env HTTPS_PROXY="http://127.0.0.1:$PROXY" "$BAREBOAT" list --retries 0 "registry.test:$tls/app"
check "with it, it passes on" env HTTPS_PROXY="http://captain:correcthorse@127.0.0.1:$PROXY" "$BAREBOAT" list "registry.test:$tls/app"
check "what is asked for" eval '[ "$(asked "registry.test:$tls")" -gt 0 ]'
said=$(env HTTPS_PROXY="http://captain:wrong@127.0.0.1:$PROXY" "$BAREBOAT" -v list --retries 0 "registry.test:$tls/app" 2>&1)
check "a wrong one is told" matches "$said" "the proxy refuses: .*40[17]"
check "and not written anywhere" eval '! grep -q "captain:wrong" <<<"$said"'

# A layer that the manifest names with an address.
mkdir -p "$AREA/owner"
python3 - "$image" "$AREA/owner" "$AREA/foreign" <<'END'
import hashlib, json, pathlib, shutil, sys
image, owner, out = map(pathlib.Path, sys.argv[1:])
blob = lambda folder, digest: folder / "blobs/sha256" / digest.split(":")[1]
shutil.copytree(image, out)
index = json.loads((out / "index.json").read_text())
manifest = json.loads(blob(out, index["manifests"][0]["digest"]).read_text())
for number, layer in enumerate(manifest["layers"][:2]):
    layer["mediaType"] = layer["mediaType"].replace("layer.v1", "layer.nondistributable.v1")
    if number == 0:
        layer["urls"] = ["https://127.0.0.1:PORT/layer"]
        blob(out, layer["digest"]).rename(owner / "layer")
(out / "manifest.json").write_text(json.dumps(manifest))
END
cat >"$AREA/owner.py" <<'END'
import functools, http.server, pathlib, ssl, sys
port, folder, certificate, key = sys.argv[1:]
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        moved = pathlib.Path(folder, "moved")
        if not moved.exists():
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", moved.read_text())
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), functools.partial(Handler, directory=folder))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
END
owner=$(free_port)
check "the owner of a layer hands it out" served "$AREA/owner.log" "$owner" python3 "$AREA/owner.py" "$owner" "$AREA/owner" "$AREA/tls.pem" "$AREA/tls.key" || exit 0
python3 - "$AREA/foreign" "$owner" <<'END'
import hashlib, json, pathlib, sys
out, port = pathlib.Path(sys.argv[1]), sys.argv[2]
written = (out / "manifest.json").read_text().replace("PORT", port).encode()
(out / "manifest.json").unlink()
digest = hashlib.sha256(written).hexdigest()
(out / "blobs/sha256" / digest).write_bytes(written)
index = json.loads((out / "index.json").read_text())
index["manifests"][0].update(digest=f"sha256:{digest}", size=len(written))
(out / "index.json").write_text(json.dumps(index))
END
foreign=$(digest_at "oci:$AREA/foreign:1.0")
fetched() { grep -c 'GET /layer' "$AREA/owner.log"; }
raw=$(inspect --raw "oci:$AREA/foreign:1.0")
theirs=$(jq -r '.layers[0].digest' <<<"$raw") kept=$(jq -r '.layers[1].digest' <<<"$raw")
check "an image with it goes to a registry" "$BAREBOAT" copy "oci:$AREA/foreign:1.0" "127.0.0.1:$plain/foreign:1.0"
check "as it is" same "$(digest_at --tls-verify=false "docker://127.0.0.1:$plain/foreign:1.0")" "$foreign"
there() { curl -s -o /dev/null -w '%{http_code}' -I "http://127.0.0.1:$plain/v2/$1/blobs/$2"; }
check "without the layer that has an address" same "$(there foreign "$theirs")" 404
check "with the one that has none" same "$(there foreign "$kept")" 200
check "skopeo does the same" eval 'skopeo --insecure-policy copy --dest-tls-verify=false "oci:$AREA/foreign:1.0" "docker://127.0.0.1:$plain/skopeo:1.0" &&
    same "$(there skopeo "$theirs") $(there skopeo "$kept")" "404 200"'
check "it comes back to a layout" "$BAREBOAT" copy "127.0.0.1:$plain/foreign:1.0" "oci:$AREA/foreign-back:1.0"
check "and nobody asked the owner" same "$(fetched)" 0
check "who looks into it does" eval '"$BAREBOAT" inspect --tree / "oci:$AREA/foreign-back:1.0" >"$AREA/looked"'
check "once" same "$(fetched)" 1
check "and sees what the image has" eval '"$BAREBOAT" inspect --tree / "oci:$image:1.0" | cmp - "$AREA/looked" && [ -s "$AREA/looked" ]'
refuses "an engine's archive cannot have it" 'its owner alone hands out' -- "$BAREBOAT" copy "oci:$AREA/foreign:1.0" "docker-archive:$AREA/none.tar"
printf 'something else' >"$AREA/owner/layer"
export BAREBOAT_CACHE=$AREA/cache-other
refuses "what else the owner sends is refused" "127.0.0.1:$owner/layer" -- "$BAREBOAT" inspect "oci:$AREA/foreign-back:1.0"
printf 'http://127.0.0.1:%s/layer' "$plain" >"$AREA/owner/moved"
refuses "one who sends us on without encryption, too" 'from https to .http://127.0.0.1:.*without encryption' -- \
    "$BAREBOAT" inspect "oci:$AREA/foreign-back:1.0"
refuses "and who cannot prove to be the owner" 'authority that is not known' -- \
    env -u SSL_CERT_FILE "$BAREBOAT" inspect "oci:$AREA/foreign-back:1.0"
