# shellcheck shell=bash
# Words that the ops scripts share. Source it; it starts nothing by itself.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
parts=${CONVOY_PARTS:-$repo/.build-parts}
started=${EPOCHREALTIME/,/.}
# shellcheck disable=SC2034 # read by the scripts that source this file
readonly repo parts started

# Seconds since the script started, with one decimal.
elapsed() {
    awk -v from="$started" -v to="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%.1f", to - from }'
}

# One line of progress, on stderr, so that stdout stays for results.
say() { printf '[%6ss] %s\n' "$(elapsed)" "$*" >&2; }

# what, why, what next
die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit "${code:-1}"
}

usage_error() { code=64 die "$* (see --help)"; }

# Prints the comment block at the top of a script: its help.
help_of() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$1"; }

# A TCP port of 127.0.0.1 that was free a moment ago.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until SECONDS COMMAND...: true as soon as the command succeeds, false when the time is up.
wait_until() {
    local deadline=$((${EPOCHREALTIME/[,.]/} + $1 * 1000000))
    shift
    until "$@"; do
        ((${EPOCHREALTIME/[,.]/} < deadline)) || return 1
        sleep 0.05
    done
}

# built debug|release: builds convoy, and prints where it is. A release is built as the package has it, with Swift's
# runtime in it, whoever asks: other flags would build all of it again.
built() {
    local build=(swift build --package-path "$repo" -c "$1")
    # What the loader has filled in can't be written afterwards.
    [[ $1 != release ]] || build+=(--static-swift-stdlib --disable-local-rpath -Xlinker -z -Xlinker now)
    "${build[@]}" --product convoy >&2
    printf '%s/convoy\n' "$("${build[@]}" --show-bin-path)"
}

# A zombie is dead for our purpose: its parent may be slow to reap it.
alive() { [[ -r /proc/$1/stat ]] && [[ $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) != [ZX] ]]; }
gone() { ! alive "$1"; }

# stop_pid PID [SECONDS]: TERM, wait for the exit, KILL when the time is up.
stop_pid() {
    alive "$1" || return 0
    kill -TERM "$1" 2>/dev/null || return 0
    wait_until "${2:-10}" gone "$1" && return 0
    kill -KILL "$1" 2>/dev/null || true
    wait_until 5 gone "$1"
}

# Root's rights for one command: directly, else by sudo without a question.
as_root() {
    if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}
