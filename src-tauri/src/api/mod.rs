//! Every call that a person's programs may make: the command line and the window, from this process
//! or another.
//!
//! A call is a type ([`Call`]): its fields are what is asked, its name is what travels, and it knows its
//! answer and how an engine finds it. [`Request`] is the list of them, for whoever learns only at run
//! time which call it is. In one process a call runs as it is, and its answer stays the type it is.

mod call;
mod changes;
mod devices;
mod inside;
mod items;
mod network;
pub(crate) mod problem;
mod program;
mod request;
#[cfg(test)]
mod typescript;

pub(crate) use self::call::{Answer, ByteStream, Call, Reply, answered};
pub(crate) use self::changes::*;
pub(crate) use self::devices::*;
pub(crate) use self::inside::*;
pub(crate) use self::items::*;
pub(crate) use self::network::*;
pub(crate) use self::program::*;
pub(crate) use self::request::Request;
