//! What `--json` says: one event a line. Names and fields are stable: scripts rely on them.

use std::path::Path;

use engine::api::{
    BannedView, CheckView, DeviceView, EntryView, ItemId, ItemView, KeptFile, KeptReason, Missing,
    NetworkView, OfferView, OwnDevice, PeerView, Problem, Removed, SentView, SettingView, Skipped,
    SourceView, Standing,
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::hints::{hint, hint_or_look, reword};
use super::text::why_kept;

/// One line of `--json`. An item's number is text, as it is typed.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
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
        /// All of it was here before.
        was_here: bool,
        /// Permissions and times were to be kept, and are as they were: Shoal did not make what was here.
        undressed: bool,
        /// Bytes that came from others.
        fetched: u64,
        /// Other items that share what lies there.
        also: Vec<String>,
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
        skipped: Vec<Skipped>,
    },
    Item(Map<String, Value>),
    Source(SourceView),
    /// Files of a download that others have to give yet.
    Missing(Missing),
    Skipped(Skipped),
    Link {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        link: String,
    },
    Removed {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        /// What of a download stays: the first of it.
        kept: Vec<Kept>,
        /// How much stays in all.
        kept_count: u64,
    },
    Imported {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        cid: Option<String>,
        name: String,
        bytes: u64,
        /// All of it was here before.
        was_here: bool,
        /// Blocks of the CAR file that belong to nothing in it.
        foreign: u64,
        skipped: Vec<Skipped>,
    },
    Exported {
        #[serde(serialize_with = "as_text")]
        id: ItemId,
        path: String,
        bytes: u64,
    },
    Entry(EntryView),
    /// There is more in the folder that was listed: a part of it could not be had.
    Incomplete,
    Peer(PeerView),
    Banned(BannedView),
    /// This device, as others see it.
    Own(OwnDevice),
    Device(DeviceView),
    /// What a device offers.
    Offer(Map<String, Value>),
    /// What was sent to a device.
    Sent(Map<String, Value>),
    /// How a peer is treated from now on.
    Standing {
        peer: String,
        standing: Standing,
    },
    /// How the program as a whole stands.
    Status(Status),
    /// What was not as it should be at the start.
    Remark {
        code: String,
        message: String,
        hint: String,
    },
    Network(Box<NetworkView>),
    Check(CheckView),
    Setting(SettingView),
    Error {
        code: String,
        message: String,
        hint: String,
    },
}

/// The program as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Status {
    /// An engine runs on this data directory.
    pub(super) running: bool,
    pub(super) version: String,
    /// Of the process that runs it.
    pub(super) pid: Option<u32>,
    pub(super) data_dir: String,
    pub(super) items: usize,
    pub(super) needs_you: usize,
    /// Connected peers, where it runs.
    pub(super) peers: Option<usize>,
}

/// What stays of an item that was removed with its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Kept {
    pub(super) path: String,
    pub(super) code: KeptReason,
    /// The same in words.
    pub(super) reason: String,
}

/// How far a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Progress {
    /// Bytes.
    pub(super) done: u64,
    /// Bytes; 0 while unknown.
    pub(super) total: u64,
    /// Bytes a second.
    pub(super) rate: u64,
    pub(super) peers: u32,
}

impl Progress {
    pub(super) fn of(view: &ItemView) -> Self {
        Self {
            done: view.done,
            total: view.total,
            rate: view.rate_down,
            peers: view.peers,
        }
    }
}

impl Event {
    pub(super) fn item(view: &ItemView) -> Self {
        let mut view = view.clone();
        reword(&mut view);
        Self::Item(numbered(&view.id.to_string(), &view))
    }

    pub(super) fn offer(view: &OfferView) -> Self {
        Self::Offer(numbered(&view.id.to_string(), view))
    }

    pub(super) fn sent(view: &SentView) -> Self {
        Self::Sent(numbered(&view.id.to_string(), view))
    }

    pub(super) fn removed(id: ItemId, removed: Removed) -> Self {
        let kept = |file: KeptFile| Kept {
            reason: why_kept(&file),
            path: file.path,
            code: file.reason,
        };
        Self::Removed {
            id,
            kept: removed.kept.into_iter().map(kept).collect(),
            kept_count: removed.count,
        }
    }

    pub(super) fn remark(problem: &Problem) -> Self {
        Self::Remark {
            code: problem.code.clone(),
            message: problem.message.clone(),
            hint: hint(problem).unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn error(problem: &Problem) -> Self {
        Self::Error {
            code: problem.code.clone(),
            message: problem.message.clone(),
            hint: hint_or_look(problem).to_owned(),
        }
    }
}

/// The fields of a view, with its number as text.
fn numbered(id: &str, view: &impl Serialize) -> Map<String, Value> {
    // Calls make sure that a view can be written as JSON.
    let mut fields = match serde_json::to_value(view) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert("id".to_owned(), id.into());
    fields
}

/// A path as JSON can hold it.
pub(super) fn path_text(path: &Path) -> String {
    engine::path_text(path)
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
    use engine::api::{Retry, State};
    use serde_json::json;

    use super::*;
    use crate::cli::text::tests::view;

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
                was_here: false,
                undressed: false,
                fetched: bytes,
                also: Vec::new(),
                sources: vec![SourceView { peer, bytes }],
                skipped: Vec::new(),
            },
            json!({"event": "done", "id": "7", "cid": "bafy", "path": "/a", "bytes": 9, "secs": 0.5,
                "was_here": false, "undressed": false, "fetched": 9, "also": [], "sources": [{"peer": "12D3", "bytes": 9}], "skipped": []}),
        );
        check(
            &Event::Cid {
                cid: "bafy".to_owned(),
                bytes,
                skipped: Vec::new(),
            },
            json!({"event": "cid", "cid": "bafy", "bytes": 9, "skipped": []}),
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
        let view = view(State::NeedsYou(problem(None)));
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
