# `bareboat test`: distroless's own test files on the catalog, unmodified, and verdicts held against those of the original,
# container-structure-test, by its tar driver (files) and by its Docker driver (commands). `.ci/run` builds the original.
. "$(dirname "$0")/lib.sh"

original=${STRUCTURE_ORIGINAL:-container-structure-test}
# Distroless's files come with the project's brief, beside the project; they are not part of it.
theirs=${DISTROLESS_TESTS:-$PROJECT/../shared/tests/structure}
own=$LIVE/structure

# The tests that fail, a name a line, as the tool itself says; it must end as it says.
failing() { # IMAGE FILE [OPTION…]
    local code=0 failed
    "$BAREBOAT" test "oci:$1" -c "$2" --format json "${@:3}" >"$AREA/report.json" || code=$?
    [ "$code" -le 1 ] || return "$code"
    failed=$(jq -r '.files[].tests[] | select(.passed | not) | .name' "$AREA/report.json" | LC_ALL=C sort)
    [ "$code" -eq $([ -z "$failed" ]; echo $?) ] || { echo "exit code $code, but these failed: $failed"; return 1; }
    echo "$failed"
}

fails_only() { # IMAGE FILE NAMES, between `;`
    local expected found
    expected=$(tr ';' '\n' <<<"$3" | sed 's/^ *//; s/ *$//' | LC_ALL=C sort)
    found=$(failing "$1" "$2") || { echo "$found"; return 1; }
    same "$found" "$expected" ||
        { jq -r '.files[].tests[] | select(.passed | not) | .name, .failures[]' "$AREA/report.json"; return 1; }
}

# The image of a row: a catalog entry as built, or one with programs, which the functions below make.
image() { # NAME
    case $1 in
    *+*) echo "$AREA/${1//[+_]/-}/oci:latest" ;;
    *) echo "$WORK/images/$1/oci:latest" ;;
    esac
}

built_image() { # NAME
    case $1 in
    *+*) [ -e "$AREA/${1//[+_]/-}/oci" ] || with_programs "$1" ;;
    *) built "$1" ;;
    esac
}

