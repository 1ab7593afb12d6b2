#!/usr/bin/env bash
# Every test there is: `./scripts/test.sh`. CI runs the same. Ends with 0 only if all of it passed.
#
# On a Debian machine with Rust it installs what is missing. JIDDA_JOBS=n limits how many jobs cargo runs at once.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
jobs=()
[ -z "${JIDDA_JOBS:-}" ] || jobs=(-j "$JIDDA_JOBS")
# A fresh checkout has nothing to build upon: what would help the next build costs time and half of the disk.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0
started=$SECONDS
passed=0
failed=()
skipped=()

# step NAME COMMAND..: runs on after a failure, so that one run tells everything that is wrong.
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        passed=$((passed + 1))
        printf '== %s: ok (%d s)\n' "$name" $((SECONDS - start))
    else
        failed+=("$name")
        printf '== %s: FAILED (%d s)\n' "$name" $((SECONDS - start))
    fi
}

# What may be missing without a failure says so in one line.
skip() {
    printf '\n== %s: skipped: %s\n' "$1" "$2"
    skipped+=("$1")
}

has() { command -v "$1" >/dev/null 2>&1; }

install_packages() {
    # Archives of the same version that an earlier run left, and what cargo unpacked of them, would be taken for those of
    # today.
    rm -rf "$target/package" "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/jidda-{macros,runtime}-[0-9]*
    cargo package "${jobs[@]}" -p jidda-macros -p jidda-runtime -p jidda --allow-dirty --quiet
}

prepare() {
    if ! has cargo; then
        echo "Rust is missing: see https://www.rust-lang.org/tools/install"
        return 1
    fi
    has cc || install_packages build-essential || return 1
    # `minimal` toolchains come without these two.
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        rustup component add rustfmt clippy || return 1
    fi
    has python3 || install_packages python3 python3-venv || return 1
    # The folder of the environment may be there without a working one in it: pip is what is made last.
    if [ ! -x "$target/python/bin/pip" ]; then
        python3 -m venv "$target/python" || { install_packages python3-venv && python3 -m venv "$target/python"; } ||
            return 1
    fi
    "$target/python/bin/python" -c 'import msgpack' 2>/dev/null ||
        "$target/python/bin/pip" install --quiet --disable-pip-version-check msgpack
}

# Whatever profile a test is built in, a sum that overflows is a failure. That of releases has no such checks of its own.
export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true

tests() {
    # Examples and the linking fixture are run by tests; release changes what a linker drops.
    JIDDA_TEST_RELEASE=1 cargo test "${jobs[@]}" --workspace --no-fail-fast 2>&1 | tee "$target/tests.log"
}

simulation() { JIDDA_SIMULATION_SEEDS=${JIDDA_SIMULATION_SEEDS:-300} cargo test "${jobs[@]}" --test simulation; }

documentation() {
    RUSTDOCFLAGS="-D warnings" cargo doc "${jobs[@]}" --workspace --no-deps
}

interop() {
    cargo build "${jobs[@]}" --quiet --examples || return 1
    "$target/python/bin/python" tests/interop/plain_peer.py "$target/debug/examples"
}

socket_io_clients() { tests/interop/run.sh jidda; }

browser() { tests/browser/run.sh; }

features_tool() { cargo hack --version >/dev/null 2>&1 || cargo install cargo-hack --locked --quiet; }

# What depends on a feature that is not there is found by what nothing else uses, too: by clippy's warnings.
# Each feature alone and each pair: what three of them need together, two of them need already.
features() {
    cargo hack clippy "${jobs[@]}" --quiet --package jidda --feature-powerset --depth 2 --exclude-features default \
        -- -D warnings
}

# The one that Cargo.toml promises.
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# As it would be published: each crate from its archive, against the others' archives.
packages() {
    # Archives of the same version that an earlier run left would be taken for those of today.
    rm -rf "$target/package"
    cargo package "${jobs[@]}" -p jidda-macros -p jidda-runtime -p jidda --allow-dirty --quiet
}

