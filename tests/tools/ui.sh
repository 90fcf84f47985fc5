#!/bin/bash
# Brings the pages' tools to what their lock file says; with `build`, builds the pages into ui/dist. Quick when nothing
# changed.
set -euo pipefail
cd "$(dirname "$0")/../../ui"

installed=node_modules/.installed
if ! cmp --silent package-lock.json "$installed"; then
    echo "ui: fetching the pages' tools" >&2
    # No install scripts: nothing that runs here comes from outside the lock file.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json "$installed"
fi
if [ "${1:-}" = build ]; then
    # A build that breaks leaves no half pages behind for the next one to take.
    npm run --silent build >&2 || {
        rm -rf dist
        exit 1
    }
fi
