#!/bin/bash
# The compiler as Cargo calls it for the fuzzer: Shoal's crates, and the decoders of others that they give strangers' bytes to, count
# which ways a run took. Everything else is compiled as usual. Stable Rust can do that; a sanitizer, for which it takes a nightly one,
# would find nothing in Shoal's own code, which has no `unsafe`.
rustc=$1
shift
name=
# What is compiled for a target, and not for the compilation itself.
[[ ${1:-} = --crate-name && " $* " = *" --target "* ]] && name=$2
case $name in
unixfs | bitswap | store | net | engine | shoal | shoal_fuzz)
    set -- "$@" --cfg fuzzing
    ;;
cid | multibase | multihash | multiaddr | url | percent_encoding | libp2p_identity | libp2p_tls | x509_parser | asn1_rs | der_parser | yamux) ;;
*)
    exec "$rustc" "$@"
    ;;
esac
# As `cargo fuzz` has it.
exec "$rustc" "$@" -Clto=off -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
