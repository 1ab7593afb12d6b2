#!/usr/bin/env bash
# Autobahn's test suite of WebSocket servers: `tests/autobahn/run.sh PYTHON`, where PYTHON is a Python 2.7, which the suite
# is written in. Its report is target/autobahn/report/index.html.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$1
target=${CARGO_TARGET_DIR:-target}
home=$target/autobahn
port=19471

mkdir -p "$home"
if [ ! -e "$home/installed" ]; then
    "$python" -W ignore -m pip install --quiet --quiet --disable-pip-version-check --target "$home/packages" autobahntestsuite==0.8.2
    touch "$home/installed"
fi
cargo build --quiet --example autobahn_server
"$target/debug/examples/autobahn_server" "127.0.0.1:$port" >"$home/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    grep -q "listens on" "$home/server.log" && break
    sleep 0.05
done
rm -rf "$home/report"
"$python" tests/autobahn/cases.py "$home/packages" "127.0.0.1:$port" "$home/report" >"$home/run.log" 2>&1 || {
    grep -E "^case |cases, |Error" "$home/run.log" | tail -n 50
    exit 1
}
tail -n 1 "$home/run.log"