# BASE_SUITE+PROGRAM: the base with a program of this suite's own, which stands in for one of distroless's test programs and
# keeps to the same contract (docs/structure-tests.md).
with_programs() {
    local base=${1%+*} program=${1#*+} folder=$AREA/${1//[+_]/-}
    mkdir -p "$folder"
    local entry=${base%_*}
    printf 'name = "programs"\nbase = "%s"\nsuite = "%s"\n' "${entry//@/:}" "${base#*_}" >"$folder/bareboat.toml"
    "program_$program" "$folder" "${base#*_}" || return
    (cd "$folder" && "$BAREBOAT" build . -o oci:oci:latest --platform linux/amd64 -q)
}

file_entry() { printf '[[files]]\nfrom = "%s"\nto = "%s"\n' "$2" "$3" >>"$1/bareboat.toml"; }

program_check_certs() {
    cp "$own/check_certs.go" "$1/main.go"
    (cd "$1" && CGO_ENABLED=0 go build -o check_certs main.go) && file_entry "$1" check_certs /check_certs
}

program_hello() {
    local release=debian13
    [ "$2" = trixie ] || release=debian12
    g++ -x c -o "$1/hello" - <<<'#include <stdio.h>
int main(void) { puts("Hello from distroless C!"); return 0; }' &&
        g++ -x c++ -o "$1/hello_cc" - <<<'#include <iostream>
int main() { std::cout << "Hello from distroless C++!" << std::endl; }' || return
    file_entry "$1" hello "/hello_${release}_binary"
    file_entry "$1" hello_cc "/hello_cc_${release}_binary"
}

# As distroless's example does: the name `nonroot` with a number of its own.
program_user() {
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:1002:1002:nonroot:/home/nonroot:/sbin/nologin\n' >"$1/passwd"
    cp "$own/user.go" "$1/main.go"
    printf '[image]\nuser = "1002"\n' >>"$1/bareboat.toml"
    (cd "$1" && CGO_ENABLED=0 go build -o user main.go) && file_entry "$1" user /user && file_entry "$1" passwd /etc/passwd
}

program_hello_js() {
    echo 'console.log("Hello World");' >"$1/hello.js" && file_entry "$1" hello.js /hello.js
}

# As distroless's, in one jar beside which nothing else is: `/*` is the class path.
program_java() {
    mkdir -p "$1/classes" &&
        javac --release 17 -d "$1/classes" "$own"/{CheckEncoding,CheckLibharfbuzz,HelloJava}.java &&
        jar --create --file "$1/programs.jar" -C "$1/classes" . && file_entry "$1" programs.jar /programs.jar
}

# image | test file | the tests that fail, and nothing else does. Why they do is in docs/structure-tests.md.
rows() {
    cat <<'ROWS'
static_trixie+check_certs | static/testdata/static.yaml |
static_bookworm+check_certs | static/testdata/static.yaml |
static_trixie | static/testdata/debian13.yaml | os-release contents
static_bookworm | static/testdata/debian12.yaml | os-release contents
base_trixie | base/testdata/base.yaml | /etc/os-release pretty name; /usr/lib/os-release pretty name
base_bookworm | base/testdata/base.yaml | /etc/os-release pretty name; /usr/lib/os-release pretty name
base_trixie+user | examples/nonroot/testdata/user.yaml |
cc_trixie+hello | examples/cc/testdata/hello_debian13.yaml |
cc_trixie+hello | examples/cc/testdata/hello_cc_debian13.yaml |
cc_bookworm+hello | examples/cc/testdata/hello_debian12.yaml |
cc_bookworm+hello | examples/cc/testdata/hello_cc_debian12.yaml |
python3_trixie | python3/testdata/python3.yaml |
python3_bookworm | python3/testdata/python3.yaml |
python3_trixie | python3/testdata/debian13.yaml |
python3@root_trixie | python3/testdata/python3.yaml |
static@debug_trixie | static/testdata/debug.yaml |
base@debug_trixie | base/testdata/debug.yaml |
base@debug-root_trixie | base/testdata/debug.yaml |
static@debug_bookworm | static/testdata/debug.yaml | busybox
base-nossl_trixie | base/testdata/base.yaml | /etc/os-release pretty name; /usr/lib/os-release pretty name
base@root_trixie | base/testdata/base.yaml | /etc/os-release pretty name; /usr/lib/os-release pretty name
nodejs_trixie | nodejs/testdata/check_headers.yaml |
nodejs_trixie | nodejs/testdata/check_npm.yaml |
nodejs_bookworm | nodejs/testdata/check_npm.yaml |
nodejs_trixie+hello_js | examples/nodejs/testdata/hello.yaml |
nodejs_bookworm+hello_js | examples/nodejs/testdata/hello.yaml |
java_trixie | java/testdata/java_base.yaml | no-jvm
java@debug_trixie | java/testdata/java_base_debug.yaml | no-jvm
java_trixie+java | java/testdata/java_encoding.yaml |
java_bookworm+java | java/testdata/java_encoding.yaml |
java_trixie+java | java/testdata/java_libharfbuzz.yaml |
java_bookworm+java | java/testdata/java_libharfbuzz.yaml |
java_trixie+java | examples/java/testdata/hello_nonroot_debian13.yaml |
java@root_trixie+java | examples/java/testdata/hello_root_debian13.yaml |
ROWS
}

if check "distroless's test files are there" test -f "$theirs/base/testdata/base.yaml"; then
    while IFS='|' read -r image file expected; do
        read -r image file <<<"$image $file"
        check "$image builds" built_image "$image" || continue
        count=$(tr ';' '\n' <<<"$expected" | grep -c '[^ ]')
        check "$image: $file, $count of its tests failing" fails_only "$(image "$image")" "$theirs/$file" "$expected"
    done < <(rows)
fi

# A small image with one of each, for which the original needs no time.
oracle=$AREA/oracle
make_oracle() {
    cp -r "$own/image" "$oracle" && : >"$oracle/empty" && printf 'a\360\237b' >"$oracle/bytes" &&
        (cd "$oracle" && "$BAREBOAT" build . -q -o oci:oci:latest -o docker-archive:docker.tar:oracle:latest)
}

ours() { # FILE [IMAGE]
    "$BAREBOAT" test "${2:-oci:$oracle/oci}" -c "$1" --format json >"$AREA/ours.json"
    jq -er '.files[].tests[] | "\(.passed) \(.name // "")"' "$AREA/ours.json"
}

# In the same words: the original's own go without the kind in front of the name.
originals() { # FILE DRIVER IMAGE
    # It ends with 1 when a test fails, and when it cannot go on; then there are no results.
    "$original" test --driver "$2" --image "$3" --config "$1" --output json >"$AREA/original.json" 2>"$AREA/original.log"
    jq -er '.Results[] | "\(.Pass) \(.Name | sub("^(Command|File Content|File Existence) Test: "; "")
                                            | sub("^(License|Metadata) Test$"; ""))"' "$AREA/original.json" ||
        { cat "$AREA/original.log"; return 1; }
}

