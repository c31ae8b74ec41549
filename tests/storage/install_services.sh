#!/usr/bin/env bash
# Installs the servers that tests/storage, tests/sign_in and tests/embedded start, into one cache folder. Nothing global; two minutes when it is empty.
# With --go it also builds versitygw and fake-gcs-server, which takes some minutes, where Go is installed.
set -euo pipefail
cache="${FLYTE_TEST_SERVICES:-$HOME/.cache/flyte-test-services}"
mkdir -p "$cache"

# S3: moto, in an environment of its own so that its many dependencies stay out of ours.
if [ ! -x "$cache/moto/bin/moto_server" ]; then
  if uv=${UV:-$(command -v uv)}; then
    "$uv" venv --quiet "$cache/moto"
    "$uv" pip install --quiet --python "$cache/moto/bin/python" 'moto[server]>=5.1,<6'
  else
    python3 -m venv "$cache/moto"
    "$cache/moto/bin/python" -m pip install --quiet 'moto[server]>=5.1,<6'
  fi
fi

# Azure: azurite.
if [ ! -x "$cache/node_modules/.bin/azurite-blob" ]; then
  if command -v npm >/dev/null; then
    npm install --silent --no-fund --no-audit --prefix "$cache" 'azurite@^3.35'
  else
    echo "npm is missing: azurite is not installed, its tests will be skipped" >&2
  fi
fi

# OAuth 2: oidc-provider. It wants node 22, says so on 20, and works there.
if [ ! -e "$cache/node_modules/oidc-provider" ]; then
  if command -v npm >/dev/null; then
    npm install --silent --no-fund --no-audit --prefix "$cache" 'oidc-provider@^9.13'
  else
    echo "npm is missing: oidc-provider is not installed, the tests of sign-in will be skipped" >&2
  fi
fi

# The editor of debug mode: code-server, of the last release for node 20. Its own install script would fetch ripgrep from GitHub, so what
# has to be built is built here; a minute and a half.
code="$cache/code-server-4.100.3"
if [ ! -x "$code/node_modules/.bin/code-server" ]; then
  headers=$(dirname "$(dirname "$(readlink -f "$(command -v node || echo /none/none)")")")
  if command -v npm >/dev/null && [ -e "$headers/include/node/node.h" ]; then
    export npm_config_nodedir="$headers"
    rm -rf "$code.part" && mkdir -p "$code.part" && echo '{}' >"$code.part/package.json"
    if (
      cd "$code.part"
      quiet="--silent --no-fund --no-audit"
      npm install $quiet --ignore-scripts code-server@4.100.3
      npm rebuild --silent --foreground-scripts argon2 >&2
      cd node_modules/code-server/lib/vscode
      npm install $quiet --ignore-scripts --omit=dev
      npm rebuild --silent --foreground-scripts @vscode/spdlog native-watchdog >&2
      # What it does after its build needs more than is there.
      npm rebuild --silent --foreground-scripts node-pty >&2 || [ -e node_modules/node-pty/build/Release/pty.node ]
    ); then
      mv "$code.part" "$code"
    else
      echo "code-server could not be installed, the tests of debug mode will be skipped" >&2
    fi
  else
    echo "npm or the headers of node are missing: code-server is not installed, the tests of debug mode will be skipped" >&2
  fi
fi

# S3 that checks signatures, and Google: versitygw and fake-gcs-server. Tests of theirs are skipped where they are not there.
if [ "${1:-}" = --go ]; then
  if command -v go >/dev/null; then
    for module in github.com/versity/versitygw/cmd/versitygw@v1.8.0 github.com/fsouza/fake-gcs-server@v1.56.1; do
      name="${module%@*}"
      if [ ! -x "$cache/bin/${name##*/}" ]; then
        GOBIN="$cache/bin" GOFLAGS="${GOFLAGS:--buildvcs=false}" nice go install "$module"
      fi
    done
  else
    echo "go is missing: versitygw and fake-gcs-server are not built, their tests will be skipped" >&2
  fi
fi

# A base image with Python for containers: no registry is asked. Three quarters of a minute.
image="$cache/bookworm-python.tar"
if [ ! -e "$image" ]; then
  if command -v mmdebstrap >/dev/null; then
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3 --dpkgopt=force-unsafe-io bookworm "$image.part.tar" &&
      mv "$image.part.tar" "$image" || echo "the base image could not be made, its test will be skipped" >&2
  else
    echo "mmdebstrap is missing: there is no base image, its test will be skipped" >&2
  fi
fi

ls "$cache"
