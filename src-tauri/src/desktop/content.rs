//! A file of an item as the page gets to see it: which bytes, under which type, and that none of it may run.
//!
//! Whatever was shared by whomever passes here. Nothing leaves as something that a browser would execute: pages and
//! scripts are plain text, and a response may not load, run or embed anything.

use engine::api::{ItemId, Problem};
use percent_encoding::percent_decode_str;
use tauri::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use tauri::http::{HeaderMap, StatusCode, response};

use super::engine::EngineLink;
use crate::api::{ByteStream, ReadRequest, SizeRequest};
use crate::range::Part;

/// What shows or plays without being able to do anything.
const TYPES: &[(&str, &[&str])] = &[
    ("image/avif", &["avif"]),
    ("image/bmp", &["bmp"]),
    ("image/gif", &["gif"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe", "jfif"]),
    ("image/jxl", &["jxl"]),
    ("image/png", &["png", "apng"]),
    // Its scripts don't run in an `img`, nor under the policy that goes with it.
    ("image/svg+xml", &["svg"]),
    ("image/webp", &["webp"]),
    ("image/x-icon", &["ico"]),
    ("audio/aac", &["aac"]),
    ("audio/flac", &["flac"]),
    ("audio/mp4", &["m4a", "m4b"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/ogg", &["ogg", "oga", "opus"]),
    ("audio/wav", &["wav"]),
    ("audio/webm", &["weba"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/ogg", &["ogv"]),
    ("video/quicktime", &["mov"]),
    ("video/webm", &["webm"]),
    ("video/x-matroska", &["mkv"]),
    ("video/x-msvideo", &["avi"]),
    ("video/mpeg", &["mpg", "mpeg"]),
    ("application/pdf", &["pdf"]),
    (
        "application/octet-stream",
        &[
            "zip", "gz", "xz", "zst", "7z", "rar", "iso", "exe", "bin", "tar",
        ],
    ),
];

/// Everything else: text if it is text, and never a page.
const TEXT: &str = "text/plain; charset=utf-8";

/// Nothing may be loaded, run, sent or embedded.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

/// A file of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    id: ItemId,
    /// Inside the item.
    path: String,
}

impl Content {
    pub(super) fn new(id: ItemId, path: String) -> Self {
        Self { id, path }
    }

    /// The file that `/<item>/<path inside it>`, percent-encoded, names.
    pub(super) fn at(uri_path: &str) -> Option<Self> {
        let (id, path) = uri_path.strip_prefix('/')?.split_once('/')?;
        let path = percent_decode_str(path).decode_utf8().ok()?;
        Some(Self::new(id.parse().ok()?, path.into_owned()))
    }

    /// Bytes.
    pub(super) async fn size(&self, engine: &EngineLink) -> Result<u64, Problem> {
        let Self { id, path } = self.clone();
        engine.call(SizeRequest { id, path }).await
    }

    pub(super) async fn read(
        &self,
        engine: &EngineLink,
        offset: u64,
        len: u64,
    ) -> Result<ByteStream, Problem> {
        let Self { id, path } = self.clone();
        let read = ReadRequest {
            id,
            path,
            offset,
            len,
        };
        engine.call(read).await
    }

    fn media_type(&self) -> &'static str {
        let (_, kind) = self.path.rsplit_once('.').unwrap_or_default();
        let kind = kind.to_ascii_lowercase();
        let known = TYPES
            .iter()
            .find(|(_, kinds)| kinds.contains(&kind.as_str()));
        known.map_or(TEXT, |(media_type, _)| media_type)
    }

    /// The answer's beginning, for a file of `size` bytes.
    pub(super) fn head(&self, part: Part, size: u64) -> response::Builder {
        let head = tauri::http::Response::builder()
            .header(CONTENT_TYPE, self.media_type())
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(CONTENT_SECURITY_POLICY, POLICY)
            .header(CACHE_CONTROL, "no-store")
            .header(ACCEPT_RANGES, "bytes");
        match part {
            Part::Whole => head.header(CONTENT_LENGTH, size),
            Part::Range(start, end) => head
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_LENGTH, end - start)
                .header(CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1)),
            Part::Beyond => head
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(CONTENT_LENGTH, 0)
                .header(CONTENT_RANGE, format!("bytes */{size}")),
        }
    }
}

/// What the `Range` header asks for.
pub(super) fn part(headers: &HeaderMap, size: u64) -> Part {
    let range = headers.get("range").map(HeaderValue::to_str);
    match range {
        Some(Ok(range)) => Part::read(range, size),
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file() {
        let check = |address: &str, file: Option<(i64, &str)>| {
            let file = file.map(|(id, path)| Content::new(ItemId(id), path.to_owned()));
            assert_eq!(Content::at(address), file, "{address}");
        };
        check("/7/a/b%20c%25.png", Some((7, "a/b c%.png")));
        check("/7/", Some((7, "")));
        check("/7", None);
        check("/x/a", None);
        check("/7/%ff", None);
    }

    #[test]
    fn nothing_is_served_as_something_that_runs() {
        let check = |path: &str, media_type: &str| {
            let content = Content::new(ItemId(1), path.to_owned());
            let head = content.head(Part::Whole, 9).body(()).unwrap();
            let header = |name: &str| head.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), media_type, "{path}");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert!(header("content-security-policy").ends_with("sandbox"));
        };
        check("a/film.WebM", "video/webm");
        check("page.html", TEXT);
        check("page.xhtml", TEXT);
        check("code.js", TEXT);
        check("README", TEXT);
        check("a.b/README", TEXT);
        check("archive.zip", "application/octet-stream");
    }
}
