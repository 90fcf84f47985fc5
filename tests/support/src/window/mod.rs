//! A person's desktop without a person: the real window on a screen of its own, its tray, its clipboard, files dragged onto
//! it, and what a test reads and clicks in it.
//!
//! Each [`Desktop`] has its own X server, D-Bus, home and data directory, so that two of them are two computers. The
//! window is driven through WebDriver, by the roles and names that a screen reader would speak ([`place`]); everything
//! that comes from outside the page comes as real X and D-Bus traffic. Nothing waits for a time: [`until`](super::wait::until) looks again
//! and again until what was awaited is there.

mod app;
mod browser;
mod desktop;
mod group;
mod helper;
mod keys;
mod pages;
mod place;
mod processes;

pub use app::Window;
pub use desktop::Desktop;
