# An image that others made as base: Debian's own minimal system, made by mmdebstrap, put into layers by umoci, one with whiteouts.
. "$(dirname "$0")/lib.sh"

archive_mirror "$AREA/mirror"
sources=("deb $BAREBOAT_MIRROR trixie main" "deb $BAREBOAT_SECURITY_MIRROR trixie-security main")
layout=$AREA/layout
make_base() {
    mmdebstrap --quiet --variant=essential --mode=root --include=libssl3t64,netbase,tzdata trixie "$AREA/root.tar" "${sources[@]}" &&
        umoci init --layout "$layout" && umoci new --image "$layout:debian" &&
        umoci unpack --image "$layout:debian" "$AREA/bundle" &&
        tar -C "$AREA/bundle/rootfs" --exclude='./dev/*' -xf "$AREA/root.tar" &&
        umoci repack --image "$layout:debian" "$AREA/bundle" &&
        umoci unpack --image "$layout:debian" "$AREA/again" &&
        rm -rf "$AREA/again/rootfs/etc/pam.d" && echo second >"$AREA/again/rootfs/etc/second" &&
        umoci repack --image "$layout:debian" "$AREA/again" &&
        umoci config --image "$layout:debian" --config.workingdir /srv --config.env KEPT=yes
}
check "mmdebstrap and umoci make a base" make_base || exit 0

recipe=$AREA/recipe
mkdir -p "$recipe"
cat >"$recipe/bareboat.toml" <<TOML
name = "on-debian"
base = "oci:$layout:debian"
packages = ["python3-minimal"]
[image]
entrypoint = ["/usr/bin/python3", "/app/main.py"]
[[files]]
from = "main.py"
to = "/app/"
TOML
echo 'import os; print(os.getcwd(), os.environ["KEPT"], open("/etc/second").read().strip())' >"$recipe/main.py"
build() { "$BAREBOAT" build "$recipe" --platform linux/amd64 --format json -o "oci:$AREA/out:latest" >"$AREA/summary.json"; }
check "bareboat builds on it" build || exit 0
layers() { inspect --raw "oci:$1" | jq -r '.layers[].digest'; }
check "its layers are taken over as they are" same "$(layers "$AREA/out:latest" | head -n 2)" "$(layers "$layout:debian")"
check "nothing that it has is fetched again" same "$(grep -cE '^name = "(libc6|tzdata|zlib1g)"' "$recipe/bareboat.lock")" 0
check "what it lacks is" grep -q '^name = "python3.13-minimal"' "$recipe/bareboat.lock"
refuses "what a whiteout took away is not there" 'not in the image' -- "$BAREBOAT" build "$recipe" --explain /etc/pam.d/common-auth
check "umoci unpacks the result" umoci unpack --image "$AREA/out:latest" "$WORK/images/on-debian/bundle"
check "and runc runs it" same "$(contained on-debian '.process.user = {uid: 65532, gid: 65532}')" "/srv yes second"
check "dpkg reads the package database of the base in it" \
    eval 'dpkg-query --admindir="$(root_of on-debian)/var/lib/dpkg" -W -f "\${db:Status-Status}\n" libc6 | grep -qx installed'

digest=$(jq -er .digest "$AREA/summary.json")
check "the same again gives the same digest" eval 'build && same "$(jq -er .digest "$AREA/summary.json")" "$digest"'
archives() { tar -C "$layout" -cf "$AREA/base.oci.tar" . && skopeo --insecure-policy copy -q "oci:$layout:debian" "docker-archive:$AREA/base.docker.tar:debian:1"; }
check "skopeo makes an archive of the base" archives
sed -i "s|^base = .*|base = \"oci-archive:$AREA/base.oci.tar:debian\"|" "$recipe/bareboat.toml"
check "as an OCI archive it gives the same digest" eval 'build && same "$(jq -er .digest "$AREA/summary.json")" "$digest"'
sed -i "s|^base = .*|base = \"docker-archive:$AREA/base.docker.tar:debian:1\"|" "$recipe/bareboat.toml"
check "and what Docker would have saved can be built on" build
