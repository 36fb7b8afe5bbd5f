# The resolver's choices against apt's own, for the roots in ../shared.
. "$(dirname "$0")/lib.sh"

check "at least 485 of 490 roots resolve as apt resolves them" "$LIVE/apt-resolution"
grep -E '^identical ' "$AREA/check.log" | sed 's/^/        /'
