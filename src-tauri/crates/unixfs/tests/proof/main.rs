//! What the crate promises, from the outside: published CIDs, round trips with any parameters, and
//! what hostile blocks get.
//!
//! `bodies` is what the fuzzer runs; here it runs on generated input.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod arbitrary;
#[expect(unreachable_pub, reason = "it is the fuzzer's library too")]
#[path = "../../../../../fuzz/src/lib.rs"]
mod bodies;
mod car;
mod cids;
mod hostile;
mod round_trip;
mod support;
mod vectors;
