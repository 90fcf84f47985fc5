#!/bin/bash
# Builds the program with its window; the pages in ui/dist go into it.
#   window.sh TARGET-DIR PROGRAM [dev|release]
set -euo pipefail
cd "$(dirname "$0")/../.."

profile=${3:-dev}
cargo build --locked --profile "$profile"
# The same name as the program without a window, which the next build without one replaces.
mkdir -p "$(dirname "$2")"
cp "$1/${profile/dev/debug}/shoal" "$2.new"
mv "$2.new" "$2"
