#!/usr/bin/env bash
# Run every fuzz target for a while: `rust/fuzz/run.sh [SECONDS]`, 15 for each by default, which is a minute for the decoders.
#
# Needs a nightly toolchain, because libFuzzer's instrumentation does. cargo-fuzz, the build and the corpus are kept in a cache
# outside the checkout. Ends with 1 at the first input that breaks a target, with 2 where the tools are missing.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-15}
cache=${FLYTE_CI_CACHE:-$HOME/.cache/flyte-ci}/fuzz

if ! rustup run nightly rustc --version >/dev/null 2>&1; then
    echo "fuzz: no nightly Rust toolchain, which libFuzzer needs" >&2
    echo "hint: rustup toolchain install nightly --profile minimal" >&2
    exit 2
fi
if ! "$cache/bin/cargo-fuzz" --version >/dev/null 2>&1; then
    echo "fuzz: installing cargo-fuzz into $cache, which takes two minutes"
    CARGO_TARGET_DIR="$cache/install" cargo install --quiet --locked --root "$cache" --version 0.13.2 cargo-fuzz
    rm -rf "$cache/install"
fi

export PATH="$cache/bin:$PATH" CARGO_TARGET_DIR="$cache/target" RUSTUP_TOOLCHAIN=nightly
for target in fuzz_targets/*.rs; do
    name=$(basename "$target" .rs)
    mkdir -p "$cache/corpus/$name" "$cache/artifacts/$name"
    echo "fuzz: $name for $seconds s"
    # A decoder must take neither 512 MB nor five seconds for 4 KB. Without the address sanitiser: the crate has no unsafe code.
    if ! cargo fuzz run --sanitizer none --fuzz-dir . "$name" "$cache/corpus/$name" -- -max_total_time="$seconds" -timeout=5 \
        -rss_limit_mb=512 -max_len=4096 -artifact_prefix="$cache/artifacts/$name/" >"$cache/$name.log" 2>&1; then
        tail -n 40 "$cache/$name.log" >&2
        echo "fuzz: $name failed; the input is in $cache/artifacts/$name, the log in $cache/$name.log" >&2
        exit 1
    fi
    grep '^Done' "$cache/$name.log"
done
echo "fuzz: all targets held"
