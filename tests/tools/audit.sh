#!/bin/bash
# Checks every dependency: licences, duplicates and sources (cargo deny), known vulnerabilities (cargo audit).
#
# Vulnerabilities are looked up in the RustSec database: in the copy that SHOAL_ADVISORY_DB names, else fetched. Where it
# can't be had this says so and lets the rest stand, for that is no fault of Shoal's; but where a copy was handed over, or CI
# is true, it counts.
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

# No advisories: that would fetch them.
"$cache/cargo/bin/cargo-deny" --log-level warn check bans licenses sources

audit() { "$cache/cargo/bin/cargo-audit" audit --quiet --deny warnings --db "$1" --no-fetch --stale; }
if [ -n "${SHOAL_ADVISORY_DB:-}" ]; then
    audit "$SHOAL_ADVISORY_DB"
    exit
fi

# Fetched apart from the check, so that what fails is known.
database=$cache/advisory-db
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ -e "$database/.git" ]; then
    fetch=(git -C "$database" pull --quiet --ff-only)
else
    rm -rf "$database"
    fetch=(git clone --quiet --depth=1 https://github.com/RustSec/advisory-db "$database")
fi
if GIT_TERMINAL_PROMPT=0 timeout 120 "${fetch[@]}" >"$log" 2>&1; then
    audit "$database"
    exit
fi
cat >&2 <<END

+------------------------------------------------------------------------------+
|  NOT CHECKED: known vulnerabilities of the dependencies                      |
|                                                                              |
|  The RustSec advisory database could not be fetched. All else was checked.   |
|  With a copy of it:  SHOAL_ADVISORY_DB=path make audit                       |
+------------------------------------------------------------------------------+
$(tail -3 "$log")
END
[ "${CI:-}" != true ]
