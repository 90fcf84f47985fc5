//! Finds the programs that the tests talk to, which `make tools` builds into the cache folder.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of built tools: `SHOAL_CACHE`, else `.cache` in the checkout.
pub fn cache() -> PathBuf {
    std::env::var_os("SHOAL_CACHE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache"),
        PathBuf::from,
    )
}

/// A path in the cache, or `None` after saying loudly that the calling test proves nothing.
pub fn find(relative: &str) -> Option<PathBuf> {
    let path = cache().join(relative);
    if path.exists() {
        return Some(path);
    }
    missing(&format!(
        "{} is missing; `make tools` builds it",
        path.display()
    ));
    None
}

/// Says that the calling test cannot run here; where `CI` is `true` that is a failure.
pub fn missing(what: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "this test must run in CI: {what}"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Written to the stream itself: the test harness hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "\nNOT TESTED: {test}: {what}");
}
