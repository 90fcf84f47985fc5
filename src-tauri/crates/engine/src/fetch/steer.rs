//! Downloads under way, for those who want to see into one, or change what comes next.
//!
//! A handle speaks to the download's task by a bounded channel; whoever finds it full, or the download gone, tries again or does
//! without. Blocks are handed to those who wait for them as they arrive, before they are on the disk and on record.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use unixfs::Cid;

use super::plan::{Head, Steering};
use crate::index::ItemId;
use crate::limits::{MAX_BLOCK_WAITS, MAX_HEADS, STEER_QUEUE};

/// The downloads under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    open: Arc<Mutex<HashMap<ItemId, Handle>>>,
}

/// A handle on a download under way.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    requests: mpsc::Sender<Request>,
    /// Changes whenever more is on record. Ends with the download.
    pub(crate) recorded: watch::Receiver<u64>,
}

/// What a download's task is asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// These bytes of a file are looked at: they come first.
    Head(Head),
    /// These paths come before all others.
    High(Vec<String>),
    /// Hand over this block when it comes.
    Block(Cid, oneshot::Sender<Bytes>),
    /// What is asked of others now?
    Asked(oneshot::Sender<Vec<Asked>>),
}

/// A part of a file that others were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The file's path inside the item.
    pub(crate) path: String,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// What waits for the download's worker.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// Another one whenever it changes.
    pub(crate) steering: Arc<Steering>,
    pub(crate) asked: Vec<oneshot::Sender<Vec<Asked>>>,
}

/// The download's end: open for as long as it runs.
#[derive(Debug)]
pub(crate) struct Desk {
    running: Running,
    item: ItemId,
    pub(crate) requests: mpsc::Receiver<Request>,
    recorded: watch::Sender<u64>,
    waits: HashMap<Cid, Vec<oneshot::Sender<Bytes>>>,
    steering: Steering,
    mail: Arc<Mutex<Mail>>,
}

impl Running {
    pub(crate) fn get(&self, item: ItemId) -> Option<Handle> {
        self.lock().get(&item).cloned()
    }

    /// What a download asks of others now; nothing if it doesn't run.
    pub(crate) async fn asked(&self, item: ItemId) -> Vec<Asked> {
        match self.get(item) {
            Some(download) => download.asked().await,
            None => Vec::new(),
        }
    }

    /// Opens the desk of a download that begins to run.
    pub(crate) fn open(&self, item: ItemId, high: Vec<String>) -> Desk {
        let (sender, requests) = mpsc::channel(STEER_QUEUE);
        let (recorded, news) = watch::channel(0);
        let handle = Handle {
            requests: sender,
            recorded: news,
        };
        self.lock().insert(item, handle);
        let steering = Steering {
            high,
            heads: Vec::new(),
        };
        let mail = Mail {
            steering: Arc::new(steering.clone()),
            asked: Vec::new(),
        };
        Desk {
            running: self.clone(),
            item,
            requests,
            recorded,
            waits: HashMap::new(),
            steering,
            mail: Arc::new(Mutex::new(mail)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ItemId, Handle>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Bytes of a file that come first from now on. Forgotten when others were named since.
    pub(crate) async fn head(&self, path: &str, range: Range<u64>) {
        let path = path.to_owned();
        self.tell(Request::Head(Head { path, range })).await;
    }

    pub(crate) async fn high(&self, paths: Vec<String>) {
        self.tell(Request::High(paths)).await;
    }

    /// A block, when it comes. The receiver fails if the download ends before, or too many wait.
    pub(crate) async fn block(&self, cid: Cid) -> oneshot::Receiver<Bytes> {
        let (sender, receiver) = oneshot::channel();
        self.tell(Request::Block(cid, sender)).await;
        receiver
    }

    /// What is asked of others now; nothing when the download has ended.
    pub(crate) async fn asked(&self) -> Vec<Asked> {
        let (sender, receiver) = oneshot::channel();
        self.tell(Request::Asked(sender)).await;
        receiver.await.unwrap_or_default()
    }

    async fn tell(&self, request: Request) {
        // A download that has ended needs nothing any more.
        let _ = self.requests.send(request).await;
    }
}

impl Desk {
    /// What the worker looks at.
    pub(crate) fn mail(&self) -> Arc<Mutex<Mail>> {
        Arc::clone(&self.mail)
    }

    /// Takes a request. `true`: there is mail for the worker.
    pub(crate) fn take(&mut self, request: Request) -> bool {
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        match request {
            Request::Head(head) => {
                let heads = &mut self.steering.heads;
                heads.retain(|other| *other != head);
                heads.insert(0, head);
                heads.truncate(MAX_HEADS);
                mail.steering = Arc::new(self.steering.clone());
            }
            Request::High(paths) => {
                self.steering.high = paths;
                mail.steering = Arc::new(self.steering.clone());
            }
            Request::Asked(reply) => mail.asked.push(reply),
            Request::Block(cid, reply) => {
                self.waits.retain(|_, waits| {
                    waits.retain(|wait| !wait.is_closed());
                    !waits.is_empty()
                });
                if self.waits.len() < MAX_BLOCK_WAITS {
                    self.waits.entry(cid).or_default().push(reply);
                }
                return false;
            }
        }
        true
    }

    /// A block has come.
    pub(crate) fn hand_out(&mut self, cid: &Cid, block: &Bytes) {
        for wait in self.waits.remove(cid).into_iter().flatten() {
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
        self.running.lock().remove(&self.item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ItemId = ItemId(1);

    fn cid(data: &[u8]) -> Cid {
        Cid::new_v1(
            unixfs::cid::RAW,
            unixfs::cid::hash(unixfs::cid::SHA2_256, data).unwrap(),
        )
    }

    #[tokio::test]
    async fn a_block_goes_to_all_who_wait_for_it() {
        let running = Running::default();
        let mut desk = running.open(ID, Vec::new());
        let handle = running.get(ID).unwrap();
        let (one, two) = (handle.block(cid(b"a")).await, handle.block(cid(b"a")).await);
        for _ in 0..2 {
            let request = desk.requests.recv().await.unwrap();
            assert!(!desk.take(request));
        }
        desk.hand_out(&cid(b"b"), &Bytes::from_static(b"b"));
        desk.hand_out(&cid(b"a"), &Bytes::from_static(b"a"));
        assert_eq!(
            (one.await.unwrap(), two.await.unwrap()),
            ("a".into(), "a".into())
        );
    }

    #[tokio::test]
    async fn only_the_last_heads_count() {
        let running = Running::default();
        let mut desk = running.open(ID, vec!["first".to_owned()]);
        let handle = running.get(ID).unwrap();
        for number in 0..2 * MAX_HEADS as u64 {
            handle.head("film", number..number + 1).await;
            let request = desk.requests.recv().await.unwrap();
            assert!(desk.take(request));
        }
        let steering = Arc::clone(&desk.mail().lock().unwrap().steering);
        assert_eq!(steering.high, ["first"]);
        assert_eq!(steering.heads.len(), MAX_HEADS);
        assert_eq!(steering.heads[0].range.start, 2 * MAX_HEADS as u64 - 1);
    }

    #[tokio::test]
    async fn a_download_that_ended_is_not_waited_for() {
        let running = Running::default();
        let desk = running.open(ID, Vec::new());
        let mut handle = running.get(ID).unwrap();
        drop(desk);
        assert!(running.get(ID).is_none());
        assert!(handle.recorded.changed().await.is_err());
        assert!(handle.block(cid(b"a")).await.await.is_err());
        assert!(handle.asked().await.is_empty());
    }
}
