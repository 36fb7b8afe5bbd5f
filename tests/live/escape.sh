# The sandbox holds: a program that tries every way out that is known, and images that were made to lead one out, as root and as
# an ordinary user. The canaries on this machine stay as they are, and nothing is left behind.
. "$(dirname "$0")/lib.sh"

outside=$AREA/outside
mkdir -p "$outside"
echo untouched >"$outside/canary"
chmod -R a+rwX "$outside"
check "the probes compile" gcc -O1 -Wall -Werror -static -o "$AREA/probes" "$LIVE/escape/probes.c" || exit 0

# image NAME CONFIG LAYER…: an image made by hand. Its root is the folder of layouts; both users read it.
image() { python3 "$LIVE/layout.py" "$AREA/images/$1" "${@:2}" && chmod -R a+rX "$AREA/images"; }
probes="/probes<$AREA/probes"

user_home
# `exec`, so that the process that is killed below is bareboat itself.
as() {
    local who=$1
    shift
    case $who in
    root) exec "$BAREBOAT" "$@" ;;
    user) as_user "$BAREBOAT" "$@" ;;
    esac
}

# In a shell of its own, which `exec` replaces.
as_one() { (as "$@"); }

# What a run must not change: mounts, processes, names, canaries, and the caches but for what they are for.
state() {
    grep -F "$WORK" /proc/self/mountinfo
    pgrep -x probes
    hostname
    ls -l "$outside"
    cat "$outside/canary"
    for cache in "$BAREBOAT_CACHE" "$AREA/home/.cache/bareboat"; do
        find "$cache/tmp" "$cache/locks" -mindepth 1 2>/dev/null
        find "$cache" -name '.*partial*' 2>/dev/null
    done
}
unchanged() { # NAME BEFORE
    # The kernel takes a namespace apart after its last process ended, which may take a moment.
    local after
    for _ in $(seq 50); do
        after=$(state)
        [ "$after" = "$2" ] && break
        sleep 0.1
    done
    check "$1" same "$after" "$2"
}

image probes '{"Env":["A=b"]}' "$probes etc/ tmp/ proc/ dev/" || exit 0
for who in root user; do
    # Of them, three are about what only x86-64 has.
    count=97
    [ "$(uname -m)" = x86_64 ] && count=100
    before=$(state)
    held=$(as_one $who run "oci:$AREA/images/probes" -- /probes all "$outside/canary" <"$outside/canary" 2>&1)
    check "$who: every probe is held" same "$(grep -v '^held' <<<"$held")" "all held"
    check "$who: none was left out" same "$(grep -c '^held' <<<"$held")" $count
    held=$(as_one $who run --user 65532:65532 "oci:$AREA/images/probes" -- /probes all "$outside/canary" 2>&1 </dev/null)
    check "$who: and as another user" same "$(grep -v '^held' <<<"$held")" "all held"
    held=$(as_one $who run --network host "oci:$AREA/images/probes" -- /probes all "$outside/canary" 2>&1 </dev/null)
    check "$who: and with the host's network" same "$(grep -v '^held' <<<"$held")" "all held"
    # `script` runs its command with $SHELL, or else with a shell that knows no `declare`.
    check "$who: and on a terminal" matches \
        "$(SHELL=$BASH script -qec "$(declare -f as as_user); $(declare -p BAREBOAT AREA NOBODY BAREBOAT_CACHE); as $who run 'oci:$AREA/images/probes' -- /probes all '$outside/canary'" /dev/null </dev/null | tr -d '\r')" \
        '^all held$'
    # A sandbox that may be written lets its own root be written, and nothing else.
    held=$(as_one $who run --writable "oci:$AREA/images/probes" -- /probes all "$outside/canary" 2>&1 </dev/null)
    check "$who: a writable root is all that --writable gives" \
        same "$(grep BROKEN <<<"$held" | sort)" "$(printf 'BROKEN write /etc\nBROKEN write the root')"
    check "$who: what was written is gone" eval "! find \"\$BAREBOAT_CACHE\" '$AREA/home' -name planted 2>/dev/null | grep ."

    bombed=$(as_one $who run --timeout 3 "oci:$AREA/images/probes" -- /probes bomb 2>&1)
    check "$who: a fork bomb is bounded" matches "$bombed" '^no more after [1-4][0-9]{0,3}:'
    check "$who: and ended in time" matches "$bombed" 'ran longer than 3 s'
    check "$who: a program that hangs is ended" same "$(as_one $who run --timeout 1 "oci:$AREA/images/probes" -- /probes hang 2>/dev/null; echo $?)" 124
    check "$who: so is one that floods" same "$(as_one $who run --timeout 1 "oci:$AREA/images/probes" -- /probes flood 2>/dev/null | wc -c >"$AREA/flood"; echo ${PIPESTATUS[0]})" 124
    check "$who: what a program leaves running ends with it" same "$(timeout 5 bash -c "$(declare -f as as_user); $(declare -p BAREBOAT AREA NOBODY); as $who run 'oci:$AREA/images/probes' -- /probes orphan"; echo $?)" 0

    # Killed in every way, bareboat takes all with it.
    for signal in KILL TERM; do
        (as $who run "oci:$AREA/images/probes" -- /probes hang) 2>/dev/null &
        run=$!
        for _ in $(seq 50); do pgrep -x probes >/dev/null && break; sleep 0.1; done
        check "$who: it runs before SIG$signal" pgrep -x probes
        kill -$signal $run
        # A program may ignore SIGTERM: it is its own to decide, as in a container.
        [ $signal = TERM ] && sleep 0.3 && check "$who: SIGTERM is the program's to obey or not" pgrep -x probes && kill -KILL $run
        wait $run 2>/dev/null
        for _ in $(seq 50); do pgrep -x probes >/dev/null || break; sleep 0.1; done
        check "$who: nothing runs after SIG$signal" eval '! pgrep -x probes'
    done
    unchanged "$who: nothing is left behind" "$before"
