//! The guard of the architecture: reads the sources of a workspace as syntax trees, and says what breaks its plan.
//!
//! [`workspace`] finds the crates, [`sources`] reads whole files and leaves out what stands behind `#[cfg(test)]` and
//! only that, [`graph`] says which room imports which, [`rules`] are the checks, [`plan`] is what this workspace
//! promises, [`map`] prints the graph and the sizes. What macros make of their arguments is read as tokens.
//!
//! A crate of its own, so that `make map` needs neither the engine nor a desktop to be built.

pub mod graph;
pub mod map;
pub mod module;
pub mod plan;
pub mod rules;
pub mod sources;
#[cfg(test)]
mod tests;
mod visit;
pub mod workspace;
