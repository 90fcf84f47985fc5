#!/bin/bash
# A tour of Shoal without a window: Anna shares a folder, Ben fetches it, Anna leaves, and Cleo gets it from Ben.
# Three real nodes on this machine alone, in a temporary folder that is removed at the end.
#   tour.sh SHOAL
set -euo pipefail
shoal=$(realpath "$1")
tour=$(mktemp -d)
nodes=()

leave() {
    for node in "${nodes[@]}"; do
        kill -INT "$node" 2>/dev/null || true
    done
    wait
    rm -rf "$tour"
}
trap leave EXIT

say() { printf '\n\e[1m%s\e[0m\n' "$*"; }

# as PERSON COMMAND…: shows the command and runs it on that person's Shoal
as() {
    local person=$1
    shift
    printf '\e[2m%s$ shoal %s\e[0m\n' "$person" "$*"
    SHOAL_LOCAL=1 "$shoal" --data-dir "$tour/$person/.shoal" "$@"
}

# arrive PERSON: starts that person's Shoal and waits until it is ready
arrive() {
    local log=$tour/$1/log
    mkdir -p "$tour/$1"
    SHOAL_LOCAL=1 "$shoal" --data-dir "$tour/$1/.shoal" --json daemon >"$log" 2>&1 &
    nodes+=($!)
    for _ in {1..300}; do
        if grep -q '"event":"ready"' "$log"; then
            return
        fi
        if ! kill -0 $! 2>/dev/null; then
            break
        fi
        sleep 0.1
    done
    cat "$log" >&2
    exit 1
}

say "A folder to share: 96 MB in 203 files"
folder="$tour/anna/Sea pictures"
mkdir -p "$folder/thumbnails"
head -c 64M /dev/urandom >"$folder/film.mov"
head -c 30M /dev/urandom >"$folder/panorama.raw"
for number in {1..200}; do
    head -c 10K /dev/urandom >"$folder/thumbnails/$number.jpg"
done
echo "Taken from the pier." >"$folder/read me.txt"
du -sh --apparent-size "$folder"

say "Anna, Ben (whose line takes 30 MB a second) and Cleo each start Shoal"
arrive anna
anna=$!
# Slow enough to see the progress.
SHOAL_DOWNLOAD_LIMIT=30000000 arrive ben
arrive cleo

say "Anna shares the folder where it lies, and gets a link"
as anna share "$folder"
as anna list
link=$(SHOAL_LOCAL=1 "$shoal" --data-dir "$tour/anna/.shoal" --json share "$folder" | sed -n 's/.*"link":"\([^"]*\)".*/\1/p' | tail -1)

say "Ben opens the link"
as ben get "$link" --into "$tour/ben/Downloads"

say "Anna leaves; Cleo opens Ben's link to the same folder and gets it from him"
kill -INT "$anna"
id=$(SHOAL_LOCAL=1 "$shoal" --data-dir "$tour/ben/.shoal" --json list | sed -n 's/.*"id":"\{0,1\}\([^",}]*\).*/\1/p' | head -1)
link=$(SHOAL_LOCAL=1 "$shoal" --data-dir "$tour/ben/.shoal" --json link "$id" | sed -n 's/.*"link":"\([^"]*\)".*/\1/p')
as cleo get "$link" --into "$tour/cleo/Downloads"

say "Both copies are Anna's folder, byte by byte"
diff -r "$folder" "$tour/ben/Downloads/Sea pictures"
diff -r "$folder" "$tour/cleo/Downloads/Sea pictures"
echo "diff -r found no difference"
say "Nothing was copied to share it: Anna's Shoal needs $(du -sk "$tour/anna/.shoal" | cut -f1) KiB of disk for $(du -sk "$folder" | cut -f1) KiB of files"
