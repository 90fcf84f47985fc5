//! What the crate promises, from the outside: published CIDs, round trips with any parameters, and
//! what hostile blocks get. Input of all kinds is tried by the fuzzer (`src/fuzz.rs`).

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod car;
mod cids;
mod hostile;
mod round_trip;
mod support;
mod vectors;
