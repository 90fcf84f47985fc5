//! A web server of the tests, on 127.0.0.1: says to each path what the test wants.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// What is sent, as it stands; `hangs`: and then nothing, without an end.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    pub(super) hangs: bool,
}

impl Said {
    pub(super) fn status(status: &str, headers: &str) -> Self {
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n");
        Self {
            bytes: head.into_bytes(),
            hangs: false,
        }
    }

    /// A whole answer.
    pub(super) fn body(kind: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        Self {
            bytes: [head.as_bytes(), body].concat(),
            hangs: false,
        }
    }

    /// An answer whose length is not told.
    pub(super) fn stream(kind: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
        Self {
            bytes: [head.as_bytes(), body].concat(),
            hangs: false,
        }
    }

    pub(super) fn and_hangs(mut self) -> Self {
        self.hangs = true;
        self
    }
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: Url,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// `say` is given the path and the query of each request.
    pub(super) async fn start(say: impl Fn(&str) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (say, seen) = (Arc::new(say), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (say, seen) = (Arc::clone(&say), Arc::clone(&seen));
                tokio::spawn(async move {
                    let _ = serve(stream, |request| {
                        let path = request.split(' ').nth(1).unwrap().to_owned();
                        let said = say(&path);
                        seen.lock().unwrap().push(request);
                        said
                    })
                    .await;
                });
            }
        });
        Self {
            url: url.parse().unwrap(),
            asked,
            task,
        }
    }

    /// The heads of all requests so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, say: impl FnOnce(String) -> Said) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let said = say(String::from_utf8_lossy(&head).into_owned());
    stream.write_all(&said.bytes).await?;
    if said.hangs {
        // Until the other side has had enough.
        let _ = stream.read_u8().await;
    }
    stream.shutdown().await
}
