//! Lines and chunks on the control socket, each with its bound.

use std::io;

use bytes::Bytes;
use engine::api::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt,
};

/// Bytes of a request: as many paths as a command line can hold.
pub(super) const MAX_REQUEST: u64 = 8 << 20;
/// Bytes of an answer: half a million items.
pub(super) const MAX_ANSWER: u64 = 256 << 20;
/// Bytes of a chunk: the largest block of content, twice.
const MAX_CHUNK: usize = 4 << 20;

/// A line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Value(Value),
    Problem(Problem),
    /// This many bytes follow, then the next line.
    Bytes(usize),
    End,
}

pub(super) async fn write_line<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    line: &T,
) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    to.write_all(&text).await?;
    to.flush().await
}

/// The next line; `UnexpectedEof` when there is none, `InvalidData` when it is longer than `limit` or not what is expected.
pub(super) async fn read_line<T: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
    limit: u64,
) -> io::Result<T> {
    let mut text = Vec::new();
    from.take(limit).read_until(b'\n', &mut text).await?;
    match text.pop() {
        Some(b'\n') => Ok(serde_json::from_slice(&text)?),
        Some(_) if text.len() as u64 + 1 == limit => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the line is too long",
        )),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

pub(super) async fn write_chunk(
    to: &mut (impl AsyncWrite + Unpin),
    chunk: &Bytes,
) -> io::Result<()> {
    for part in chunk.chunks(MAX_CHUNK) {
        write_line(to, &Line::Bytes(part.len())).await?;
        to.write_all(part).await?;
    }
    to.flush().await
}

pub(super) async fn read_chunk(
    from: &mut (impl AsyncRead + Unpin),
    len: usize,
) -> io::Result<Bytes> {
    if len > MAX_CHUNK {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the chunk is too long",
        ));
    }
    let mut chunk = vec![0; len];
    from.read_exact(&mut chunk).await?;
    Ok(chunk.into())
}
