# Who is logged in to a registry: with passwords where docker, podman and skopeo keep them, and with helpers.
. "$(dirname "$0")/lib.sh"

export HOME=$AREA/home BAREBOAT_CACHE=$AREA/cache
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF
mkdir -p "$HOME/.docker" "$AREA/bin" "$AREA/kept"

image=$AREA/image
python3 "$PROJECT/bench/image.py" "$image:1.0" --megabytes 1 --layers 1 >/dev/null
htpasswd -Bbn captain 'correct horse' >"$AREA/htpasswd" 2>/dev/null
check "a registry with passwords starts" docker_registry auth "auth: {htpasswd: {realm: quay, path: $AREA/htpasswd}}" || exit 0
host=127.0.0.1:$PORT
lists() { "$BAREBOAT" list "$@" "$host/team/app"; }
log_in() { echo 'correct horse' | "$BAREBOAT" login "$host" --user captain --password-stdin; }
secret=$(printf 'captain:correct horse' | base64)
check "somebody pushes there" eval 'log_in && "$BAREBOAT" push "oci:$image:1.0" "$host/team/app:1.0" && "$BAREBOAT" logout "$host"'
refuses "nobody else is let in" 'bareboat login' -- lists

# The protocol of helpers: the server on standard input, JSON on standard output.
cat >"$AREA/bin/docker-credential-test" <<'END'
#!/bin/sh
cd "${KEPT:?}" || exit 1
case $1 in
store) cat >entry; jq -r .ServerURL entry >"server"; mv entry "$(tr / _ <server)" ;;
get) read -r server; cat "$(printf %s "$server" | tr / _)" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase) read -r server; rm -f "$(printf %s "$server" | tr / _)" ;;
esac
echo "$1" >>../asked
END
chmod +x "$AREA/bin/docker-credential-test"
export PATH=$AREA/bin:$PATH KEPT=$AREA/kept
for setting in '{"credsStore": "test"}' "{\"credHelpers\": {\"$host\": \"test\"}}"; do
    echo "$setting" >"$HOME/.docker/config.json"
    check "with ${setting%%:*}… a helper keeps the password" log_in
    check "and the file does not" eval '! grep -qF "$secret" "$HOME/.docker/config.json"'
    check "the helper is asked for it" eval 'lists && grep -q get "$AREA/asked"'
    check "and forgets it" eval '"$BAREBOAT" logout "$host" && ! lists 2>/dev/null'
done
echo '{"credsStore": "missing"}' >"$HOME/.docker/config.json"
said=$(lists 2>&1)
check "a helper that is not there is told" matches "$said" 'docker-credential-missing'
rm "$HOME/.docker/config.json"

# Files, as others write them.
known() { # FILE KEY: an entry under that key lets in.
    mkdir -p "$(dirname "$1")"
    jq -n --arg key "$2" --arg auth "$secret" '{auths: {($key): {auth: $auth}}}' >"$1"
    lists
    local code=$?
    rm "$1"
    return "$code"
}
check "Docker's file" known "$HOME/.docker/config.json" "$host"
check "with an address for a name, as older ones wrote" known "$HOME/.docker/config.json" "https://$host/v1/"
check "elsewhere" env DOCKER_CONFIG="$AREA/docker" bash -c "$(declare -f known lists); $(declare -p host secret); known '$AREA/docker/config.json' '$host'"
check "containers' file" known "$HOME/.config/containers/auth.json" "$host"
check "for one repository" known "$HOME/.config/containers/auth.json" "$host/team/app"
check "for those below a name" known "$HOME/.config/containers/auth.json" "$host/team"
check "another's is not ours" eval '! known "$HOME/.config/containers/auth.json" "$host/other"'
export XDG_RUNTIME_DIR=$AREA/run
mkdir -p "$XDG_RUNTIME_DIR"
for tool in skopeo podman; do
    check "$tool logs in" "$tool" login --tls-verify=false -u captain -p 'correct horse' "$host"
    check "and lets us in, by the file of the session" eval 'lists && test -s "$XDG_RUNTIME_DIR/containers/auth.json"'
    check "until it logs out" eval '"$tool" logout "$host" && ! lists 2>/dev/null'
done
unset XDG_RUNTIME_DIR
check "the file of the environment counts first" eval 'REGISTRY_AUTH_FILE=$AREA/own.json log_in && REGISTRY_AUTH_FILE=$AREA/own.json lists && ! lists 2>/dev/null'
check "and is skopeo's, too" eval 'skopeo list-tags --tls-verify=false --authfile "$AREA/own.json" "docker://$host/team/app"'
