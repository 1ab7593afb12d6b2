#!/usr/bin/env bash
# The examples' pages in a headless Chromium: `tests/browser/run.sh`. Ends with 0 only if every test passed; the
# screenshots are in target/browser.
#
# On a Debian machine with Rust it installs what is missing. JIDDA_JOBS=n limits how many jobs cargo runs at once;
# further arguments are those of `node --test`, such as `--test-name-pattern=typ`.
set -euo pipefail
cd "$(dirname "$0")/../.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
python=$CARGO_TARGET_DIR/python
jobs=()
[ -z "${JIDDA_JOBS:-}" ] || jobs=(-j "$JIDDA_JOBS")

has() { command -v "$1" >/dev/null 2>&1; }

install_packages() {
    has apt-get || { echo "install these first: $*"; return 1; }
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The packages of a folder, unless they are there already.
install_npm() {
    [ "$1/node_modules/.package-lock.json" -nt "$1/package.json" ] ||
        npm install --prefix "$1" --no-audit --no-fund --loglevel=error
}

# Without fonts of its own Chromium shows letters as boxes.
has "${CHROMIUM:-chromium}" || install_packages chromium fonts-dejavu-core fonts-noto-color-emoji
CHROMIUM=$(command -v "${CHROMIUM:-chromium}")
export CHROMIUM
has npm || install_packages nodejs npm
has python3 || install_packages python3 python3-venv
if [ ! -x "$python/bin/pip" ]; then
    python3 -m venv "$python" || { install_packages python3-venv && python3 -m venv "$python"; }
fi
"$python/bin/python" -c 'import socketio, requests, websocket' 2>/dev/null ||
    "$python/bin/pip" install --quiet --disable-pip-version-check "python-socketio[client]"
install_npm examples/browser
install_npm tests/browser
cargo build "${jobs[@]}" --quiet --examples

# One after the other: browsers are heavy.
JIDDA_PYTHON=$python/bin/python exec node --test --test-concurrency=1 "$@" tests/browser/*.test.js