oldest_compiler() {
    cargo "+$oldest" --version >/dev/null 2>&1 ||
        rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1
}

# Autobahn's suite is written in a Python that few systems have any more.
old_python() {
    local candidate
    for candidate in python2.7 "$HOME"/.pyenv/versions/2.7*/bin/python2.7; do
        "$candidate" -c 'import pip' >/dev/null 2>&1 && echo "$candidate" && return
    done
    return 1
}

fuzz() {
    # The only step that needs a nightly compiler.
    cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal || return 1
    scripts/fuzz.sh
}

bench() { (cd bench && cargo check "${jobs[@]}" --workspace --all-targets); }

instructions() {
    has valgrind || install_packages valgrind || return 1
    # What is counted is what is released.
    (cd bench && CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=false cargo run "${jobs[@]}" --quiet --release -p instructions)
}

step "what is needed" prepare
[ ${#failed[@]} = 0 ] || exit 1
step "format" cargo fmt --check
step "lints" cargo clippy "${jobs[@]}" --keep-going --workspace --all-targets \
    --features jidda-runtime/__models -- -D warnings
if features_tool; then
    step "each set of features" features
else
    skip "each set of features" "cargo-hack is missing, and could not be installed (\`cargo install cargo-hack --locked\`)"
    step "without default features" cargo check "${jobs[@]}" --workspace --no-default-features
fi
if oldest_compiler; then
    step "the oldest compiler" cargo "+$oldest" check "${jobs[@]}" --workspace --target-dir "$target/oldest"
else
    skip "the oldest compiler" "Rust $oldest is missing, and could not be installed (clippy knows what it lacks of std)"
fi
step "tests" tests
step "models" cargo test "${jobs[@]}" --package jidda-runtime --lib --features __models models::
step "simulation" simulation
step "tests with metrics" cargo test "${jobs[@]}" --features metrics --test metrics
step "tests with axum" cargo test "${jobs[@]}" --package jidda-runtime --features axum --test http_axum
step "documentation" documentation
step "packages" packages
step "interop with a plain MessagePack-RPC peer" interop
step "interop with Socket.IO clients" socket_io_clients
if old_python >/dev/null; then
    step "WebSockets by Autobahn's test suite" tests/autobahn/run.sh "$(old_python)"
else
    skip "WebSockets by Autobahn's test suite" "there is no Python 2.7 (its cases in our words are among the tests)"
fi
step "examples in a browser" browser
step "fuzz targets" fuzz
if [ -f bench/Cargo.toml ]; then
    step "benchmarks compile" bench
    step "instruction counts" instructions
else
    skip "benchmarks compile" "there are none"
    skip "instruction counts" "there are no benchmarks"
fi
# Nothing is published that this could break: once it is, `cargo semver-checks` has something to compare with.
skip "compatibility with the last release" "there is none yet"
if has cargo-deny; then
    # The fourth check, for advisories, needs the network: `cargo deny check advisories` when there is some.
    step "dependencies" cargo deny check bans licenses sources
else
    skip "dependencies" "cargo-deny is not installed (\`cargo install cargo-deny\`, which takes minutes)"
fi

printf '\n'
# Where only the end of a long output is kept, this is what is looked for.
if [[ " ${failed[*]} " == *" tests "* ]]; then
    grep -aE "panicked at|^test .*FAILED|^error" -A 3 "$target/tests.log" | tail -n 120
fi
[ ${#failed[@]} = 0 ] || printf 'failed: %s\n' "${failed[@]}"
[ ${#skipped[@]} = 0 ] || printf 'skipped: %s\n' "${skipped[@]}"
printf 'all of it took %d s\n' $((SECONDS - started))
printf 'steps: %d passed, %d failed, %d skipped\n' "$passed" ${#failed[@]} ${#skipped[@]}
[ ${#failed[@]} = 0 ]