# same_verdicts FILE DRIVER ORIGINALS-IMAGE OUR-IMAGE DIFFERENCE…: a DIFFERENCE is a test that the original fails and we do not.
same_verdicts() {
    local name
    ours "$1" "$4" >"$AREA/ours" && originals "$1" "$2" "$3" >"$AREA/originals" || return
    for name in "${@:5}"; do
        grep -Fxq -e "true $name" "$AREA/ours" || { echo "no longer so: $name"; return 1; }
        sed -i "s|^false \($name\)\$|true \1|" "$AREA/originals"
    done
    grep -q ^true "$AREA/ours" && grep -q ^false "$AREA/ours" && diff "$AREA/ours" "$AREA/originals"
}

ours_refuses_what_go_does() {
    for file in "$AREA"/patterns/invalid-*.yaml; do
        refusal 1 'invalid regular expression' "$BAREBOAT" test "oci:$oracle/oci" -c "$file" || return
        # The original goes on, and the test fails.
        originals "$file" tar "$oracle/docker.tar" | grep -q '^false' || { cat "$file"; return 1; }
    done
}

if check "the image for comparisons builds" make_oracle && check "the original is there" "$original" version; then
    # The tar driver looks at the mode of its own temporary folder.
    check "files, settings and licences: the same verdicts as the original" \
        same_verdicts "$own/files.yaml" tar "$oracle/docker.tar" "oci:$oracle/oci" "root's mode"
    mkdir -p "$AREA/patterns"
    "$own/patterns.py" "$AREA/patterns"
    check "regular expressions: the same verdicts as the original" \
        same_verdicts "$AREA/patterns/valid.yaml" tar "$oracle/docker.tar" "oci:$oracle/oci"
    check "regular expressions: what Go refuses is refused" ours_refuses_what_go_does
    if built base_trixie && check "base as a Docker archive" "$BAREBOAT" build "$WORK/images/base_trixie/recipe" -q \
        -o "docker-archive:$AREA/base.tar:base:latest"; then
        check "base.yaml on base: the same verdicts as the original" \
            same_verdicts "$theirs/base/testdata/base.yaml" tar "$AREA/base.tar" "docker-archive:$AREA/base.tar"
    fi
    if check "the Docker engine starts" start_engine && check "it takes the image" docker load -i "$oracle/docker.tar"; then
        check "commands: the same verdicts as the original" same_verdicts "$own/commands.yaml" docker oracle:latest "oci:$oracle/oci"
    fi
fi

verdict() { # NAME EXPECTED OPTION… <FILE: what the only test says
    local code=0
    cat >"$AREA/one.yaml"
    "$BAREBOAT" test "oci:$oracle/oci" -c "$AREA/one.yaml" "${@:3}" >"$AREA/one.txt" 2>&1 || code=$?
    check "$1" matches "$(cat "$AREA/one.txt")" "$2"
}

