//! What a call is, and what it can be answered with.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use engine::api::Problem;
use engine::{Engine, guarded};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Request, problem};

/// One thing that an engine can be asked, with what belongs to the question.
pub(crate) trait Call:
    Serialize + DeserializeOwned + Into<Request> + Send + 'static
{
    /// Its name on the wire.
    const NAME: &'static str;
    /// It changes nothing and may take long: whoever asked may leave, and nobody has to finish it.
    const ONLY_WAITS: bool = false;

    type Answer: Answer;

    fn run(self, engine: &Engine) -> impl Future<Output = Result<Self::Answer, Problem>> + Send;
}

/// The answer to a call; a fault of ours costs no more than this one.
pub(crate) async fn answered<T>(
    answer: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let answer = guarded(answer).await;
    answer.unwrap_or_else(|fault| Err(fault.problem()))
}

/// What calls are answered with: values, which are JSON on the way to others, or bytes.
pub(crate) trait Answer: Sized + Send {
    fn into_reply(self) -> Result<Reply, Problem>;
    /// From an engine that may be of another version.
    fn from_reply(reply: Reply) -> Result<Self, Problem>;
}

/// An answer on its way to another process or to the page.
pub(crate) enum Reply {
    Value(Value),
    Bytes(ByteStream),
}

/// A file's bytes in order; ends after the first problem.
pub(crate) struct ByteStream(BoxStream<'static, Result<Bytes, Problem>>);

impl<T: Serialize + DeserializeOwned + Send> Answer for T {
    fn into_reply(self) -> Result<Reply, Problem> {
        let value = serde_json::to_value(self);
        value
            .map(Reply::Value)
            .map_err(|error| problem::unwritable(&error))
    }

    fn from_reply(reply: Reply) -> Result<Self, Problem> {
        match reply {
            Reply::Value(value) => {
                serde_json::from_value(value).map_err(|error| problem::other_version(&error))
            }
            Reply::Bytes(_) => Err(problem::other_version(&"bytes instead of a value")),
        }
    }
}

impl Answer for ByteStream {
    fn into_reply(self) -> Result<Reply, Problem> {
        Ok(Reply::Bytes(self))
    }

    fn from_reply(reply: Reply) -> Result<Self, Problem> {
        match reply {
            Reply::Bytes(bytes) => Ok(bytes),
            Reply::Value(_) => Err(problem::other_version(&"a value instead of bytes")),
        }
    }
}

impl ByteStream {
    pub(crate) fn new(chunks: impl Stream<Item = Result<Bytes, Problem>> + Send + 'static) -> Self {
        Self(chunks.boxed())
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes, Problem>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_is_an_answer() {
        let broken = answered::<()>(async { panic!("a word") }).await;
        let problem = broken.unwrap_err();
        assert_eq!(problem.code, "fault");
        assert!(problem.message.contains("a word"), "{}", problem.message);
        assert_eq!(answered(async { Ok(1) }).await, Ok(1));
    }
}
