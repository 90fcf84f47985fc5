//! Shoal's engine: everything that has state. Shares and downloads, the index of their blocks, and
//! the network.
//!
//! [`Engine`] is the door: start one on a data directory, ask it for things, and pull what happened
//! from [`Engine::changes`]. It draws and prints nothing; what it answers is plain data ([`api`])
//! for a window and a command line, and some of its settings are kept for the window alone.

pub mod api;
mod collate;
mod devices;
mod engine;
mod error;
mod faults;
mod fetch;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(any(test, fuzzing))]
mod fuzz_input {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/input.rs"
    ));
}
mod items;
mod link;
mod list;
mod look;
mod network;
pub mod paths;
mod rates;
mod serve;
mod settings;
mod util;

pub use devices::DeviceError;
pub use engine::{Engine, Options, compute_cid};
pub use error::EngineError;
pub use faults::{Panicked, guarded};
pub use fetch::FetchError;
pub use items::ItemError;
pub use link::Link;
pub use look::{FileStat, Pieces, Reading};
pub use settings::Settings;
pub use store::files::{path_text, text_path};
pub use store::{HIDDEN, UNFINISHED};

/// What begins the reason in [`api::Skipped`] of what is there, by the name that follows.
pub const SAVED_AS: &str = store::Skipped::SAVED_AS;
