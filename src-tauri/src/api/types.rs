//! What goes over the wire: requests and their answers between processes, events to scripts.
//!
//! Items, settings and problems are the engine's own types; here is only what the engine has no word for.

use std::path::{Path, PathBuf};

use engine::api::LibraryRequest;
use engine::api::SettingView;
use engine::api::{
    Action, CheckRequest, CheckView, DownloadRequest, EntryView, NetworkView, PeerView,
    ShareRequest, SourceView, StandingRequest,
};
use engine::api::{ItemId, ItemView, Problem, Skipped};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use ts_rs::TS;

use super::inside::{
    FilesRequest, InspectLinkRequest, InspectPathsRequest, OfFile, PrioritizeRequest, ReadRequest,
    RelocateRequest, SelectRequest,
};
#[cfg(test)]
use super::{
    inside::{FilesView, InspectView, LinkView, PathsView, PiecesView},
    typescript::CallList,
};
#[cfg(test)]
use engine::api::{LibraryView, PersonView, Report};

/// What can be asked. The answer's type stands at each handler; what the window asks stands in [`CALLS`] too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "call", content = "with", rename_all = "kebab-case")]
pub(crate) enum Request {
    Hello,
    Library(LibraryRequest),
    Item(OfItem),
    Report(OfItem),
    InspectPaths(InspectPathsRequest),
    Share(ShareRequest),
    InspectLink(InspectLinkRequest),
    Download(DownloadRequest),
    Act(ActRequest),
    ActAll(ActAllRequest),
    Remove(RemoveRequest),
    Rename(RenameRequest),
    Relocate(RelocateRequest),
    Files(FilesRequest),
    Select(SelectRequest),
    Prioritize(PrioritizeRequest),
    People(OfAny),
    Pieces(OfItem),
    Link(OfItem),
    Settings,
    SetSetting(SetSettingRequest),
    Network,
    /// Takes up to a minute.
    Check(CheckRequest),
    SetStanding(StandingRequest),
    Diagnostics,
    // What follows only the command line asks.
    Changes(ChangesRequest),
    Items,
    List {
        link: String,
        /// Seconds to wait for somebody who has it.
        patience: u64,
    },
    /// Answered with bytes.
    Cat {
        link: String,
        /// Seconds to wait for the next bytes.
        patience: u64,
    },
    /// Answered with bytes.
    Read(ReadRequest),
    /// Its size in bytes.
    Size(OfFile),
    /// Its path on this machine.
    Place(OfFile),
    ImportCar {
        path: PathBuf,
    },
    ExportCar {
        id: ItemId,
        path: PathBuf,
    },
    Peers,
}

/// The calls of the window, as name, argument and answer: from this its types are written.
#[cfg(test)]
pub(super) fn calls(list: &mut impl CallList) {
    list.plain::<Hello>("hello", &Request::Hello);
    list.call::<_, LibraryView>("library", Request::Library);
    list.call::<_, ItemView>("item", Request::Item);
    list.call::<_, Report>("report", Request::Report);
    list.call::<_, PathsView>("inspect-paths", Request::InspectPaths);
    list.call::<_, ItemId>("share", Request::Share);
    list.call::<_, InspectView>("inspect-link", Request::InspectLink);
    list.call::<_, ItemId>("download", Request::Download);
    list.call::<_, ()>("act", Request::Act);
    list.call::<_, ()>("act-all", Request::ActAll);
    list.call::<_, ()>("remove", Request::Remove);
    list.call::<_, ()>("rename", Request::Rename);
    list.call::<_, ()>("relocate", Request::Relocate);
    list.call::<_, FilesView>("files", Request::Files);
    list.call::<_, ()>("select", Request::Select);
    list.call::<_, ()>("prioritize", Request::Prioritize);
    list.call::<_, Vec<PersonView>>("people", Request::People);
    list.call::<_, PiecesView>("pieces", Request::Pieces);
    list.call::<_, LinkView>("link", Request::Link);
    list.plain::<Vec<SettingView>>("settings", &Request::Settings);
    list.call::<_, ()>("set-setting", Request::SetSetting);
    list.plain::<NetworkView>("network", &Request::Network);
    list.call::<_, CheckView>("check", Request::Check);
    list.call::<_, ()>("set-standing", Request::SetStanding);
    list.plain::<String>("diagnostics", &Request::Diagnostics);
}

