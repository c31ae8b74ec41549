#!/usr/bin/env bash
# Runs what depends most on the interpreter (types, names, versions, command line) on the other versions of Python that this machine has.
# Their environments are outside of the checkout; a version that is not installed is named and passed over.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-uv}
cache="${FLYTE_CI_CACHE:-$HOME/.cache/flyte-ci}"
this=$(python -c 'import sys; print("{}.{}".format(*sys.version_info))')
unset VIRTUAL_ENV
for version in 3.11 3.12 3.13; do
  [ "$version" = "$this" ] && continue
  # Where pyenv is, a version that is not the chosen one is found by its folder only.
  python=$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python 2>/dev/null | tail -1) || true
  [ -n "$python" ] || python=$($uv python find --no-project --no-python-downloads --system "$version" 2>/dev/null) || true
  if [ -z "$python" ]; then
    echo "Python $version is not installed: nothing is tested on it" >&2
    continue
  fi
  echo "--- Python $version"
  export UV_PROJECT_ENVIRONMENT="$cache/python-$version"
  $uv sync --locked --quiet --python "$python"
  "$UV_PROJECT_ENVIRONMENT/bin/python" -m pytest -q -n 2 --dist loadfile -p no:cacheprovider \
    packages/flyte-{models,types,engine,storage,protocol,config,images,remote,cli} tests/contract tests/cli "$@"
done
