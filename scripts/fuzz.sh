#!/bin/sh
# Builds every fuzz target and runs each for FUZZ_SECONDS (5 unless set). Names of targets may be given.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-5}

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

targets=${*:-$(cargo +nightly fuzz list)}
for target in $targets; do
    cargo +nightly fuzz build "$target"
done
for target in $targets; do
    echo "fuzzing $target for $seconds s"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10
done
