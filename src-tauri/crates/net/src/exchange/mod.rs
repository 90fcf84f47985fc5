//! Sessions, the dials that they ask for, and blocks in both directions.

pub(crate) mod dial;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod sessions;
