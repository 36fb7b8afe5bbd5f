# What software is found in an image is what the tools that installed it list: Python's and Node's packages of this machine, modules in
# programs of Go, jars of Maven, packages of rpm. (dpkg's, and gems: differences.sh.)
. "$(dirname "$0")/lib.sh"

export HOME=$AREA/home BAREBOAT_CACHE=$AREA/cache
mkdir -p "$HOME" "$AREA/root/usr/bin" "$AREA/root/jars" "$AREA/root/python" "$AREA/root/node"
root=$AREA/root
site=$(python3 -c 'import os, pip; print(os.path.dirname(os.path.dirname(pip.__file__)))')
# What tells of them; all of it may be half a gigabyte.
cp -a "$site"/*-info "$site/pip" "$root/python"
cp -a "$(npm root -g)" "$root/node/node_modules"
cp "$GO_REGISTRY" "${DIVE_ORIGINAL:-$(command -v dive)}" "$root/usr/bin"
cp -L "$(dirname "$(readlink -f "$(command -v mvn)")")"/../lib/*.jar "$root/jars"

# A package of rpm's, installed by it into a database of its own kind.
mkdir -p "$AREA/rpm"
cat >"$AREA/rpm/told.spec" <<'END_OF_SPEC'
Name: told
Epoch: 2
Version: 1.5
Release: 3
Summary: told
License: MIT
BuildArch: noarch
%description
told
%install
mkdir -p %{buildroot}/usr/share/told && echo told >%{buildroot}/usr/share/told/file
%files
/usr/share/told
END_OF_SPEC
installed_by_rpm() {
    rpmbuild -bb --define "_topdir $AREA/rpm" "$AREA/rpm/told.spec" &&
        rpm --root "$root" --dbpath /var/lib/rpm --initdb &&
        rpm --root "$root" --dbpath /var/lib/rpm --nodeps --noscripts -i "$AREA"/rpm/RPMS/noarch/*.rpm
}
check "rpm installs a package" installed_by_rpm
check "umoci makes an image of it all" eval 'umoci init --layout "$AREA/image" && umoci new --image "$AREA/image:1" &&
    umoci insert --image "$AREA/image:1" "$root" / && umoci new --image "$AREA/image:empty"' || exit 0
"$BAREBOAT" diff --format json "oci:$AREA/image:empty" "oci:$AREA/image:1" >"$AREA/found.json"
found() { jq -r --arg kind "$1" '.packages[] | select(.kind == $kind) | .name + " " + .after[]' "$AREA/found.json" | LC_ALL=C sort -u; }
listed() { LC_ALL=C sort -u; }
check "nothing was left unread" same "$(jq -c .unread "$AREA/found.json")" '[]'
check "Python's are those that Python lists" same "$(found python)" "$(python3 -c '
import importlib.metadata as m, sys
for d in m.distributions(path=[sys.argv[1]]): print(d.name, d.version)' "$root/python" | listed)"
check "Node's are those that npm lists" same "$(found node)" \
    "$(npm ls -g --all --parseable --long 2>/dev/null | tail -n +2 | sed 's/^[^:]*://; s/:.*//; s/@\([^@]*\)$/ \1/' | listed)"
check "Go's are those that go lists" same "$(found go | grep -v '^stdlib ')" \
    "$(go version -m "$root"/usr/bin/* | awk '$1 == "dep" || $1 == "mod" {print $2, $3}' | listed)"
check "with its library, as its version says" same "$(found go | grep '^stdlib ')" "$(go version "$root"/usr/bin/* | sed 's/.*: go/stdlib /' | listed)"
# Jars that Maven did not make say less; those are found by their manifests.
check "jars are what Maven says in them" same "$(found java | grep :)" "$(python3 -c '
import sys, zipfile
for file in sys.argv[1:]:
    jar = zipfile.ZipFile(file)
    for name in jar.namelist():
        if name.startswith("META-INF/maven/") and name.endswith("/pom.properties"):
            told = dict(line.split("=", 1) for line in jar.read(name).decode().splitlines() if "=" in line)
            print(told["groupId"].strip() + ":" + told["artifactId"].strip(), told["version"].strip())' "$root"/jars/*.jar | listed)"
check "rpm's are those that rpm lists" same "$(found rpm)" \
    "$(rpm --root "$root" --dbpath /var/lib/rpm -qa --qf '%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n' | listed)"
check "with its files" same "$(jq -r '.files[] | select(.path == "/usr/share/told/file") | .package.name' "$AREA/found.json")" told
