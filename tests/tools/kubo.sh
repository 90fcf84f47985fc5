#!/bin/bash
# Builds the Kubo that the interoperability tests talk to, into $SHOAL_CACHE/kubo/ipfs. Quick when it is there.
# Needs a Go toolchain; with an older Go (Debian's) it fetches the one it needs as a Go module.
set -euo pipefail
cd "$(dirname "$0")/../kubo"
cache=${SHOAL_CACHE:-$(cd ../.. && pwd)/.cache}
needed=$(sed -n 's/^go //p' go.mod)
toolchain=go1.26.8

home=$cache/kubo-$(cat go.mod go.sum | sha256sum | cut -c1-12)
if [ ! -x "$home/ipfs" ]; then
    go=$(command -v go || true)
    if [ -z "$go" ]; then
        echo "kubo: Go is not installed. On Debian: apt-get install golang-go" >&2
        exit 1
    fi
    have=$("$go" env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
    if [ "$(printf '%s\n' "$needed" "$have" | sort -V | head -1)" != "$needed" ]; then
        echo "kubo: Go $have is too old, fetching $toolchain through the Go module proxy" >&2
        module=golang.org/toolchain@v0.0.1-$toolchain.$("$go" env GOOS)-$("$go" env GOARCH)
        fetched=$(cd / && "$go" mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
        mkdir -p "$cache"
        rm -rf "$cache/$toolchain.new"
        cp -r "$fetched" "$cache/$toolchain.new"
        # Module files carry no execute bits.
        chmod -R u+w "$cache/$toolchain.new"
        chmod -R +x "$cache/$toolchain.new"/bin "$cache/$toolchain.new"/pkg/tool
        rm -rf "${cache:?}/$toolchain"
        mv "$cache/$toolchain.new" "$cache/$toolchain"
        go=$cache/$toolchain/bin/go
        unset GOROOT
    fi
    echo "kubo: building (about 3 minutes on two cores)" >&2
    mkdir -p "$home"
    "$go" build -trimpath -ldflags '-s -w' -o "$home/ipfs.new" github.com/ipfs/kubo/cmd/ipfs
    mv "$home/ipfs.new" "$home/ipfs"
fi
ln -sfn "${home##*/}" "$cache/kubo"
"$cache/kubo/ipfs" version
