//! What I share: files become items, are read for others, and are watched for change. Files stay where they are.

mod control;
pub mod import;
mod look;
pub mod names;
mod open;
mod pread;
pub mod scan;
pub mod source;
mod walk;

pub use control::{Control, Progress, Snapshot, Stopped};
pub use import::{ImportError, ImportRequest, Imported, compute, import};
pub(crate) use look::{Found, look};
pub(crate) use scan::holds;
pub use scan::{Depth, Listed, ScanError, ScanReport, scan};
pub use source::{Doubt, DoubtKind, Source};

#[cfg(test)]
mod tests;
