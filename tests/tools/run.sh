#!/bin/bash
# Builds Shoal and opens its window; without a display it takes a tour of the commands instead.
#   run.sh TARGET-DIR PROGRAM
set -euo pipefail
cd "$(dirname "$0")/../.."

step() { printf '\n\e[1m%s\e[0m\n' "$*" >&2; }

if [ "$(uname)" = Linux ] && [ -z "${WAYLAND_DISPLAY:-}${DISPLAY:-}" ]; then
    echo "There is no display here, so no window either: this is what Shoal does without one."
    step "1/3 Looking for what it is built with"
    tests/tools/packages.sh headless
    step "2/3 Building Shoal: the first time this takes some minutes"
    cargo build --locked --no-default-features
    step "3/3 The tour"
    exec tests/tools/tour.sh "$1/debug/shoal"
fi
step "1/4 Looking for what it is built with"
tests/tools/packages.sh window
step "2/4 Building its pages"
tests/tools/ui.sh build
step "3/4 Building Shoal: the first time this takes some minutes"
tests/tools/window.sh "$1" "$2"
step "4/4 Opening its window"
exec "$2"
