//! One program for all targets: `SHOAL_FUZZ_TARGET` names the one to run, the arguments are libFuzzer's.

#![no_main]

use std::sync::LazyLock;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let crates = [
        unixfs::fuzz::TARGETS,
        bitswap::fuzz::TARGETS,
        store::fuzz::TARGETS,
        net::fuzz::TARGETS,
        engine::fuzz::TARGETS,
        shoal::fuzz::TARGETS,
    ];
    let name = std::env::var("SHOAL_FUZZ_TARGET").unwrap_or_default();
    let mut targets = crates.into_iter().flatten();
    let target = targets.find(|(target, _)| *target == name);
    target.map_or_else(
        || panic!("SHOAL_FUZZ_TARGET is {name:?}, which is none"),
        |(_, run)| *run,
    )
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| RUN(bytes));
