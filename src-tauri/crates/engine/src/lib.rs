//! Shoal's engine: everything that has state. Shares and downloads, the index of their blocks, and the network.
//!
//! [`Engine`] is the door: start one on a data directory, ask it for things, and pull what happened from
//! [`Engine::changes`]. It knows nothing of windows, terminals or command lines.

pub mod activity;
pub mod config;
mod deletion;
mod diagnostics;
mod engine;
pub mod error;
pub mod fetch;
pub mod index;
pub mod inside;
mod jobs;
pub mod library;
mod limits;
pub mod link;
mod nat;
pub mod net;
pub mod paths;
mod people;
mod queue;
mod rates;
mod requests;
pub mod schedule;
mod serve;
pub mod types;
pub mod view;
mod work;

pub use engine::{Engine, Options, compute_cid};
pub use error::EngineError;
pub use index::Announce;
pub use requests::{
    Action, AddressView, CheckRequest, CheckView, DownloadRequest, EntryView, How, MappingView,
    NearbyView, NetworkView, PeerView, PersonView, PublicCheck, RelayState, RelayView, Report,
    RouterView, Rung, RungKind, RungState, ServiceKind, ServiceView, ShareRequest, SourceView,
    Spoken, Standing, StandingRequest, Transport, Verdict,
};
