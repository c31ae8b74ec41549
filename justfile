# Recipes for contributors. `uv run just` lists them; every tool comes from the lock.

set positional-arguments

python := "uv run --no-sync python"

# List the recipes.
default:
    @just --list

# Install everything, editable, with an optimised extension.
sync:
    uv sync

# Format and fix.
fmt:
    uv run --no-sync ruff check --fix -q .
    uv run --no-sync ruff format -q .
    cargo fmt --all

# Check style, layers, spelling.
lint:
    uv run --no-sync ruff check .
    uv run --no-sync ruff format --check .
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -q -- -D warnings
    uv run --no-sync lint-imports
    uv run --no-sync typos

# Check types: pyright strict on the packages, the stub against the extension.
types:
    uv run --no-sync pyright
    uv run --no-sync python -m mypy.stubtest flyte_native._core --ignore-disjoint-bases \
        --allowlist packages/flyte-native/stubtest-allowlist.txt

# Run the Python tests: `just py tests/cli -k golden`.
py *args:
    uv run --no-sync pytest -n 2 --dist loadfile "$@"

# Run the Rust tests.
rust:
    cargo test --workspace --exclude flyte-native -q

# Run all tests, Rust first.
test: rust
    uv run --no-sync pytest -n 2 --dist loadfile

# Run one package's tests with only what it declares: `just isolated flyte-models`.
isolated package:
    uv run --isolated --no-default-groups --package {{ package }} --with pytest --with hypothesis pytest packages/{{ package }}

# Accept the new text of inline snapshots (golden errors, help pages).
snap *args:
    uv run --no-sync pytest --inline-snapshot=fix -p no:xdist tests/cli "$@"

# Measure, side by side with PyPI flyte 2.12.1: `just bench --short`.
bench *args:
    uv run --no-sync python -m bench "$@"

# Write a changelog fragment: `just news 3.feature "flyte-cli: ..."`.
news name text:
    echo "{{ text }}" > changelog.d/{{ name }}.md

# What has to pass before a push.
check: lint types test
