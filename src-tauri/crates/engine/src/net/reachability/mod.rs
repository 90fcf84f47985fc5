//! How others get here, and why not: which of our addresses they can reach, the ports that routers open, and relays.
//!
//! | file | room |
//! |---|---|
//! | `probe` `autonat` | which of our addresses others can reach, as others who tried them say |
//! | `observed` `candidates` | where others see us |
//! | `ports` | ports that are kept open on this network's routers |
//! | `relays` | who passes connections on to us while nobody can come straight |
//! | `ladder` | what all of it means: the ways in which others get here, and why the others don't stand |

pub(super) mod autonat;
pub(super) mod candidates;
pub(super) mod ladder;
pub(super) mod observed;
pub(super) mod ports;
pub(super) mod probe;
pub(super) mod relays;
