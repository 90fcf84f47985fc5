#!/bin/bash
# Installs what Shoal needs and Debian has, or says which command does. Rust itself comes from rustup.rs.
#   packages.sh           everything: to build it, to test it, to package it
#   packages.sh headless  to build it without a window
#   packages.sh window    to build it with its window
set -euo pipefail
what=${1:-all}

if ! command -v cargo >/dev/null; then
    echo "Rust is not installed: see https://rustup.rs" >&2
    exit 1
fi

missing=()
# program → Debian package that has it
need() {
    type -P "$1" >/dev/null || missing+=("$2")
}
# pkg-config's name of a library → Debian package to build with it
need_library() {
    pkg-config --exists "$1" 2>/dev/null || missing+=("$2")
}
# Debian package of which no program or library tells whether it is there
need_package() {
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] || missing+=("$1")
}

need cc build-essential
if [ "$what" != headless ] && [ "$(uname)" = Linux ]; then
    need npm npm
    need pkg-config pkg-config
    need_library webkit2gtk-4.1 libwebkit2gtk-4.1-dev
    need_library ayatana-appindicator3-0.1 libayatana-appindicator3-dev
    need_library librsvg-2.0 librsvg2-dev
fi
if [ "$what" = all ]; then
    need kill procps
    need git git
    need mount mount
    need mkfs.vfat dosfstools
    need mkfs.exfat exfatprogs
    need mount.exfat-fuse exfat-fuse
    need script bsdutils
    need go golang-go
    need npm npm
    # The lab: networks of its own, and routers that translate addresses and open ports. This package of miniupnpd has the
    # program alone: no questions, and nothing that starts it on this machine.
    need ip iproute2
    need_package nftables
    need_package miniupnpd-nftables
    need python3 python3
    # The pages, tested in a browser.
    need chromium chromium
    # The window, tested on a desktop of its own: a display, a driver, a tray, a source of drops.
    need Xvfb xvfb
    need WebKitWebDriver webkit2gtk-driver
    need xdotool xdotool
    need dbus-run-session dbus-daemon
    need_package python3-dbus
    need_package python3-gi
    need_package gir1.2-gtk-3.0
    # Films in previews.
    need_package gstreamer1.0-plugins-good
    # Packages, and the checks of what is in them.
    need rpmbuild rpm
    need desktop-file-validate desktop-file-utils
    need appstreamcli appstream
fi

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
readarray -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
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
# sudo hands on no environment of its own accord.
$as_root env DEBIAN_FRONTEND=noninteractive $install >/dev/null
