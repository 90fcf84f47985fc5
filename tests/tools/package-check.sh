#!/bin/bash
# Installs a deb on this machine, uses it as a person would, and removes it again: started by a link, shares, fetches,
# quits, and leaves nothing behind. Its rpm beside it has to hold the same.
#   package-check.sh DEB RPM       (as root, on Debian)
set -euo pipefail
deb=$(realpath "$1")
rpm=$(realpath "$2")
work=$(mktemp -d)
processes=()

leave() {
    for process in "${processes[@]}"; do
        kill "$process" 2>/dev/null || true
    done
    wait
    if [ -e "$work/installed" ]; then
        DEBIAN_FRONTEND=noninteractive apt-get purge --yes shoal >/dev/null
    fi
    rm -rf "$work"
}
trap leave EXIT

say() { printf '%s\n' "package: $*"; }
fail() {
    say "$*" >&2
    cat "$work"/*.log >&2 2>/dev/null || true
    exit 1
}
# wait_for SECONDS WHAT COMMAND…
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || fail "$what"
        sleep 0.2
    done
}

if dpkg-query --show --showformat '${db:Status-Status}' shoal 2>/dev/null | grep -q '^installed'; then
    fail "Shoal is installed here already: this check would remove it"
fi

say "what is in it"
dpkg-deb --extract "$deb" "$work/root"
desktop-file-validate "$work/root/usr/share/applications/Shoal.desktop"
appstreamcli validate --no-net "$work/root/usr/share/metainfo/app.shoal.Shoal.metainfo.xml" >"$work/appstream.log" ||
    fail "the metadata is not valid"
# A distribution's own places differ.
listed() { sed -E 's,^/usr/share/(doc|licenses)/,/LEGAL/,; s,^/usr/share/zsh/[^/]*/,/ZSH/,' | sort; }
diff <(cd "$work/root" && find . -type f | cut -c2- | listed) <(rpm --query --package --list "$rpm" 2>/dev/null | listed) ||
    fail "deb and rpm hold different files"

say "installing"
touch "$work/installed"
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$deb" >"$work/install.log" 2>&1 ||
    fail "it can't be installed"
dpkg --listfiles shoal | while read -r file; do [ -d "$file" ] || echo "$file"; done >"$work/files"
if ldd /usr/bin/shoal | grep 'not found'; then
    fail "a library is missing that the package should depend on"
fi
man --warnings /usr/share/man/man1/shoal.1.gz >/dev/null 2>&1 || [ ! -x /usr/bin/man ] || fail "the manual page is broken"

say "starting it by a link, on a desktop of its own"
export HOME=$work/home XDG_RUNTIME_DIR=$work/run SHOAL_LOCAL=1
unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME SHOAL_DATA_DIR DBUS_SESSION_BUS_ADDRESS WAYLAND_DISPLAY
mkdir -p "$HOME" "$work/shared folder"
mkdir -m 700 "$XDG_RUNTIME_DIR"
head -c 3M /dev/urandom >"$work/shared folder/film.mov"
echo "Taken from the pier." >"$work/shared folder/read me.txt"

other() { shoal --data-dir "$work/other" --json "$@"; }
other daemon >"$work/other.log" 2>&1 &
processes+=($!)
wait_for 20 "the other side does not start" grep -q '"event":"ready"' "$work/other.log"
link=$(other share "$work/shared folder" | sed -n 's/.*"link":"\([^"]*\)".*/\1/p' | tail -1)

Xvfb -displayfd 7 -screen 0 1280x800x24 7>"$work/display" 2>"$work/xvfb.log" &
processes+=($!)
wait_for 20 "no display" test -s "$work/display"
DISPLAY=:$(cat "$work/display")
export DISPLAY
dbus-daemon --session --nofork --print-address=8 8>"$work/bus" >"$work/bus.log" 2>&1 &
processes+=($!)
wait_for 20 "no message bus" test -s "$work/bus"
DBUS_SESSION_BUS_ADDRESS=$(head -1 "$work/bus")
export DBUS_SESSION_BUS_ADDRESS

gio mime x-scheme-handler/ipfs | grep -q Shoal.desktop || fail "ipfs links are not Shoal's"
gio open "$link" >"$work/window.log" 2>&1
wait_for 30 "no window" xdotool search --onlyvisible --name '^Shoal$'
wait_for 30 "the window's engine does not answer" shoal --json network

say "sharing and fetching with it"
here=$(shoal --json share "$work/shared folder/read me.txt" | sed -n 's/.*"link":"\([^"]*\)".*/\1/p' | tail -1)
[ -n "$here" ] || fail "it shares nothing"
other get "$here" --into "$work/got" >"$work/got.log"
cmp "$work/shared folder/read me.txt" "$work/got/read me.txt"
shoal --json get "$link" --into "$work/fetched" >"$work/fetched.log"
diff -r "$work/shared folder" "$work/fetched/shared folder"

say "ending it"
window=$(xdotool search --onlyvisible --name '^Shoal$' getwindowpid | head -1)
kill -TERM "$window"
wait_for 20 "it does not end" sh -c "! kill -0 $window"

say "removing it"
DEBIAN_FRONTEND=noninteractive apt-get purge --yes shoal >"$work/purge.log" 2>&1 || fail "it can't be removed"
rm "$work/installed"
while read -r file; do
    [ ! -e "$file" ] || fail "$file is left behind"
done <"$work/files"
say "it installs, starts, shares, fetches, ends and goes without a trace"
