# What the other topics need is here.
. "$(dirname "$0")/lib.sh"

for tool in skopeo umoci runc mmdebstrap dockerd docker docker-registry podman buildah htpasswd openssl busybox zstd setcap setfattr gpgv ldconfig \
    readelf jq curl python3 g++ rustc setpriv tar md5sum dpkg-deb tinyproxy; do
    check "$tool is installed" command -v "$tool"
done
check "the shared test data is beside the project" test -s "$PROJECT/../shared/tests/apt-resolution-roots.txt"
check "a registry with the referrers API was built" test -x "${GO_REGISTRY:-}"
check "dive's images are beside the project" test -s "${DIVE_IMAGES:-$PROJECT/../shared/tests/dive}/test-docker-image.tar"
check "this machine's APT sources name a Debian mirror" test -n "$UPSTREAM"
check "this machine's APT sources name a mirror of the security archive" test -n "$UPSTREAM_SECURITY"
check "the suite runs as root" same "$(id -u)" 0
