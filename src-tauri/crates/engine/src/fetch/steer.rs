//! Downloads under way, for those who want to see into one, or change what comes next.
//!
//! Handles write down what is wished and wake the download's worker, which reads it when it comes
//! by. Blocks are handed to those who wait for them as they arrive, before they are on the disk and
//! on record. Invariant: what waits is bounded, and nobody waits for a download that has ended.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use unixfs::Cid;

use super::channels::Waker;
use super::plan::{Head, Steering};
use super::space::Space;
use crate::api::Missing;
use crate::fetch::limits::{MAX_BLOCK_WAITS, MAX_HEADS};
use store::index::ItemId;

/// The downloads under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    open: Arc<Mutex<HashMap<ItemId, Handle>>>,
    /// What they will still write.
    pub(crate) space: Space,
}

/// A handle on a download under way.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    wishes: Wishes,
    waker: Waker,
    /// Changes whenever more is on record. Ends with the download.
    pub(crate) recorded: watch::Receiver<u64>,
}

/// What is wished of a download. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes(Arc<Mutex<Wished>>);

#[derive(Debug, Default)]
struct Wished {
    /// Another one whenever it changes.
    steering: Arc<Steering>,
    asked: Vec<oneshot::Sender<Waiting>>,
    waits: HashMap<Cid, Vec<oneshot::Sender<Bytes>>>,
    /// The download has ended.
    over: bool,
}

/// What a download waits for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    pub(crate) parts: Vec<Asked>,
    pub(crate) files: Missing,
}

/// A part of a file that others were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The file's path inside the item.
    pub(crate) path: String,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// The download's end: open for as long as it runs.
#[derive(Debug)]
pub(crate) struct Desk {
    running: Running,
    item: ItemId,
    wishes: Wishes,
    recorded: watch::Sender<u64>,
}

impl Running {
    pub(crate) fn get(&self, item: ItemId) -> Option<Handle> {
        self.open.lock().get(&item).cloned()
    }

    /// What a download asks of others now; nothing if it doesn't run.
    pub(crate) async fn asked(&self, item: ItemId) -> Vec<Asked> {
        match self.get(item) {
            Some(download) => download.asked().await,
            None => Vec::new(),
        }
    }

    /// Files that a download waits for; none if it doesn't run.
    pub(crate) async fn missing(&self, item: ItemId) -> Missing {
        match self.get(item) {
            Some(download) => download.waiting().await.files,
            None => Missing::default(),
        }
    }

    /// Opens the desk of a download that begins to run. `high` comes first; `waker` is its
    /// worker's.
    pub(crate) fn open(&self, item: ItemId, high: Vec<String>, waker: Waker) -> Desk {
        let wishes = Wishes::default();
        wishes.0.lock().steering = Arc::new(Steering {
            high,
            heads: Vec::new(),
        });
        let (recorded, news) = watch::channel(0);
        let handle = Handle {
            wishes: wishes.clone(),
            waker,
            recorded: news,
        };
        self.open.lock().insert(item, handle);
        Desk {
            running: self.clone(),
            item,
            wishes,
            recorded,
        }
    }
}

impl Handle {
    /// Bytes of a file that come first from now on. Forgotten when others were named since.
    pub(crate) fn head(&self, path: &str, range: Range<u64>) {
        let path = path.to_owned();
        let head = Head { path, range };
        self.steer(|steering| {
            let heads = &mut steering.heads;
            heads.retain(|other| *other != head);
            heads.insert(0, head);
            heads.truncate(MAX_HEADS);
        });
    }

    /// These paths come before all others.
    pub(crate) fn high(&self, paths: Vec<String>) {
        self.steer(|steering| steering.high = paths);
    }

    /// A block, when it comes. The receiver fails if the download ends before, or too many wait.
    pub(crate) fn block(&self, cid: Cid) -> oneshot::Receiver<Bytes> {
        let (sender, receiver) = oneshot::channel();
        let mut wished = self.wishes.0.lock();
        wished.waits.retain(|_, waits| {
            waits.retain(|wait| !wait.is_closed());
            !waits.is_empty()
        });
        if !wished.over && wished.waits.len() < MAX_BLOCK_WAITS {
            wished.waits.entry(cid).or_default().push(sender);
        }
        receiver
    }

    /// What is asked of others now; nothing when the download has ended.
    pub(crate) async fn asked(&self) -> Vec<Asked> {
        self.waiting().await.parts
    }

    /// What it waits for; nothing when the download has ended.
    async fn waiting(&self) -> Waiting {
        let (sender, receiver) = oneshot::channel();
        self.wishes.ask(sender);
        self.waker.wake();
        receiver.await.unwrap_or_default()
    }

