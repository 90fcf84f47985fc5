//! What I share: files become items, are read for others, and are watched for change. Files stay where they are.

mod open;
mod pread;
pub mod source;

pub use source::{Doubt, DoubtKind, Source};