done

# Images that were made to lead a mount, or a layer, out of their root.
up=../../../../../../../../../../..
image proc-link '{}' "$probes proc->$up$outside"
image dev-link '{}' "$probes dev->$up$outside"
image proc-file '{}' "$probes proc"
image tmp-link '{}' "$probes tmp->$up/var/tmp"
image tmp-link-absolute '{}' "$probes tmp->/var/tmp"
image etc-link '{}' "$probes etc->$up$outside"
image data-link '{}' "$probes data->$up$outside"
image workdir-link '{"WorkingDir":"/data/x"}' "$probes data->$outside"
echo 'daemon:x:1:1::/:/bin/sh' >"$AREA/passwd"
image passwd-link '{"User":"daemon"}' "$probes etc/ etc/passwd->$up$AREA/passwd"
image layer-link '{}' "x->$up$outside" "x/planted<$outside/canary $probes"
image layer-hard-link '{}' "x=>$up$outside/canary"
image layer-hard-link-through '{}' "x->$up$outside y=>x/canary"
image layer-overwrite '{}' "x->$outside/canary" "x<$AREA/probes $probes"
image layer-dots '{}' "$up$outside/planted"
image layer-circle '{}' "a->b b->a a/c"
image layer-whiteout '{}' "x->$up$outside" "x/.wh.canary x/.wh..wh..opq $probes"
image devices '{}' "$probes sda*0%666 etc/"
image set-id '{"User":"65532"}' "/probes<$AREA/probes%6755"

