//! Who is connected: at which addresses, who is trusted and who is kept out, and how many may come from one network.

pub(crate) mod peers;
pub(crate) mod subnet_limit;
pub(crate) mod trust;
