#!/bin/bash
# Installs the Helia that the interoperability tests talk to, into $SHOAL_CACHE/helia. Quick when it is there.
# Helia needs Node 22 or newer; where an npm package has Node for this machine, it comes with that one.
set -euo pipefail
cd "$(dirname "$0")/../helia"
cache=${SHOAL_CACHE:-$(cd ../.. && pwd)/.cache}

home=$cache/helia-$(cat package.json package-lock.json | sha256sum | cut -c1-12)
if [ ! -e "$home/complete" ]; then
    if ! command -v npm >/dev/null; then
        echo "helia: npm is not installed. On Debian: apt-get install nodejs npm" >&2
        exit 1
    fi
    rm -rf "$home"
    mkdir -p "$home"
    cp package.json package-lock.json "$home"
    # No install scripts: nothing that runs here comes from outside the lock file.
    (cd "$home" && npm ci --ignore-scripts --omit=peer --no-audit --no-fund --loglevel=error >&2)
    touch "$home/complete"
fi
ln -sfn "${home##*/}" "$cache/helia"
echo "helia $(sed -n 's/^    "helia": "\(.*\)",$/\1/p' package.json)"
