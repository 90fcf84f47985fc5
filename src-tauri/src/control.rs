//! The control socket: a second process talks to the engine, or the window, that runs on a data directory.
//!
//! A Unix socket in the data directory, or a named pipe on Windows, one for each kind of request
//! ([`Ask`]); never TCP, and only this user can open it. A connection carries one request, a line of
//! JSON, and its answer: a line of JSON, or chunks of bytes with a line before each. Lines, chunks and
//! connections are bounded. Whoever leaves cancels nothing but their own wait: what a request began
//! goes on.

mod address;
mod client;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod server;
mod wire;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Request;

pub(crate) use client::Remote;
pub(crate) use server::Server;

/// A kind of requests, and the socket that takes them.
pub(crate) trait Ask: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The socket's name within the data directory.
    const SOCKET: &str;

    /// It changes nothing: whoever asked may leave, and nobody has to finish it.
    fn only_waits(&self) -> bool {
        false
    }
}

impl Ask for Request {
    const SOCKET: &str = "control";

    fn only_waits(&self) -> bool {
        Self::only_waits(self)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