impl Request {
    /// It changes nothing: whoever asked may leave, and nobody has to finish it.
    pub(crate) fn only_waits(&self) -> bool {
        matches!(
            self,
            Self::Changes(_)
                | Self::Library(_)
                | Self::InspectLink(_)
                | Self::List { .. }
                | Self::Check(_)
        )
    }
}

/// About one item.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct OfItem {
    pub(crate) id: ItemId,
}

/// About one item, or about all there is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct OfAny {
    pub(crate) id: Option<ItemId>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct ActRequest {
    pub(crate) ids: Vec<ItemId>,
    pub(crate) action: Action,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct ActAllRequest {
    #[ts(inline)]
    pub(crate) action: AllAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AllAction {
    Pause,
    Resume,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct RemoveRequest {
    pub(crate) ids: Vec<ItemId>,
    pub(crate) delete_files: bool,
}

/// What others see it called from now on.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct RenameRequest {
    pub(crate) id: ItemId,
    pub(crate) name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct SetSettingRequest {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// What changed since revision `since`, waiting up to `wait_ms` for something to change.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ChangesRequest {
    /// 0 asks for everything.
    pub(crate) since: u64,
    pub(crate) wait_ms: u64,
    /// Nothing but this item is of interest.
    pub(crate) only: Option<ItemId>,
}

/// Who answers.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct Hello {
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) peer_id: String,
    pub(crate) listen: Vec<String>,
    /// The system's language, as BCP 47 writes it.
    pub(crate) locale: Option<String>,
    #[ts(inline)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Platform {
    Linux,
    MacOs,
    Windows,
    Other,
}

/// One line of `--json`. Names and fields are stable: scripts rely on them. An item's number is text, as it is typed.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Event {
    Ready {
        peer_id: String,
        listen: Vec<String>,
    },
    Hashing(Progress),
    Progress(Progress),
    Verifying(Progress),
    Shared {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        cid: String,
        link: String,
        name: String,
        bytes: u64,
        files: u64,
        skipped: Vec<Skipped>,
    },
    Done {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        cid: String,
        path: String,
        bytes: u64,
        secs: f64,
        sources: Vec<SourceView>,
        skipped: Vec<Skipped>,
    },
    /// It goes on in the running engine.
    Detached {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
    },
    Cid {
        cid: String,
        bytes: u64,
    },
    Item(Map<String, Value>),
    Source(SourceView),
    Skipped(Skipped),
    Link {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        link: String,
    },
    Removed {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
    },
    Imported {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        cid: Option<String>,
        name: String,
        bytes: u64,
    },
    Exported {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        path: String,
        bytes: u64,
    },
    Entry(EntryView),
    Peer(PeerView),
    Network(Box<NetworkView>),
    Check(CheckView),
    Setting(SettingView),
    Error {
        code: String,
        message: String,
        hint: String,
    },
}

/// How far a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    /// Bytes.
    pub(crate) done: u64,
    /// Bytes; 0 while unknown.
    pub(crate) total: u64,
    /// Bytes a second.
    pub(crate) rate: u64,
    pub(crate) peers: u32,
}

impl Progress {
    pub(crate) fn of(view: &ItemView) -> Self {
        Self {
            done: view.done,
            total: view.total,
            rate: view.rate_down,
            peers: view.peers,
        }
    }
}

impl Event {
    pub(crate) fn item(view: &ItemView) -> Self {
        // Handlers make sure that a view can be written as JSON.
        let mut fields = match serde_json::to_value(view) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        fields.insert("id".to_owned(), view.id.to_string().into());
        fields.insert("state".to_owned(), view.state.name().into());
        Self::Item(fields)
    }