before=$(state)
for who in root user; do
    for name in proc-link dev-link proc-file; do
        refuses "$who: $name is refused" "cannot mount \`/${name%-*}\`: it is a (link|file) in the image, expected a directory" \
            -- as_one $who run "oci:$AREA/images/$name" -- /probes write /x
    done
    for name in tmp-link tmp-link-absolute; do
        check "$who: $name gives a /tmp inside" as_one $who run "oci:$AREA/images/$name" -- /probes write "/tmp/planted-$$"
    done
    check "$who: a link in place of /etc is followed inside" as_one $who run "oci:$AREA/images/etc-link" -- /probes write /tmp/x
    mkdir -p "$AREA/data-$who" && chmod 777 "$AREA/data-$who"
    check "$who: a mount on a link goes where the link leads inside" \
        as_one $who run --mount "$AREA/data-$who:/data" "oci:$AREA/images/data-link" -- /probes write "/data/mine"
    check "$who: and is the mount" test -e "$AREA/data-$who/mine"
    check "$who: a working directory behind a link is inside" as_one $who run "oci:$AREA/images/workdir-link" -- /probes write /tmp/x
    refuses "$who: a user of this machine is no user of the image" 'no user `daemon`' -- as_one $who run "oci:$AREA/images/passwd-link" -- /probes write /tmp/x
    check "$who: layer-link is unpacked inside" as_one $who run "oci:$AREA/images/layer-link" -- /probes write /tmp/x
    for name in layer-hard-link layer-hard-link-through layer-dots layer-circle; do
        refuses "$who: $name is refused" 'layer' -- as_one $who run "oci:$AREA/images/$name" -- /probes write /tmp/x
    done
    for name in layer-overwrite layer-whiteout; do
        check "$who: $name stays inside" as_one $who run "oci:$AREA/images/$name" -- /probes write /tmp/x
    done
    check "$who: devices of an image are not there" same \
        "$(as_one $who run --writable "oci:$AREA/images/devices" -- /probes write /sda/x >/dev/null 2>&1; echo $?)" 1
    held=$(as_one $who run "oci:$AREA/images/set-id" -- /probes all "$outside/canary" 2>&1 </dev/null)
    check "$who: set-id bits give nothing" matches "$held" '^held   become root|^all held$'
    check "$who: and are not on the disk" eval "! find \"\$BAREBOAT_CACHE\" '$AREA/home' -perm /6000 -type f 2>/dev/null | grep ."
    refuses "$who: a mount over what the image has as a file" 'is a file in the image, expected a folder' \
        -- as_one $who run --mount "$AREA:/probes" "oci:$AREA/images/probes" -- /probes
    check "$who: a read-only mount is one" eval "! as_one $who run --mount '$AREA/data-$who:/data:ro' 'oci:$AREA/images/probes' -- /probes write /data/more"
done
unchanged "hostile images leave nothing behind" "$before"
check "nor in the folder of this machine that a link of an image named" eval "! ls /var/tmp/planted-$$"
check "no canary was touched" same "$(ls "$outside"; cat "$outside/canary")" "$(printf 'canary\nuntouched')"

# While a program is executed, /proc/self/exe is nothing of this machine's: an image that names it for its program would
# otherwise have bareboat itself executed under a loader of the image's, which changes the file's mode.
check "the loader compiles" gcc -O1 -Wall -Werror -static -nostdlib -fno-stack-protector -o "$AREA/loader" "$LIVE/escape/loader.c"
printf '#!/proc/self/exe\n' >"$AREA/script"
loaders="lib64/ld-linux-x86-64.so.2<$AREA/loader lib/ld-linux-aarch64.so.1<$AREA/loader loader<$AREA/loader"
image exe '{"Entrypoint":["/proc/self/exe"]}' "$loaders"
image exe-link '{"Entrypoint":["/x"]}' "$loaders x->/proc/self/exe"
image exe-script '{"Entrypoint":["/script"]}' "$loaders script<$AREA/script"
image exe-path '{"Entrypoint":["exe"],"Env":["PATH=/proc/self"]}' "$loaders"
image exe-own '{"Entrypoint":["/loader"]}' "$loaders"
for who in root user; do
    (
        mkdir -p "$AREA/bin-$who"
        install -m 0755 "$BAREBOAT" "$AREA/bin-$who/bareboat"
        BAREBOAT=$AREA/bin-$who/bareboat
        # The owner may change its mode, so the ordinary user has one of his own.
        [ $who = user ] && chown -R $NOBODY "$AREA/bin-$who"
        before=$(stat -c '%a %u %s %Y' "$BAREBOAT")
        for name in exe exe-link exe-script exe-path; do
            check "$who: $name executes nothing of this machine's" same "$(as_one $who run "oci:$AREA/images/$name" 2>/dev/null; echo $?)" 127
        done
        check "$who: a program's own /proc/self/exe is its own" same "$(as_one $who run "oci:$AREA/images/exe-own" 2>/dev/null)" /loader
        check "$who: bareboat itself is as it was" same "$(stat -c '%a %u %s %Y' "$BAREBOAT")" "$before"
    )
