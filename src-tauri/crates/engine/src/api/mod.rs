//! All that crosses the border to the window and the command line: what is asked of the engine, and what it answers.
//!
//! Plain data that knows no room of the engine, so that every room may speak of it. Every field says its unit.

mod devices;
mod inside;
mod items;
mod list;
mod network;
pub mod path;
mod problem;
mod settings;

pub use self::devices::*;
pub use self::inside::*;
pub use self::items::*;
pub use self::list::*;
pub use self::network::*;
pub use self::problem::*;
pub use self::settings::*;
