# `bareboat inspect --tui` in a real terminal: it draws, listens, and leaves the terminal as it was, however it ends.
. "$(dirname "$0")/lib.sh"

images=${DIVE_IMAGES:-$PROJECT/../shared/tests/dive}
image=docker-archive:$images/test-docker-image.tar

# A server for each terminal: one that is ending refuses what comes meanwhile.
terminals=0
tmux_() { tmux -L "bareboat-$$-$terminals" -f /dev/null "$@"; }
end_terminal() { tmux_ kill-server 2>/dev/null; end_what_runs; }
trap end_terminal EXIT

# A shell that the explorer is started from, and that is there again when it ends.
open_terminal() { # COLUMNS LINES
    tmux_ kill-server 2>/dev/null
    terminals=$((terminals + 1))
    tmux_ new-session -d -x "$1" -y "$2" "env PS1='ready> ' bash --norc --noprofile -i" && sees 'ready>'
}
start() { tmux_ send-keys "stty -g > $AREA/before; '$BAREBOAT' inspect '$image' --tui; echo ended \$?" Enter; }

# Waits until the terminal shows a line that matches.
sees() { # PATTERN
    local seen
    for _ in $(seq 100); do
        seen=$(tmux_ capture-pane -p)
        grep -qE -- "$1" <<<"$seen" && return
        sleep 0.1
    done
    printf 'expected: %s\nfound:\n%s\n' "$1" "$seen"
    return 1
}
press() { tmux_ send-keys "$@"; }

# The shell answers, and its settings are those from before.
is_as_before() { # EXIT CODE
    sees "ended $1" || return
    press "stty -g > $AREA/after; echo settled" Enter
    sees '^settled' && diff "$AREA/before" "$AREA/after"
}

steps() { open_terminal 120 40 && start && sees 'Layers .*Layer 1 '; }
check "it draws layers and files" steps
drills() { press Down Down Down && sees 'Layer 4 ' && press Tab C-u && sees 'no unmodified' && sees '^.{40,}\+ .*somefile1.txt'; }
check "keys choose a layer and what of it is shown" drills
filters() { press C-f saved Enter && sees 'filter: saved' && press Escape; }
check "a filter can be written" filters
quits() { press q && is_as_before 0; }
check "q gives the terminal back" quits
helps() { open_terminal 40 10 && start && sees 'Layers' && press '?' && sees 'other half' && press Down Down Down Down Down Down && sees 'of this layer' && press Escape && sees 'tab tree' && press q && is_as_before 0; }
check "all keys are told, however small the terminal" helps
narrow() { open_terminal 40 12 && start && sees 'Layers' && press Tab && sees 'bin/' && press C-c && is_as_before 0; }
check "a narrow terminal shows one half" narrow
ended() { # SIGNAL
    open_terminal 120 40 && start && sees 'Layer 1 ' || return
    local shell explorer
    shell=$(tmux_ list-panes -F '#{pane_pid}')
    explorer=$(pgrep -P "$shell" | head -n 1)
    kill -s "$1" "$explorer" && is_as_before 0
}
for signal in TERM INT; do
    check "SIG$signal ends it, and the terminal is as it was" ended "$signal"
done
gone() {
    open_terminal 120 40 && start && sees 'Layer 1 ' || return
    local shell explorer
    shell=$(tmux_ list-panes -F '#{pane_pid}')
    explorer=$(pgrep -P "$shell" | head -n 1)
    tmux_ kill-server
    for _ in $(seq 50); do
        [ -e "/proc/$explorer" ] || return 0
        sleep 0.1
    done
    echo "it still runs: $explorer"
    kill -KILL "$explorer"
    return 1
}
check "it ends when its terminal is gone" gone
resized() { open_terminal 120 40 && start && sees 'Layer 1 ' && tmux_ resize-window -x 50 -y 14 && sees 'q quit' && press q && is_as_before 0; }
check "it follows the terminal's size" resized
refuses "without a terminal it says so" 'this is no terminal' '--tree' -- "$BAREBOAT" inspect "$image" --tui
