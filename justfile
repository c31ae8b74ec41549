# Recipes for contributors: `uv run just` lists them. They run inside `uv run`, so every tool comes from the lock.

set positional-arguments

# `uv run` says where uv is; it need not be on the PATH.
uv := env("UV", "uv")

# List the recipes.
default:
    @just --list

# Install everything, editable, with an optimised extension.
sync:
    {{ uv }} sync

# Format and fix.
fmt:
    ruff check --fix -q .
    ruff format -q .
    cargo fmt --all

# Check style, layers, spelling.
lint:
    ruff check .
    ruff format --check .
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -q -- -D warnings
    lint-imports
    typos

# Check types: pyright strict on the packages, the stub against the extension.
types:
    pyright
    python -m mypy.stubtest flyte_native._core --ignore-disjoint-bases \
        --allowlist packages/flyte-native/stubtest-allowlist.txt

# Run the Python tests: `just py tests/cli -k golden`.
py *args:
    pytest -n 2 --dist loadfile "$@"

# Run the Rust tests.
rust:
    cargo test --workspace --exclude flyte-native -q

# Fuzz each decoder for some seconds; needs a nightly toolchain: `just fuzz 60`.
fuzz seconds="15":
    bash rust/fuzz/run.sh {{ seconds }}

# Run all tests, Rust first.
test: rust
    pytest -n 2 --dist loadfile

# Run all tests of Python, then tell which command, option or choice none has driven against a devbox.
driven:
    #!/usr/bin/env bash
    set -euo pipefail
    FLYTE_TEST_DRIVEN=$(mktemp -d)
    export FLYTE_TEST_DRIVEN
    trap 'rm -rf "$FLYTE_TEST_DRIVEN"' EXIT
    pytest -n 2 --dist loadfile
    python -m tests.driven "$FLYTE_TEST_DRIVEN"

# Run what depends most on the interpreter on the other versions of Python that are installed.
pythons *args:
    bash tests/other_pythons.sh "$@"

# Run one package's tests with only what it declares: `just isolated flyte-models`.
isolated package:
    {{ uv }} run --isolated --no-default-groups --package {{ package }} --with pytest --with hypothesis pytest packages/{{ package }}

# Accept the new text of inline snapshots (golden errors, help pages).
snap *args:
    pytest --inline-snapshot=fix -p no:xdist tests/cli "$@"

# Write the help pages anew after a command or an option has changed.
pages:
    python -m flyte_cli.page_writer

# Measure, side by side with PyPI flyte 2.12.1: `just bench --short`.
bench *args:
    python -m bench "$@"

# Write a changelog fragment: `just news 3.feature "flyte-cli: ..."`.
news name text:
    echo "{{ text }}" > changelog.d/{{ name }}.md

# What has to pass before a push.
check: lint types test
