#!/bin/bash
# Builds the packages, deb and rpm, and says where they are. Takes what `tauri build` takes, such as --debug.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${SHOAL_CACHE:-$PWD/.cache}

home=$cache/tauri-$(cat tests/package/package.json tests/package/package-lock.json | sha256sum | cut -c1-12)
if [ ! -e "$home/complete" ]; then
    rm -rf "$home"
    mkdir -p "$home"
    cp tests/package/package.json tests/package/package-lock.json "$home"
    # Not `npm ci`: the lock file has the bundler for Linux alone, and that would want those for every system.
    (cd "$home" && npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    touch "$home/complete"
fi
"$home/node_modules/.bin/tauri" build "$@" -- --locked
