//! Shoal, the app: the command line and the window on top of [`engine::Engine`].
//!
//! [`cli`] turns words into calls and answers into text, [`desktop`] shows them in a window; [`api`] is every call there
//! is; [`control`] carries the same calls between processes, and [`connect`] finds whom to ask. Nothing here knows how
//! content is stored, found or sent.

mod api;
#[cfg(all(feature = "desktop", target_os = "linux"))]
mod autostart;
pub mod cli;
mod connect;
mod control;
#[cfg(feature = "desktop")]
mod desktop;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(any(test, fuzzing))]
mod fuzz_input {
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/src/input.rs"));
}
mod interrupt;
#[cfg(any(feature = "desktop", test, fuzzing))]
mod range;
mod shown;
