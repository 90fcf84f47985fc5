#!/bin/bash
# Installs what the tests need and Debian has, or says which command does. Rust itself comes from rustup.rs.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "Rust is not installed: see https://rustup.rs" >&2
    exit 1
fi

# program → Debian package that has it
missing=()
need() {
    type -P "$1" >/dev/null || missing+=("$2")
}
need cc build-essential
need kill procps
need mount mount
need script bsdutils
need go golang-go
need npm npm

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
install="apt-get install --yes --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "missing here; on Debian: $install" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! sudo --non-interactive true 2>/dev/null; then
        echo "missing here; as root: $install" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "installing ${missing[*]}" >&2
$as_root apt-get update --quiet=2
DEBIAN_FRONTEND=noninteractive $as_root $install >/dev/null
