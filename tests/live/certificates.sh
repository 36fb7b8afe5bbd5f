# The bundle of certificate authorities is what Debian's own maintainer script makes.
. "$(dirname "$0")/lib.sh"

bundle=etc/ssl/certs/ca-certificates.crt
for suite in trixie bookworm; do
    check "base of $suite builds" built "base_$suite" || continue
    # A real installation: its maintainer scripts run.
    check "mmdebstrap installs ca-certificates in $suite" mmdebstrap --quiet --variant=essential --include=ca-certificates \
        "$suite" "$AREA/$suite.tar" || continue
    check "the bundle is byte-identical to Debian's in $suite" \
        cmp "$(root_of "base_$suite")/$bundle" <(tar -xOf "$AREA/$suite.tar" "./$bundle")
done

corporate=$AREA/corporate
recipe_copy static_trixie "$corporate"
openssl req -x509 -newkey ed25519 -nodes -subj '/CN=Corporate root of the live suite' -days 2 \
    -keyout "$AREA/key.pem" -out "$corporate/corporate.pem" 2>/dev/null
printf '\n[certificates]\nadd = ["corporate.pem"]\n' >>"$corporate/bareboat.toml"
check "a certificate of one's own is added" "$BAREBOAT" build "$corporate" --platform linux/amd64 -o "oci:$AREA/corporate.oci:latest"
check "umoci unpacks that" umoci unpack --image "$AREA/corporate.oci:latest" "$AREA/corporate.bundle"
check "it stands after Debian's own" \
    cmp <(cat "$(root_of base_trixie)/$bundle" "$corporate/corporate.pem") "$AREA/corporate.bundle/rootfs/$bundle"
