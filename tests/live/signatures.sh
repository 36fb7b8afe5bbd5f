# Nothing unverified: the real archive passes, and one flipped bit anywhere stops the build before anything is written.
. "$(dirname "$0")/lib.sh"

recipe=$AREA/recipe
recipe_copy static_trixie "$recipe"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
build() { "$BAREBOAT" build "$recipe" --platform linux/amd64 --cache "$AREA/cache"; }
no_output() { ! test -e "$recipe/.bareboat"; }
no_lock() { ! test -e "$recipe/bareboat.lock"; }

refused_by() { # WHAT FLIPPED PATTERN…
    local what=$1 flipped=$2
    shift 2
    archive_mirror "$AREA/mirror" --flip "$flipped"
    refuses "$what is refused" "$@" -- build
    check "$what leaves no output" no_output
    end_mirror
}

refused_by "a flipped bit in a Release" '^dists/trixie/(InRelease|Release)$' 'signature'
refused_by "a flipped bit in an index" '^dists/trixie/main/binary-amd64/' 'expected .*[0-9a-f]{64}' 'found .*[0-9a-f]{64}'
check "neither leaves a lock" no_lock
refused_by "a flipped bit in a package" '^pool/main/n/netbase/' 'expected .*[0-9a-f]{64}' 'found .*[0-9a-f]{64}' 'netbase'

archive_mirror "$AREA/mirror"
rm -f "$recipe/bareboat.lock"
BAREBOAT_KEYRING=/usr/share/keyrings/debian-archive-removed-keys.gpg \
    refuses "an archive signed by none of the allowed keys is refused" 'no such key is trusted' -- build
check "the same cache builds once the archive is whole again" build
inrelease=$WORK/mirror-copies/main/dists/trixie/InRelease
check "gpgv accepts the same Release" gpgv --keyring "$keyring" "$inrelease"
released=$(date -u -d "$(sed -n 's/^Date: //p' "$inrelease" | head -n 1)" +%Y-%m-%dT%H:%M:%SZ)
check "the lock names the Release by its date" grep -F "$released" "$recipe/bareboat.lock"
