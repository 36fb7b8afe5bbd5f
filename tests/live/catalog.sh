# The catalog's promises that no structure test says: what each entry runs, what Java trusts, what busybox is called by, compiled
# Python, and that the check of libraries sees what the real loader sees.
. "$(dirname "$0")/lib.sh"

# In the sandbox, as the image says; arguments replace its command line.
inside() { # NAME PROGRAM [ARGUMENT…]
    local image=$WORK/images/$1/oci program=$2
    shift 2
    "$BAREBOAT" run --quiet --entrypoint "$program" "oci:$image:latest" -- "$@" </dev/null 2>&1
}

if check "java of trixie builds" built java_trixie; then
    root=$(root_of java_trixie)
    check "Java itself reads the trust store, its digest and all" matches \
        "$(inside java_trixie /usr/bin/keytool -list -keystore /etc/ssl/certs/java/cacerts -storepass changeit)" 'contains 14[0-9] entries'
    # The real thing: ca-certificates-java's own aliases and certificates, on a root that its scripts made.
    mmdebstrap --quiet --variant=apt --include=ca-certificates-java,openjdk-21-jre-headless trixie "$AREA/java.tar" >"$AREA/java.log" 2>&1
    mkdir -p "$AREA/java-root" && tar -C "$AREA/java-root" -xf "$AREA/java.tar" ./etc/ssl/certs 2>/dev/null
    fingerprints() { keytool -list -keystore "$1" -storepass changeit 2>/dev/null | grep -oE '(SHA-256|SHA-?1).*' | sort; }
    same_authorities() {
        [ -n "$(fingerprints "$1")" ] && diff <(fingerprints "$1") <(fingerprints "$2")
    }
    check "it trusts the authorities that ca-certificates-java's scripts put in, and no others" \
        same_authorities "$AREA/java-root/etc/ssl/certs/java/cacerts" "$root/etc/ssl/certs/java/cacerts"
    check "java is found by its name" matches "$(inside java_trixie /usr/bin/java -version)" 'openjdk version "21'
fi
check "java of bookworm builds" built java_bookworm &&
    check "and runs" matches "$(inside java_bookworm /usr/bin/java -version)" 'openjdk version "17'
for suite in trixie bookworm; do
    check "nodejs of $suite builds" built "nodejs_$suite" &&
        check "and runs" matches "$(inside "nodejs_$suite" /nodejs/bin/node -p 'require("crypto").randomUUID().length')" '^36$'
done

for suite in trixie bookworm; do
    check "static@debug of $suite builds" built "static@debug_$suite" || continue
    root=$(root_of "static@debug_$suite")
    tools() { "$1/usr/bin/busybox" --list | sort; }
    links() { find "$1/busybox" -type l -printf '%f\n' | grep -vx busybox | sort; }
    # A tool named busybox itself has the link that the others lead to.
    check "each of busybox's tools has its link in $suite" diff <(tools "$root" | grep -vx busybox) <(links "$root")
    check "its shell runs in $suite" same "$(inside "static@debug_$suite" sh -c 'echo $((6 * 7)) | sed s/^/is\ /')" "is 42"
done
check "base@root of trixie builds" built base@root_trixie &&
    check "and is root's" same "$(jq -r '.process.user.uid, .process.cwd' "$WORK/images/base@root_trixie/bundle/config.json" | xargs)" "0 /"

