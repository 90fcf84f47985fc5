#!/bin/bash
# Checks every dependency: known vulnerabilities (cargo audit), licences, duplicates and sources (cargo deny).
# SHOAL_ADVISORY_DB names a copy of the RustSec database to use instead of fetching it.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${SHOAL_CACHE:-$PWD/.cache}

# Both tools are built once, without optimisation: they run for a second and would compile for far longer.
install_once() {
    if [ ! -x "$cache/cargo/bin/$1" ] || [ ! -e "$cache/cargo/$1-$2" ]; then
        echo "audit: building $1 $2" >&2
        CARGO_TARGET_DIR=$cache/tools-target CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=0 \
            cargo install --quiet --debug --locked --root "$cache/cargo" "$1@$2"
        touch "$cache/cargo/$1-$2"
    fi
}
install_once cargo-audit 0.22.2
install_once cargo-deny 0.20.2
rm -rf "$cache/tools-target"

database=()
if [ -n "${SHOAL_ADVISORY_DB:-}" ]; then
    database=(--db "$SHOAL_ADVISORY_DB" --no-fetch --stale)
fi
"$cache/cargo/bin/cargo-audit" audit --quiet --deny warnings "${database[@]}"
"$cache/cargo/bin/cargo-deny" --log-level warn check bans licenses sources