done

# What is made for a program before its root is entered: /proc/self/root is still this machine's then.
evil=$AREA/evil
mkdir -p "$evil/source" && chmod 777 "$evil"
image evil-hosts '{}' "$probes etc/ etc/hosts->/proc/self/root$evil/FILE"
image evil-cwd '{}' "$probes etc/ etc/hosts->/proc/self/cwd/FILE"
image evil-resolv '{}' "$probes etc/ etc/resolv.conf->/proc/self/root$evil/FILE"
image evil-workdir "{\"WorkingDir\":\"/proc/self/root$evil/DIR/sub\"}" "$probes"
image evil-workdir-link '{"WorkingDir":"/x/sub"}' "$probes x->/proc/self/root$evil/DIR"
image evil-dev '{"WorkingDir":"/dev/x"}' "$probes"
image tmp-root '{}' "$probes tmp->/"
for who in root user; do
    for name in evil-hosts evil-cwd evil-resolv; do
        check "$who: $name runs" eval "cd '$evil' && as_one $who run --network host 'oci:$AREA/images/$name' -- /probes write /tmp/x"
    done
    for name in evil-workdir evil-workdir-link evil-dev; do
        refuses "$who: $name is refused" "its working directory \`/.*in the sandbox's own \`/(proc|dev)\`" \
            -- as_one $who run "oci:$AREA/images/$name" -- /probes write /tmp/x
    done
    refuses "$who: so is a mount in /proc" "cannot mount .*in the sandbox's own \`/proc\`" \
        -- as_one $who run --mount "$evil/source:/proc/self/root$evil/E" "oci:$AREA/images/probes" -- /probes write /tmp/x
    refuses "$who: and /tmp in place of the root" 'cannot mount `/tmp`: it is a link to `/` in the image' \
        -- as_one $who run "oci:$AREA/images/tmp-root" -- /probes write /tmp/x
done
check "nothing was made on this machine" same "$(ls "$evil")" source

# Modes and owners of what the sandbox shares with this machine.
mkfifo "$AREA/fifo" && chmod 666 "$AREA/fifo"
for who in root user; do
    for network in none host; do
        held=$(as_one $who run --network $network "oci:$AREA/images/probes" -- /probes modes </dev/null 2>/dev/null)
        check "$who: no mode can be changed, network $network" same "$(grep -v '^held' <<<"$held")" "all held"
    done
    (as_one $who run "oci:$AREA/images/probes" -- /probes modes >/dev/null 2>/dev/null </dev/null)
    check "$who: nor that of an output that is /dev/null" test $? = 0
    held=$(as_one $who run "oci:$AREA/images/probes" -- /probes modes <>"$AREA/fifo" 2>/dev/null)
    check "$who: nor that of a pipe with a name" same "$(grep -v '^held' <<<"$held")" "all held"
done

# What is wrong is named, and shortly.
image folder '{"Entrypoint":["/probes.d"]}' "probes.d/"
image long-path "{\"Entrypoint\":[\"none\"],\"Env\":[\"PATH=$(printf '/folder:%.0s' $(seq 5000))\"]}" "$probes"
for who in root user; do
    refuses "$who: a folder is no program" '`/probes.d` is a folder .* in the image' -- as_one $who run "oci:$AREA/images/folder"
    check "$who: a long search path is cut" test "$(as_one $who run "oci:$AREA/images/long-path" 2>&1 | grep 'no such program' | wc -c)" -lt 500
done