    pub(crate) fn error(problem: &Problem) -> Self {
        Self::Error {
            code: problem.code.clone(),
            message: problem.message.clone(),
            hint: hint(problem).to_owned(),
        }
    }
}

/// The next step. Where a problem names none, more of what happened helps to find one.
pub(crate) fn hint(problem: &Problem) -> &str {
    const LOOK: &str = "Run it again with SHOAL_LOG=debug to see more of what happens.";
    problem.hint.as_deref().unwrap_or(LOOK)
}

/// A path as JSON can hold it.
pub(crate) fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn as_text<S: Serializer>(id: &ItemId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

#[cfg(test)]
mod tests {
    use engine::api::{ItemKind, Retry, State};
    use serde_json::json;

    use super::*;

    fn check(event: &Event, line: Value) {
        assert_eq!(serde_json::to_value(event).unwrap(), line);
    }

    #[test]
    fn scripts_can_rely_on_the_events() {
        let (peer, bytes) = ("12D3".to_owned(), 9);
        let id = ItemId(7);
        check(
            &Event::Ready {
                peer_id: peer.clone(),
                listen: vec!["/ip4/127.0.0.1".to_owned()],
            },
            json!({"event": "ready", "peer_id": "12D3", "listen": ["/ip4/127.0.0.1"]}),
        );
        check(
            &Event::Progress(Progress {
                done: 1,
                total: 9,
                rate: 3,
                peers: 2,
            }),
            json!({"event": "progress", "done": 1, "total": 9, "rate": 3, "peers": 2}),
        );
        check(
            &Event::Done {
                id,
                cid: "bafy".to_owned(),
                path: "/a".to_owned(),
                bytes,
                secs: 0.5,
                sources: vec![SourceView { peer, bytes }],
                skipped: Vec::new(),
            },
            json!({"event": "done", "id": "7", "cid": "bafy", "path": "/a", "bytes": 9, "secs": 0.5,
                "sources": [{"peer": "12D3", "bytes": 9}], "skipped": []}),
        );
        check(
            &Event::Cid {
                cid: "bafy".to_owned(),
                bytes,
            },
            json!({"event": "cid", "cid": "bafy", "bytes": 9}),
        );
    }

    fn problem(hint: Option<&str>) -> Problem {
        Problem {
            code: "no-space".to_owned(),
            message: "the disk is full".to_owned(),
            hint: hint.map(str::to_owned),
            retry: Retry::User,
            subject: None,
            count: None,
            field: None,
        }
    }

    #[test]
    fn every_error_has_a_next_step() {
        check(
            &Event::error(&problem(Some("free some"))),
            json!({"event": "error", "code": "no-space", "message": "the disk is full",
                "hint": "free some"}),
        );
        let Event::Error { hint, .. } = Event::error(&problem(None)) else {
            panic!("not an error");
        };
        assert!(!hint.is_empty());
    }

    #[test]
    fn an_item_says_its_state_and_problem() {
        let view = ItemView {
            id: ItemId(7),
            kind: ItemKind::Download,
            name: "n".to_owned(),
            path: None,
            cid: None,
            state: State::NeedsYou(problem(None)),
            total: 0,
            done: 0,
            files: 0,
            folder: false,
            rate_down: 0,
            rate_up: 0,
            peers: 0,
            having: 0,
            unreachable: 0,
            eta: None,
            skipped: 0,
            created: 0,
        };
        let line = serde_json::to_value(Event::item(&view)).unwrap();
        assert_eq!(line["event"], "item");
        assert_eq!(
            (&line["id"], &line["state"]),
            (&json!("7"), &json!("needs-you"))
        );
        assert_eq!(line["problem"]["code"], "no-space");
        // Between processes it travels as it is.
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<ItemView>(&text).unwrap(), view);
    }
}
