use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use engine::api::{ItemId, Problem};
use futures::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::{Remote, Server};
use crate::api::{
    ByteStream, CatRequest, ChangesRequest, ItemRequest, ItemsRequest, Reply, Request, problem,
};

/// Answers each request with what was asked.
async fn echo(request: Request) -> Result<Reply, Problem> {
    match request {
        Request::CatRequest(CatRequest { patience: 0, .. }) => Err(problem::nobody_has_it(0)),
        Request::CatRequest(_) => {
            let chunks = [Ok(Bytes::from_static(b"one")), Ok(vec![7; 5 << 20].into())];
            let broken = [Err(problem::engine_busy())];
            let chunks = futures::stream::iter(chunks.into_iter().chain(broken));
            Ok(Reply::Bytes(ByteStream::new(chunks)))
        }
        request => Ok(Reply::Value(serde_json::to_value(request).unwrap())),
    }
}

async fn ask(remote: &Remote, request: impl Into<Request>) -> Result<Value, String> {
    match remote.ask(&request.into()).await {
        Ok(Reply::Value(value)) => Ok(value),
        Ok(Reply::Bytes(_)) => panic!("bytes"),
        Err(problem) => Err(problem.code),
    }
}

async fn find(dir: &Path) -> Remote {
    Remote::find(dir).await.unwrap().unwrap()
}

fn cat(patience: u64) -> Request {
    Request::from(CatRequest {
        link: String::new(),
        patience,
    })
}

#[tokio::test]
async fn a_request_gets_its_answer() {
    let dir = TempDir::new().unwrap();
    let server = Server::open(dir.path(), echo).unwrap();
    let remote = find(dir.path()).await;
    assert_eq!(
        ask(&remote, ItemsRequest).await.unwrap(),
        json!({"call": "items"})
    );
    assert_eq!(
        ask(&remote, ItemRequest { id: ItemId(7) }).await.unwrap(),
        json!({"call": "item", "with": {"id": 7}})
    );
    assert_eq!(ask(&remote, cat(0)).await.unwrap_err(), "nobody-has-it");
    server.close().await;
    assert_eq!(
        ask(&remote, ItemsRequest).await.unwrap_err(),
        "engine-stopped"
    );
    assert!(Remote::find(dir.path()).await.unwrap().is_none());
}

#[tokio::test]
async fn bytes_come_in_order_and_end_with_what_went_wrong() {
    let dir = TempDir::new().unwrap();
    let _server = Server::open(dir.path(), echo).unwrap();
    let Ok(Reply::Bytes(mut chunks)) = find(dir.path()).await.ask(&cat(1)).await else {
        panic!("no bytes");
    };
    let mut all = Vec::new();
    let problem = loop {
        match chunks.next().await.unwrap() {
            Ok(chunk) => all.extend_from_slice(&chunk),
            Err(problem) => break problem,
        }
    };
    assert!(all.starts_with(b"one\x07") && all.len() == 3 + (5 << 20));
    assert_eq!(problem.code, "engine-busy");
    assert!(chunks.next().await.is_none());
}

#[tokio::test]
async fn what_a_killed_engine_left_hinders_nobody() {
    let dir = TempDir::new().unwrap();
    assert!(Remote::find(dir.path()).await.unwrap().is_none());
    drop(std::os::unix::net::UnixListener::bind(dir.path().join("control.sock")).unwrap());
    assert!(Remote::find(dir.path()).await.unwrap().is_none());
    let _server = Server::open(dir.path(), echo).unwrap();
    find(dir.path()).await;
}

#[tokio::test]
async fn only_this_user_can_open_it() {
    use std::os::unix::fs::PermissionsExt;

    let dir = TempDir::new().unwrap();
    let _server = Server::open(dir.path(), echo).unwrap();
    let socket = fs_err::metadata(dir.path().join("control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn who_leaves_cancels_only_their_wait() {
    let dir = TempDir::new().unwrap();
    let (began, finished) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (go_on, given_up) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let service = {
        let (began, finished) = (Arc::clone(&began), Arc::clone(&finished));
        let (go_on, given_up) = (Arc::clone(&go_on), Arc::clone(&given_up));
        move |request: Request| {
            let (began, finished) = (Arc::clone(&began), Arc::clone(&finished));
            let (go_on, given_up) = (Arc::clone(&go_on), Arc::clone(&given_up));
            async move {
                match request {
                    Request::HelloRequest(_) => {}
                    Request::ChangesRequest(_) => {
                        let _told = Told(given_up);
                        began.notify_one();
                        go_on.notified().await;
                    }
                    _ => {
                        began.notify_one();
                        go_on.notified().await;
                        finished.notify_one();
                    }
                }
                Ok(Reply::Value(Value::Null))
            }
        }
    };
    let _server = Server::open(dir.path(), service).unwrap();
    let remote = find(dir.path()).await;

    let wait = Request::from(ChangesRequest {
        since: 0,
        wait_ms: 60_000,
        only: None,
    });
    tokio::select! {
        _ = remote.ask(&wait) => panic!("it was not to be answered"),
        () = began.notified() => {}
    }
    given_up.notified().await;

    let items = Request::from(ItemsRequest);
    tokio::select! {
        _ = remote.ask(&items) => panic!("it was not to be answered"),
        () = began.notified() => {}
    }
    // The one who asked is gone; what it began ends all the same.
    go_on.notify_one();
    finished.notified().await;
}

/// Notifies when it is dropped.
struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn nonsense_is_answered_with_a_problem() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let dir = TempDir::new().unwrap();
    let _server = Server::open(dir.path(), echo).unwrap();
    for line in [&b"nonsense\n"[..], b"{\"call\":\"explode\"}\n", b"\xff\n"] {
        let mut stream = tokio::net::UnixStream::connect(dir.path().join("control.sock"))
            .await
            .unwrap();
        stream.write_all(line).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("{\"problem\":{\"code\":\"other-version\""),
            "{answer}"
        );
    }
}
