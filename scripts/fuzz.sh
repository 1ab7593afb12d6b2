#!/bin/sh
# Builds every fuzz target and runs each for FUZZ_SECONDS (3 unless set). Names of targets may be given.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-3}

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzzing needs a nightly toolchain: rustup toolchain install nightly" >&2
    exit 1
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "cargo-fuzz is missing: installing it"
    if ! cargo install cargo-fuzz --locked; then
        echo "fuzzing needs cargo-fuzz, and it could not be installed: cargo install cargo-fuzz --locked" >&2
        exit 1
    fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# All at once where none is named: they are linked side by side then.
if [ $# = 0 ]; then
    cargo +nightly fuzz build
else
    for target in "$@"; do
        cargo +nightly fuzz build "$target"
    done
fi
targets=${*:-$(cargo +nightly fuzz list)}
for target in $targets; do
    echo "fuzzing $target for $seconds s"
    # A fuzzer says something many times a second: only of one that found something is all of it worth reading.
    if ! cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 >"$log" 2>&1
    then
        tail -n 200 "$log"
        exit 1
    fi
done
