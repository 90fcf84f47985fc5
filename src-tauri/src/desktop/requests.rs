//! What the window is asked to do from outside: by arguments, a second start, a link that was clicked, or the tray.

use std::path::PathBuf;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager};

use super::Shell;
use crate::control::Ask;

/// Requests that may wait for a page that is not there yet: more than a person asks for while a window opens.
const MAX_WAITING: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenRequest {
    #[serde(with = "engine::api::path::list")]
    paths: Vec<PathBuf>,
    link: Option<String>,
    action: Option<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Share,
    Open,
}

impl OpenRequest {
    /// Asks which files, when `paths` is empty.
    pub(crate) fn share(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            link: None,
            action: Some(Action::Share),
        }
    }

    pub(crate) fn link(link: String) -> Self {
        Self::link_or_ask(Some(link))
    }

    /// Asks which link, when there is none.
    pub(super) fn link_or_ask(link: Option<String>) -> Self {
        Self {
            paths: Vec::new(),
            link,
            action: Some(Action::Open),
        }
    }
}

/// What a second start asks of the first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OpenWindow {
    pub(super) open: Vec<OpenRequest>,
    /// Start without showing the window.
    pub(super) hidden: bool,
    /// What the desktop gave the second start so that a window may come to the front.
    pub(super) activation: Option<String>,
}

impl Ask for OpenWindow {
    const SOCKET: &str = "window";
}

/// Keeps requests until the page listens.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    listening: bool,
    waiting: Vec<OpenRequest>,
}

impl Inbox {
    pub(super) fn new(waiting: Vec<OpenRequest>) -> Self {
        let listening = false;
        Self {
            state: Mutex::new(State { listening, waiting }),
        }
    }

    /// The page listens from now on, and takes what waited.
    pub(super) fn take(&self) -> Vec<OpenRequest> {
        let mut state = self.state.lock();
        state.listening = true;
        std::mem::take(&mut state.waiting)
    }

    /// A page that begins anew has not listened yet.
    pub(super) fn page_is_new(&self) {
        let mut state = self.state.lock();
        state.listening = false;
    }

    /// The requests that the page hears of now; others wait.
    fn pass(&self, requests: Vec<OpenRequest>) -> Vec<OpenRequest> {
        let mut state = self.state.lock();
        if state.listening {
            return requests;
        }
        let room = MAX_WAITING.saturating_sub(state.waiting.len());
        state.waiting.extend(requests.into_iter().take(room));
        Vec::new()
    }
}

/// Hands requests to the page, now or when it is there.
pub(super) fn deliver(app: &AppHandle, requests: Vec<OpenRequest>) {
    for request in app.state::<Shell>().inbox.pass(requests) {
        super::window::tell(app, "open-request", request);
    }
}

/// What the system asks to open: files and links.
#[cfg(target_os = "macos")]
pub(super) fn opened(app: &AppHandle, urls: Vec<tauri::Url>) {
    let (files, links): (Vec<_>, Vec<_>) = urls.into_iter().partition(|url| url.scheme() == "file");
    let paths: Vec<PathBuf> = files
        .iter()
        .filter_map(|url| url.to_file_path().ok())
        .collect();
    let mut requests: Vec<OpenRequest> = links
        .into_iter()
        .map(|url| OpenRequest::link(url.into()))
        .collect();
    if !paths.is_empty() {
        requests.push(OpenRequest::share(paths));
    }
    super::window::show_soon(app, None);
    deliver(app, requests);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_a_page_that_listens() {
        let link = |name: &str| OpenRequest::link(name.to_owned());
        let inbox = Inbox::new(vec![link("a")]);
        assert!(inbox.pass(vec![link("b")]).is_empty());
        assert_eq!(inbox.take(), [link("a"), link("b")]);
        assert_eq!(inbox.pass(vec![link("c")]), [link("c")]);
        inbox.page_is_new();
        assert!(inbox.pass(vec![link("d"); 2 * MAX_WAITING]).is_empty());
        assert_eq!(inbox.take().len(), MAX_WAITING);
    }

    #[test]
    fn the_page_reads_them_as_its_types_say() {
        let text = serde_json::to_value(OpenRequest::share(vec!["/a b".into()])).unwrap();
        assert_eq!(
            text,
            serde_json::json!({"paths": ["/a b"], "link": null, "action": "share"})
        );
    }
}
