#!/bin/bash
# Runs the fuzzer's targets one after the other, each for FUZZ_SECONDS, and prints what came of it. Fails if a promise was broken.
#   fuzz.sh TARGET [NAME…]     TARGET: where to compile; names of targets, all without any
# What is found grows in .cache/fuzz (or SHOAL_CACHE) from one time to the next; fuzz/corpus, with which it begins, stays as it is.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/tools/packages.sh headless
target=$1/fuzz
shift
seconds=${FUZZ_SECONDS:-60}
kept=$PWD/fuzz/corpus
names=("$@")
[ ${#names[@]} -gt 0 ] || readarray -t names < <(ls "$kept")

echo "fuzz: compiling" >&2
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_WRAPPER=$PWD/fuzz/rustc.sh CARGO_TARGET_DIR=$target \
    cargo build --quiet --release --locked --target "$host" --manifest-path fuzz/Cargo.toml
program=$target/$host/release/shoal-fuzz
work=${SHOAL_CACHE:-$PWD/.cache}/fuzz
# Some targets write files, which need not reach a disk.
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/shoal-fuzz-XXXXXX")
trap 'rm -rf "$scratch"' EXIT

printf '%-18s %11s %7s %7s %9s\n' target runs edges inputs findings
failed=0
for name in "${names[@]}"; do
    corpus=$work/corpus/$name findings=$work/findings/$name log=$work/$name.log
    mkdir -p "$corpus" "$findings"
    SHOAL_FUZZ_TARGET=$name TMPDIR=$scratch "$program" "$corpus" "$kept/$name" -max_total_time="$seconds" -max_len=32768 \
        -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$findings/" >"$log" 2>&1 || failed=1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%-18s %11s %7s %7s %9s\n' "$name" "${runs:--}" "${edges:--}" "$(ls "$corpus" | wc -l)" "$(ls "$findings" | wc -l)"
done
[ $failed = 0 ] || echo "fuzz: the inputs lie in $work/findings, what they broke stands in $work/*.log" >&2
exit $failed
