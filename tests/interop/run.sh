#!/usr/bin/env bash
# Real clients against a server: `tests/interop/run.sh jidda`, or `reference` for Node's own, where every check has to
# pass, too. `tests/interop/run.sh servers` is the other way round: jidda's client against real servers. Ends with 0 only
# if all of them passed; says nothing else then but how many there were.
#
# On a Debian machine with Rust and Python it installs what is missing. ONLY=text runs the checks whose name has that
# text in it, JIDDA_JOBS=n limits how many jobs cargo and this script run at once.
set -euo pipefail
cd "$(dirname "$0")"

TARGET=${1:-}
case $TARGET in jidda | reference | servers) ;; *)
    echo "usage: $0 jidda|reference|servers" >&2
    exit 2
    ;;
esac
export TARGET

root=$(cd ../.. && pwd)
built=${CARGO_TARGET_DIR:-$root/target}
mkdir -p "$built/interop"
built=$(cd "$built" && pwd)
here=$built/interop
jobs=${JIDDA_JOBS:-$(nproc)}
# A suite waits more than it works.
at_once=$((2 * jobs))

has() { command -v "$1" >/dev/null 2>&1; }

# Shows what a command says only if it fails.
quietly() { "$@" >"$here/log" 2>&1 || { cat "$here/log" >&2; return 1; }; }

install_packages() {
    has apt-get || { echo "install these first: $*" >&2; return 1; }
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    quietly "${as_root[@]}" apt-get update
    quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# once STAMP FILE COMMAND..: runs the command unless it has been run with this content of the file.
once() {
    local stamp=$1 file=$2
    shift 2
    sha256sum --status --check "$stamp" 2>/dev/null && return
    "$@"
    sha256sum "$file" >"$stamp"
}

# An environment of Python with what its list says.
environment() {
    local folder=$here/$1
    if [ ! -x "$folder/bin/pip" ]; then
        quietly python3 -m venv "$folder" || { install_packages python3-venv && quietly python3 -m venv "$folder"; }
    fi
    once "$folder/stamp" "requirements-$1.txt" \
        quietly "$folder/bin/pip" install --disable-pip-version-check --requirement "requirements-$1.txt"
}

prepare() {
    { has node && has npm; } || install_packages nodejs npm
    has python3 || install_packages python3 python3-venv
    once node_modules/stamp package-lock.json quietly npm ci
    environment python-socketio-5
    environment python-socketio-4
    if [ "$TARGET" = servers ]; then
        cargo build --quiet --jobs "$jobs" --manifest-path "$root/Cargo.toml" \
            --example interop_client --example interop_server --example bot --example bridge
        export EXAMPLES=$built/debug/examples
        cargo build --quiet --locked --jobs "$jobs" --manifest-path servers/socketioxide/Cargo.toml \
            --target-dir "$here/socketioxide"
        return
    fi
    environment socketIO-client
    # rust_socketio can TLS, with the system's library.
    { has pkg-config && pkg-config --exists openssl; } || install_packages pkg-config libssl-dev
    cargo build --quiet --locked --jobs "$jobs" --manifest-path rust_socketio/Cargo.toml --target-dir "$here/rust_socketio"
    case $TARGET in
    jidda)
        cargo build --quiet --jobs "$jobs" --manifest-path "$root/Cargo.toml" --example interop_server
        export SERVER="$built/debug/examples/interop_server"
        ;;
    reference) export SERVER="node $PWD/servers/node.js" ;;
    esac
}

prepare

# A server of an address of its own is started by each; the longest come first.
if [ "$TARGET" = servers ]; then
    # The server's name, and its command.
    suites=(
        "client python-socketio-5 $here/python-socketio-5/bin/python servers/python.py"
        "client python-socketio-4 $here/python-socketio-4/bin/python servers/python.py"
        "client socket.io-4.8 node servers/node.js"
        "client socket.io-2.5 node servers/node.js --version 2.5"
        "client socket.io-1.7 node servers/node.js --version 1.7"
        "client socketioxide $here/socketioxide/debug/interop-socketioxide"
        "client jidda $built/debug/examples/interop_server"
        "node javascript/examples.js"
    )
else
    suites=(
        "python-socketio-5/bin/python python/python_socketio.py 5"
        "rust_socketio/debug/interop-rust-socketio"
        "node javascript/socketio.js 4.8"
        "node javascript/socketio.js 4.0"
        "node javascript/socketio.js 3.1"
        "node javascript/socketio.js 2.5"
        "node javascript/socketio.js 1.7"
        "python-socketio-4/bin/python python/python_socketio.py 4"
        "node javascript/engineio.js 6.6"
        "node javascript/engineio.js 3.5"
        "socketIO-client/bin/python python/socketio_client.py"
    )
fi

# Its log is empty if all went well but for the summary.
run() {
    local program=$1
    shift
    case $program in
    node) ;;
    client)
        program=$built/debug/examples/interop_client
        export SERVER="${*:2}"
        set -- "$1"
        ;;
    *) program=$here/$program ;;
    esac
    # The reference of today cannot serve this one: see python/socketio_client.py.
    [[ $TARGET = reference && $program = *socketIO-client* ]] && SERVER+=" --version 1.7"
    local status=0
    "$program" "$@" >"$log" 2>"$log.errors" </dev/null || status=$?
    grep -q ' passed, ' "$log" || echo "FAILED $program $*: it ended with $status before its end" >>"$log"
    return $status
}

# Given up, it leaves nothing running.
trap 'ended=$?; kill $(jobs -p) 2>/dev/null || true; exit $ended' EXIT
rm -f "$here"/suite-*
status=0
running=0
for number in "${!suites[@]}"; do
    if [ "$running" = "$at_once" ]; then
        wait -n || status=1
        running=$((running - 1))
    fi
    log=$here/suite-$number
    # shellcheck disable=SC2086 # they are words
    run ${suites[$number]} &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || status=1
    running=$((running - 1))
done

for number in "${!suites[@]}"; do
    log=$here/suite-$number
    grep -v ' passed, ' "$log" || true
    # What a client or the server complains of is of interest only beside a failure.
    if grep -q '^FAILED' "$log"; then
        tail -n 20 "$log.errors"
    fi
done
cat "$here"/suite-* | awk -v target="$TARGET" '
    match($0, /[0-9]+ passed, [0-9]+ failed$/) {
        split(substr($0, RSTART), words, " ")
        passed += words[1]
        failed += words[3]
    }
    END { printf "interop with %s: %d passed, %d failed\n", target, passed, failed }'
exit $status
