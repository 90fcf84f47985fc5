#!/bin/bash
# Builds Shoal and opens its window; without a display it takes a tour of the commands instead.
#   run.sh TARGET-DIR PROGRAM
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "$(uname)" = Linux ] && [ -z "${WAYLAND_DISPLAY:-}${DISPLAY:-}" ]; then
    echo "There is no display here, so no window either: this is what Shoal does without one."
    tests/tools/packages.sh headless
    cargo build --quiet --locked --no-default-features
    exec tests/tools/tour.sh "$1/debug/shoal"
fi
tests/tools/packages.sh window
tests/tools/ui.sh build
tests/tools/window.sh "$1" "$2"
exec "$2"