# Compiled Python.
mkdir -p "$AREA/bytecode"
printf 'name = "bytecode"\nbase = "python3"\n\n[python]\nbytecode = true\n' >"$AREA/bytecode/bareboat.toml"
compiled() { "$BAREBOAT" build -q "$AREA/bytecode" -o "oci:$AREA/$1:latest"; }
if check "Python is compiled when the recipe asks for it" compiled one; then
    check "and used compiled" matches \
        "$("$BAREBOAT" run --quiet "oci:$AREA/one" -- -v -c 'import json' 2>&1)" 'matches /usr/lib/python3.13/json/__init__.py'
    umoci unpack --image "$AREA/one:latest" "$AREA/one-bundle" >/dev/null
    # Flags 1 (PEP 552): a hash of the source instead of its date, and not checked.
    all_unchecked() { python3 -c '
import pathlib, sys
files = list(pathlib.Path(sys.argv[1]).rglob("*.pyc"))
sys.exit(0 if len(files) > 500 and all(file.read_bytes()[4:8] == b"\1\0\0\0" for file in files) else 1)' "$1"; }
    check "all by hash" all_unchecked "$AREA/one-bundle/rootfs/usr/lib/python3.13"
    # The names of the store's entries for it: made anew, the same bytes must come.
    find "$BAREBOAT_CACHE" -path '*python-bytecode*' -type f -delete
    compiled two
    check "the same bytes when it is compiled again" same "$(jq -r '.manifests[0].digest' "$AREA/two/index.json")" \
        "$(jq -r '.manifests[0].digest' "$AREA/one/index.json")"
fi

# What the check of libraries finds missing is what the real loader does not find. Each library is taken out of the image in turn.
cat >"$AREA/loader.py" <<'PY'
"""Programs and libraries of a root for which ld.so, run in it, does not find a library; one line each: file, library."""
import os, re, subprocess, sys
root = sys.argv[1]
for folder, _, names in os.walk(root + "/usr"):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            head = file.read(20)
        if not head.startswith(b"\x7fELF") or head[16] not in (2, 3):
            continue
        inside = path[len(root):]
        said = subprocess.run(["chroot", root, "/lib64/ld-linux-x86-64.so.2", "--list", inside], capture_output=True, text=True)
        for library in re.findall(r"loading shared libraries: (\S+): cannot open", said.stderr):
            # Ours tells those who need it themselves, and not those who bring them.
            if library in subprocess.run(["readelf", "-d", path], capture_output=True, text=True).stdout:
                print(inside, library)
PY
if check "python3 of trixie builds" built python3_trixie; then
    for library in libffi.so.8 libsqlite3.so.0 libz.so.1 liblzma.so.5; do
        rm -rf "$AREA/less" && cp -a "$(root_of python3_trixie)" "$AREA/less"
        find "$AREA/less/usr/lib/x86_64-linux-gnu" -name "$library*" -delete
        python3 "$AREA/loader.py" "$AREA/less" | sort -u | awk -v library="$library" '$2 == library {print $1}' >"$AREA/loader"
        printf 'name = "less"\nbase = "python3"\n\n[prune]\npaths = ["/usr/lib/x86_64-linux-gnu/%s*"]\n' "$library" >"$AREA/less.toml"
        "$BAREBOAT" build -q "$AREA/less.toml" -o "oci:$AREA/less-oci" >"$AREA/ours" 2>&1
        # Ours names the first file and counts the others.
        ours=$(grep -F "needs $library" "$AREA/ours" | sed -E 's/.*`(.*)`( \(and (one|[0-9]+) others?\))? needs.*/\1 \3/; s/ one/ 1/')
        count=$(wc -l <"$AREA/loader")
        check "without $library, the loader's $count files are ours" same \
            "$ours" "$(head -n 1 "$AREA/loader")$([ "$count" -gt 1 ] && echo " $((count - 1))" || echo " ")"
    done
    check "and the package that has one is named" matches "$(cat "$AREA/ours")" 'package liblzma5 has it'
fi

# The figure that the issue asked for, against 59.4 MB for distroless's.
bytes=$(summary python3_trixie '.images[0].bytes')
check "the files of python3 are at most 45 MB (found $bytes bytes)" test "$bytes" -le 45000000
# The sizes that `bareboat catalog` tells are those of a day: more than a tenth off, they want measuring again.
told=$("$BAREBOAT" catalog --platform linux/amd64 --format json | jq '.entries[] | select(.name == "python3") | .bytes')
check "the catalog's sizes are not old (python3: told $told, found $bytes)" test $((told * 9 / 10)) -le "$bytes" -a "$bytes" -le $((told * 11 / 10))
