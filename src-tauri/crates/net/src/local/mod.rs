//! This machine's own networks, and the devices on them.

pub(crate) mod devices;
