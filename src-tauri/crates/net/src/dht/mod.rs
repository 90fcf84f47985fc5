//! The DHTs, the public one and that of this network: who is in their tables, what they find, what is announced in them, and what
//! others announce to us.

pub(crate) mod announce;
pub(crate) mod find;
pub(crate) mod lan;
pub(crate) mod records;
pub(crate) mod remember;
pub(crate) mod routing;
