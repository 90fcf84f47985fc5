//! What this workspace promises, as ARCHITECTURE.md says it, and what is known to break it still.

use crate::rules::Border;

/// The only places that may use a name.
pub const BORDERS: &[Border] = &[
    Border {
        name: "rusqlite",
        homes: &["index"],
    },
    Border {
        name: "Swarm",
        homes: &[
            "net/src/swarm.rs",
            "net/src/swarm/start.rs",
            "tests/support/src/dht",
        ],
    },
    Border {
        name: "igd_next",
        homes: &["upnp.rs"],
    },
    Border {
        name: "tauri",
        homes: &["src-tauri/src/desktop"],
    },
];

/// What each crate may depend on: those below it. Crates of the tests have no place here, so nobody depends on them.
pub const DIRECTION: &[(&str, &[&str])] = &[
    ("shoal", &["engine"]),
    ("engine", &["net", "store", "bitswap", "unixfs"]),
    ("net", &["bitswap", "unixfs"]),
    ("store", &["bitswap", "unixfs"]),
    ("bitswap", &["unixfs"]),
    ("unixfs", &[]),
];

/// Modules that take the time and bytes as arguments and do nothing by themselves: ends of paths. All others that call themselves
/// "Pure:" in their header are checked as well.
pub const PURE: &[&str] = &[
    "unixfs",
    "bitswap::client",
    "bitswap::server",
    "fetch::plan",
    "ports::plan",
    "probe",
    "relays",
    "ladder",
    "observed",
    "dial",
    "trust",
    "health",
    "queue",
];

/// What joins a pure module to the swarm, and stands below it.
pub const JOINTS: &[&str] = &["trust::behaviour"];

/// Circles that are left: a crate and its rooms.
pub const KNOWN_CYCLES: &[(&str, &[&str])] = &[];

/// Structs that are too large still: their crate and name.
pub const KNOWN_STRUCTS: &[&str] = &[];

/// Files that are too long still.
pub const KNOWN_FILES: &[&str] = &[
    "src-tauri/crates/bitswap/src/server/tests.rs",
    "src-tauri/crates/engine/src/fetch/plan/tests.rs",
];
