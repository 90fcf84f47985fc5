//! Sound and films for the page, on systems whose web view plays them only from `http`.
//!
//! WebKitGTK hands a film's address to GStreamer, which knows no schemes of an app's own. So while something plays, and only
//! then, a listener on 127.0.0.1 hands out that one file: to whoever knows its address, which has 256 random bits in it and
//! is told to nobody but the page. It takes no commands, answers GET and HEAD alone, and is gone with the player.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::api::Problem;
use futures::TryStreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tauri::{AppHandle, Manager};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use super::Shell;
use super::content::{self, Content};
use crate::api::problem;
use crate::range::Part;

/// Connections at once: a player has one or two, more while it seeks.
const MAX_CONNECTIONS: usize = 16;
/// How long a connection may take to ask.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to accept, when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What plays now, at most one file.
#[derive(Debug, Default)]
pub(super) struct Player(Mutex<Option<Playing>>);

/// Ends with this value, and every connection with it.
#[derive(Debug)]
struct Playing(AbortHandle);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Player {
    /// Serves this file instead of what played before; where it can be played from.
    pub(super) async fn play(&self, app: &AppHandle, content: Content) -> Result<String, Problem> {
        let opened = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = opened.map_err(|error| problem::no_player(&error))?;
        let address = listener.local_addr();
        let host = address
            .map_err(|error| problem::no_player(&error))?
            .to_string();
        let path = format!("/{}", token());
        let url = format!("http://{host}{path}");
        let film = Arc::new(Film {
            app: app.clone(),
            content,
            host,
            path,
        });
        let serving = tokio::spawn(accept(listener, film));
        self.set(Some(Playing(serving.abort_handle())));
        Ok(url)
    }

    pub(super) fn stop(&self) {
        self.set(None);
    }

    fn set(&self, playing: Option<Playing>) {
        let mut current = self.0.lock();
        *current = playing;
    }
}

#[derive(Debug)]
struct Film {
    app: AppHandle,
    content: Content,
    /// What requests have to name, so that no web page can reach it under another name.
    host: String,
    /// The secret.
    path: String,
}

/// 256 random bits.
fn token() -> String {
    let (one, other): (u128, u128) = rand::random();
    format!("{one:032x}{other:032x}")
}

async fn accept(listener: TcpListener, film: Arc<Film>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let film = Arc::clone(&film);
                connections.spawn(async move {
                    connection(stream, film).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a player could not connect");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, film: Arc<Film>) {
    let service = service_fn(|request| {
        let film = Arc::clone(&film);
        async move { Ok::<_, Infallible>(film.answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a player left");
    }
}

impl Film {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
        if host != Some(self.host.as_bytes()) || request.uri().path() != self.path {
            return refuse(StatusCode::NOT_FOUND);
        }
        let answer = match *request.method() {
            Method::GET => self.respond(&request, true).await,
            Method::HEAD => self.respond(&request, false).await,
            _ => Ok(refuse(StatusCode::METHOD_NOT_ALLOWED)),
        };
        answer.unwrap_or_else(|problem| {
            tracing::warn!(problem.message, "it can't be played");
            refuse(StatusCode::SERVICE_UNAVAILABLE)
        })
    }

    async fn respond(
        &self,
        request: &Request<Incoming>,
        body: bool,
    ) -> Result<Response<Body>, Problem> {
        let engine = &self.app.state::<Shell>().engine;
        let size = self.content.size(engine).await?;
        let part = content::part(request.headers(), size);
        let (start, end) = match part {
            Part::Whole => (0, size),
            Part::Range(start, end) => (start, end),
            Part::Beyond => (0, 0),
        };
        let body = if body && start < end {
            let bytes = self.content.read(engine, start, end - start).await?;
            let frames = bytes
                .map_ok(Frame::data)
                .map_err(|problem| io::Error::other(problem.message));
            StreamBody::new(frames).boxed_unsync()
        } else {
            nothing()
        };
        let response = self.content.head(part, size).body(body);
        response.map_err(|error| problem::no_player(&error))
    }
}

fn refuse(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(nothing());
    *response.status_mut() = status;
    response
}

fn nothing() -> Body {
    Empty::new()
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}