header='schemaVersion: 2.0.0
commandTests:'
verdict "a program that hangs is ended" 'expected an end within 2 s' --timeout 2 <<<"$header
- {name: hangs, command: /bin/cat, args: [/dev/zero], expectedOutput: []}
- {name: sleeps, command: /bin/busybox, args: [sleep, '100']}"
verdict "a program that floods its output is ended, and fails" 'expected at most [0-9]+ bytes of output' <<<"$header
- {name: floods, command: /bin/busybox, args: [dd, if=/dev/zero, bs=1M, count=64]}"
verdict "what a setup leaves running does not run beside the test" 'ok +command' <<<"$header
- {name: alone, setup: [[/bin/sh, -c, 'busybox sleep 1000 & busybox sleep 1000 &']], command: /bin/busybox, args: [ps],
   excludedOutput: [sleep 1000]}"
verdict "what a setup prints is not the test's" 'ok +command' <<<"$header
- {name: own, setup: [[/bin/echo, before]], command: /bin/echo, args: [own], expectedOutput: ['^own\n']}"
verdict "a teardown is run, and its failure noted" 'note: teardown .* ended with exit code 1' <<<"$header
- {name: noted, command: /bin/true, teardown: [[/bin/false]]}"
verdict "there is no network" 'ok +command' <<<"$header
- {name: no network, command: /bin/sh, args: [-c, 'cat /proc/net/dev | wc -l'], expectedOutput: ['^3\n']}"
verdict "another user is taken" 'ok +command' <<<"$header
- {name: user, command: id, args: [-u], expectedOutput: ['^65534\n']}
containerRunOptions: {user: '65534'}"
TOKEN=of-this-machine verdict "variables of this machine are handed on when that is allowed" 'ok +command' --allow-host <<<"$header
- {name: token, command: env, expectedOutput: ['TOKEN=of-this-machine']}
containerRunOptions: {envVars: [TOKEN]}"
echo 'shown' >"$AREA/shown"
verdict "and so are its files" 'ok +command' --allow-host <<<"$header
- {name: mount, command: cat, args: [/shown], expectedOutput: ['^shown']}
containerRunOptions: {bindMounts: ['$AREA/shown:/shown:ro']}"
verdict "and not when it is not" 'of this machine' <<<"$header
- {name: mount, command: cat, args: [/shown]}
containerRunOptions: {bindMounts: ['$AREA/shown:/shown:ro']}"

junit_is_xml() {
    "$BAREBOAT" test "oci:$oracle/oci" -c "$own/commands.yaml" -q --junit "$AREA/junit.xml"
    python3 -c 'import sys, xml.etree.ElementTree as E; root = E.parse(sys.argv[1]).getroot()
assert int(root.get("tests")) == len(root.findall(".//testcase")) > 20
assert int(root.get("failures")) == len([case for case in root.iter("testcase") if case.find("failure") is not None]) > 5' "$AREA/junit.xml"
}
check "JUnit is XML, and counts right" junit_is_xml

# As somebody who owns nothing: a folder for the cache is all that is needed.
as_nobody() {
    install -d -m 0755 -o nobody "$AREA/nobody" && chmod -R a+rX "$oracle" && install -m 0644 "$own/$1" "$AREA/$1" || return
    setpriv --reuid 65534 --regid 65534 --clear-groups env BAREBOAT_CACHE="$AREA/nobody" \
        "$BAREBOAT" test "oci:$oracle/oci" -c "$AREA/$1" --format json >"$AREA/nobodys.json"
    jq -er '.files[].tests[] | "\(.passed) \(.name // "")"' "$AREA/nobodys.json" >"$AREA/nobodys" &&
        ours "$own/$1" >"$AREA/ours" && diff "$AREA/ours" "$AREA/nobodys"
}
check "an ordinary user gets the same verdicts on files" as_nobody files.yaml
check "an ordinary user gets the same verdicts on commands" as_nobody commands.yaml
