//! `preview://localhost/<item>/<path>`: a file's bytes for pictures and text in the page, also while it downloads.
//!
//! The web view hands over whole responses, never streams: a range is answered with at most [`MAX_PIECE`] of it, and a file
//! that is asked for without one has to fit into [`MAX_WHOLE`].

use std::sync::LazyLock;

use engine::api::Problem;
use futures::TryStreamExt;
use tauri::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use tauri::http::{HeaderMap, Method, Request, Response, StatusCode};
use tauri::{Manager, UriSchemeContext, UriSchemeResponder, Wry};
use tokio::sync::Semaphore;

use super::Shell;
use super::content::{self, Content};
use super::engine::EngineLink;
use crate::api::problem;
use crate::range::Part;

pub(super) const SCHEME: &str = "preview";

/// Bytes of a range that are answered at once.
const MAX_PIECE: u64 = 4 << 20;
/// Bytes of a file that is asked for as a whole: a photo of the largest cameras.
const MAX_WHOLE: u64 = 64 << 20;
/// Answers that are put together at once, each in memory.
const MAX_AT_ONCE: usize = 4;

static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(MAX_AT_ONCE));

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that Tauri calls"
)]
pub(super) fn serve(
    context: UriSchemeContext<'_, Wry>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let app = context.app_handle().clone();
    tauri::async_runtime::spawn(async move {
        let shell = app.state::<Shell>();
        responder.respond(answer(&shell.engine, &request).await);
    });
}

async fn answer(engine: &EngineLink, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let mut response = match (request.method(), Content::at(request.uri().path())) {
        (&Method::GET, Some(content)) => match bytes(engine, &content, request.headers()).await {
            Ok(response) => response,
            Err(problem) => refuse(StatusCode::NOT_FOUND, &problem),
        },
        _ => refuse(StatusCode::BAD_REQUEST, &problem::no_file()),
    };
    // The page's own origin, so that it can read text; no other page is ever loaded.
    if let Some(origin) = request.headers().get("origin") {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

async fn bytes(
    engine: &EngineLink,
    content: &Content,
    headers: &HeaderMap,
) -> Result<Response<Vec<u8>>, Problem> {
    let _place = PLACES.acquire().await;
    let size = content.size(engine).await?;
    let part = content::part(headers, size).at_most(MAX_PIECE);
    let (start, end) = match part {
        Part::Whole if size > MAX_WHOLE => {
            let problem = problem::too_big_to_show();
            return Ok(refuse(StatusCode::PAYLOAD_TOO_LARGE, &problem));
        }
        Part::Whole => (0, size),
        Part::Range(start, end) => (start, end),
        Part::Beyond => (0, 0),
    };
    let mut body = Vec::new();
    if start < end {
        let mut chunks = content.read(engine, start, end - start).await?;
        while let Some(chunk) = chunks.try_next().await? {
            body.extend_from_slice(&chunk);
        }
    }
    let response = content.head(part, size).body(body);
    response.map_err(|error| problem::other_version(&error))
}

/// The page reads the problem as it reads those of its calls.
fn refuse(status: StatusCode, problem: &Problem) -> Response<Vec<u8>> {
    let mut response = Response::new(serde_json::to_vec(problem).unwrap_or_default());
    *response.status_mut() = status;
    let json = tauri::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Where a player finds a file.
#[cfg(not(target_os = "linux"))]
pub(super) fn address(id: engine::api::ItemId, path: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    // Chromium on Windows takes an app's own schemes only in this form.
    let home = if cfg!(windows) {
        "http://preview.localhost"
    } else {
        "preview://localhost"
    };
    let path = utf8_percent_encode(path, NON_ALPHANUMERIC);
    format!("{home}/{id}/{path}")
}
