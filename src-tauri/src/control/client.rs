//! The other process's side: finds the engine that runs on a data directory, and asks it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::api::Problem;
use interprocess::local_socket::GenericFilePath;
use interprocess::local_socket::tokio::{Stream, prelude::*};
use tokio::io::BufReader;

use super::wire::{self, Line, MAX_ANSWER};
use super::{Ask, address};
use crate::api::{ByteStream, HelloRequest, Reply, Request, problem};

/// How long a running engine or window may take to say hello. It answers within milliseconds unless it is stopped or stuck, or
/// the computer has far more to do than it can: then it answers late, and is not to be stopped.
const HELLO_PATIENCE: Duration = Duration::from_mins(1);

/// The engine that another process runs.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    path: PathBuf,
}

impl Remote {
    /// `None` when no engine runs on that data directory.
    pub(crate) async fn find(data_dir: &Path) -> Result<Option<Self>, Problem> {
        if !data_dir.is_dir() {
            return Ok(None);
        }
        let remote = Self::at::<Request>(data_dir)?;
        let answered = remote.knock(&Request::from(HelloRequest)).await?;
        Ok(answered.then_some(remote))
    }

    /// Asks whoever is behind that socket of the data directory; false when nobody is.
    #[cfg(feature = "desktop")]
    pub(crate) async fn tell<R: Ask>(data_dir: &Path, request: &R) -> Result<bool, Problem> {
        Self::at::<R>(data_dir)?.knock(request).await
    }

    fn at<R: Ask>(data_dir: &Path) -> Result<Self, Problem> {
        let path =
            address::of(data_dir, R::SOCKET).map_err(|error| problem::control(data_dir, &error))?;
        Ok(Self { path })
    }

    /// Whether somebody answers.
    async fn knock<R: Ask>(&self, request: &R) -> Result<bool, Problem> {
        match tokio::time::timeout(HELLO_PATIENCE, self.try_ask(request)).await {
            Ok(Ok(Ok(_))) => Ok(true),
            Ok(Ok(Err(problem))) => Err(problem),
            Ok(Err(error)) if nobody_there(&error) => Ok(false),
            Ok(Err(error)) => Err(problem::control(&self.path, &error)),
            Err(_) => Err(problem::engine_silent()),
        }
    }

    pub(crate) async fn ask(&self, request: &Request) -> Result<Reply, Problem> {
        match self.try_ask(request).await {
            Ok(answer) => answer,
            Err(error) => Err(lost(&error)),
        }
    }

    async fn try_ask<R: Ask>(&self, request: &R) -> io::Result<Result<Reply, Problem>> {
        let text = match serde_json::to_value(request) {
            Ok(text) => text,
            Err(error) => return Ok(Err(problem::unwritable(&error))),
        };
        let name = self.path.as_path().to_fs_name::<GenericFilePath>()?;
        let mut stream = BufReader::new(Stream::connect(name).await?);
        wire::write_line(&mut stream, &text).await?;
        Ok(match wire::read_line(&mut stream, MAX_ANSWER).await? {
            Line::Value(value) => Ok(Reply::Value(value)),
            Line::Problem(problem) => Err(problem),
            first @ (Line::Bytes(_) | Line::End) => Ok(Reply::Bytes(bytes(first, stream))),
        })
    }
}

/// The chunks of an answer whose first line was read.
fn bytes(first: Line, stream: BufReader<Stream>) -> ByteStream {
    let chunks = futures::stream::unfold(Some((Some(first), stream)), |state| async move {
        let (first, mut stream) = state?;
        let line = match first {
            Some(line) => Ok(line),
            None => wire::read_line(&mut stream, MAX_ANSWER).await,
        };
        match line {
            Ok(Line::Bytes(len)) => match wire::read_chunk(&mut stream, len).await {
                Ok(chunk) => Some((Ok(chunk), Some((None, stream)))),
                Err(error) => Some((Err(lost(&error)), None)),
            },
            Ok(Line::End) => None,
            Ok(Line::Problem(problem)) => Some((Err(problem), None)),
            Ok(Line::Value(_)) => Some((Err(problem::other_version(&"a value among bytes")), None)),
            Err(error) => Some((Err(lost(&error)), None)),
        }
    });
    ByteStream::new(chunks)
}

/// No socket, or one that a killed engine left.
fn nobody_there(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    matches!(
        error.kind(),
        NotFound | ConnectionRefused | ConnectionReset | BrokenPipe | UnexpectedEof
    )
}

fn lost(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::InvalidData => problem::other_version(error),
        _ => problem::engine_stopped(),
    }
}