    fn steer(&self, change: impl FnOnce(&mut Steering)) {
        {
            let mut wished = self.wishes.0.lock();
            let mut steering = Steering::clone(&wished.steering);
            change(&mut steering);
            wished.steering = Arc::new(steering);
        }
        self.waker.wake();
    }
}

impl Wishes {
    /// A reply to a download that has ended fails at once.
    fn ask(&self, reply: oneshot::Sender<Waiting>) {
        let mut wished = self.0.lock();
        if !wished.over {
            wished.asked.push(reply);
        }
    }

    /// What the worker has to know: what comes first, and who asks what it is waiting for.
    pub(crate) fn hear(&self) -> (Arc<Steering>, Vec<oneshot::Sender<Waiting>>) {
        let mut wished = self.0.lock();
        let asked = std::mem::take(&mut wished.asked);
        (Arc::clone(&wished.steering), asked)
    }
}

impl Desk {
    pub(crate) fn wishes(&self) -> Wishes {
        self.wishes.clone()
    }

    /// A block has come.
    pub(crate) fn hand_out(&self, cid: &Cid, block: &Bytes) {
        let waits = self.wishes.0.lock().waits.remove(cid);
        for wait in waits.into_iter().flatten() {
            // Whoever waited may be gone.
            let _ = wait.send(block.clone());
        }
    }

    /// More is on record.
    pub(crate) fn recorded(&self) {
        self.recorded.send_modify(|count| *count += 1);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.running.open.lock().remove(&self.item);
        let mut wished = self.wishes.0.lock();
        wished.over = true;
        wished.asked.clear();
        wished.waits.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::super::channels::Event;
    use super::*;

    const ID: ItemId = ItemId(1);

    fn cid(data: &[u8]) -> Cid {
        Cid::new_v1(
            unixfs::cid::RAW,
            unixfs::cid::hash(unixfs::cid::SHA2_256, data).unwrap(),
        )
    }

    fn open(
        running: &Running,
        high: &[&str],
    ) -> (Desk, mpsc::Receiver<Event>, mpsc::Sender<Event>) {
        let (events, receiver) = mpsc::channel(1);
        let high = high.iter().map(|path| (*path).to_owned()).collect();
        let desk = running.open(ID, high, Waker::of(&events));
        (desk, receiver, events)
    }

    #[tokio::test]
    async fn a_block_goes_to_all_who_wait_for_it() {
        let running = Running::default();
        let (desk, ..) = open(&running, &[]);
        let handle = running.get(ID).unwrap();
        let (one, two) = (handle.block(cid(b"a")), handle.block(cid(b"a")));
        desk.hand_out(&cid(b"b"), &Bytes::from_static(b"b"));
        desk.hand_out(&cid(b"a"), &Bytes::from_static(b"a"));
        assert_eq!(
            (one.await.unwrap(), two.await.unwrap()),
            ("a".into(), "a".into())
        );
    }

    #[tokio::test]
    async fn only_so_many_blocks_are_waited_for() {
        let running = Running::default();
        let (_desk, ..) = open(&running, &[]);
        let handle = running.get(ID).unwrap();
        let block = |number: usize| handle.block(cid(&number.to_be_bytes()));
        let waits: Vec<_> = (0..MAX_BLOCK_WAITS).map(block).collect();
        assert!(block(MAX_BLOCK_WAITS).await.is_err());
        // Those who left make room.
        drop(waits);
        assert!(
            block(0)
                .try_recv()
                .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
        );
    }

    #[test]
    fn only_the_last_heads_count_and_the_worker_is_woken() {
        let running = Running::default();
        let (desk, mut worker, _events) = open(&running, &["first"]);
        let handle = running.get(ID).unwrap();
        for number in 0..2 * MAX_HEADS as u64 {
            handle.head("film", number..number + 1);
        }
        assert!(matches!(worker.try_recv(), Ok(Event::Wake)));
        let (steering, asked) = desk.wishes().hear();
        assert!(asked.is_empty());
        assert_eq!(steering.high, ["first"]);
        assert_eq!(steering.heads.len(), MAX_HEADS);
        assert_eq!(steering.heads[0].range.start, 2 * MAX_HEADS as u64 - 1);
    }

    #[tokio::test]
    async fn a_download_that_ended_is_not_waited_for() {
        let running = Running::default();
        let (desk, ..) = open(&running, &[]);
        let mut handle = running.get(ID).unwrap();
        let before = handle.block(cid(b"a"));
        drop(desk);
        assert!(running.get(ID).is_none());
        assert!(handle.recorded.changed().await.is_err());
        assert!(before.await.is_err());
        assert!(handle.block(cid(b"a")).await.is_err());
        assert!(handle.asked().await.is_empty());
    }
}
