//! The control socket: a second process talks to the engine that runs on a data directory.
//!
//! A Unix socket in the data directory, or a named pipe on Windows; never TCP, and only this user can open it. A
//! connection carries one request, a line of JSON, and its answer: a line of JSON, or chunks of bytes with a line before
//! each. Lines, chunks and connections are bounded. Whoever leaves cancels nothing but their own wait: what a request
//! began goes on.

mod address;
mod client;
mod server;
mod wire;

use bytes::Bytes;
use engine::types::Problem;
use futures::stream::BoxStream;
use serde_json::Value;

pub(crate) use client::Remote;
pub(crate) use server::Server;

/// What came of a request.
pub(crate) type Answer = Result<Reply, Problem>;

pub(crate) enum Reply {
    Value(Value),
    Bytes(ByteStream),
}

/// A file's bytes in order; ends after the first problem.
pub(crate) type ByteStream = BoxStream<'static, Result<Bytes, Problem>>;

#[cfg(test)]
#[cfg(unix)]
mod tests;
