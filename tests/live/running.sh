# The images do their work under runc: as nonroot, on a read-only root, without a network, with the image's own command line.
. "$(dirname "$0")/lib.sh"

if check "python-ledger builds" built python-ledger; then
    printed=$(contained python-ledger 2>&1)
    check "the ledger is read and summed" matches "$printed" '^bank +28856\.60$'
    check "text beyond ASCII is read as UTF-8" matches "$printed" '^total +0\.00$'
    check "it runs as nonroot" same "$(contained python-ledger . /usr/bin/python3 -c 'import os; print(os.getuid(), os.getgid())' 2>&1)" "65532 65532"
    check "its encoding is UTF-8" \
        same "$(contained python-ledger . /usr/bin/python3 -c 'import sys; print(sys.getfilesystemencoding(), sys.stdout.encoding)' 2>&1)" "utf-8 utf-8"
    check "its root is read-only" matches \
        "$(contained python-ledger . /usr/bin/python3 -c 'open("/app/x", "w")' 2>&1)" 'Read-only file system'
    check "TLS trusts Debian's authorities without a hint from the environment" matches \
        "$(contained python-ledger '.process.env |= map(select(startswith("SSL_") | not))' /usr/bin/python3 -c \
            'import ssl; print(len(ssl.create_default_context().get_ca_certs()))' 2>&1)" '^1[0-9][0-9]$'
    check "names of users are known" same \
        "$(contained python-ledger . /usr/bin/python3 -c 'import pwd; print(pwd.getpwuid(65532).pw_name, pwd.getpwuid(0).pw_name)' 2>&1)" "nonroot root"
    check "time zones are known" same \
        "$(contained python-ledger . /usr/bin/python3 -c \
            'import datetime, zoneinfo; print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Lisbon")).utcoffset())' 2>&1)" "1:00:00"
    no_shell() { ! find "$(root_of python-ledger)" ! -type d \( -name sh -o -name bash -o -name dash -o -name perl -o -name busybox \) | grep .; }
    check "there is no shell and no Perl inside" no_shell
    # Modules that need a display, a part that Debian packages apart, or that do something when imported.
    cat >"$AREA/modules.py" <<'PY'
import importlib, sys
apart = {"antigravity", "this", "idlelib", "tkinter", "turtle", "turtledemo", "_tkinter", "ensurepip", "lib2to3", "distutils",
         "dbm", "_dbm", "_gdbm", "msvcrt", "winreg", "winsound", "nt", "_winapi", "_wmi", "_overlapped", "_msi", "msilib", "_scproxy",
         "_android_support", "_apple_support", "_ios_support", "_osx_support", "_aix_support", "_pyrepl"}
bad = []
for name in sorted(sys.stdlib_module_names - apart):
    try:
        importlib.import_module(name)
    except Exception as error:
        bad.append(f"{name}: {error}")
print("\n".join(bad) or "every module imports")
PY
    check "every module of the standard library imports" same \
        "$(contained python-ledger . /usr/bin/python3 -W ignore -c "$(cat "$AREA/modules.py")" 2>&1)" "every module imports"
fi

if check "cpp-wordcount builds" built cpp-wordcount; then
    check "threads, streams and the file system work in C++" matches "$(contained cpp-wordcount 2>&1)" '^ +[0-9]+ the$'
    check "an exception is thrown, unwound and caught" matches \
        "$(contained cpp-wordcount . /usr/local/bin/wordcount /nowhere 5 2>&1)" '^wordcount: .*/nowhere'
    check "its debug symbols were dropped" matches "$(readelf -S "$(root_of cpp-wordcount)/usr/local/bin/wordcount")" '\.dynsym'
    stripped() { ! readelf -S "$1" | grep -E '\.symtab|\.debug_'; }
    check "and nothing else of them is left" stripped "$(root_of cpp-wordcount)/usr/local/bin/wordcount"
fi

if check "rust-server builds" built rust-server; then
    port=18473
    # The host's network: inside a network of its own, nobody could ask it anything.
    contained rust-server '.linux.namespaces |= map(select(.type != "network")) | .process.env += ["PORT='"$port"'"]' \
        >"$AREA/server.log" 2>&1 &
    server=$!
    for _ in $(seq 50); do curl -sf "http://127.0.0.1:$port/healthz" >/dev/null && break; sleep 0.1; done
    check "the static server serves its page" matches "$(curl -s "http://127.0.0.1:$port/")" 'without a shell'
    check "and nothing above it" same "$(curl -s -o /dev/null -w '%{http_code}' --path-as-is "http://127.0.0.1:$port/../../etc/passwd")" 404
    process=$(pgrep -f -x /server | head -n 1)
    check "it runs as nonroot" same "$(awk '/^Uid:/ {print $2}' "/proc/$process/status")" 65532
    # PID 1 of its namespace ignores signals without a handler, the ask-nicely kind included.
    kill -KILL "$process" 2>/dev/null
    wait "$server" 2>/dev/null
fi

if check "go-pages builds" built go-pages; then
    check "a link's name says which command it is" same "$(contained go-pages . /usr/local/bin/outline /srv/harbour.md 2>&1)" \
        "$(printf 'Harbour  #harbour\n  Tides  #tides\n  Berths  #berths')"
    check "another name is another command" same "$(contained go-pages . /usr/local/bin/links /srv/harbour.md 2>&1 | tr '\n' ' ')" \
        "berths.png https://harbour.test/charts#buoy https://harbour.test/tides "
    check "the image's own command line renders the page" matches "$(contained go-pages 2>&1)" '<td style="text-align:right">4\.1</td>'
    check "Go's symbols were dropped" eval "! readelf -SW '$(root_of go-pages)/usr/local/bin/pages' | grep -E '\.symtab|\.debug_'"
    check "and what needs no libc is alone in the image" same "$(find "$(root_of go-pages)" -name 'libc.so*' -o -name 'ld-linux*' | wc -l)" 0
fi
