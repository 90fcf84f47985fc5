//! Every call that a person's programs may make: the command line today, from this process or another.

pub(crate) mod handlers;
pub(crate) mod inside;
pub(crate) mod problem;
pub(crate) mod types;
#[cfg(test)]
mod typescript;
