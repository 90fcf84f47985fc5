//! Two people and their computers: one who shares, and one who fetches.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use support::shoal::{Done, Running, Shoal, number, text};
use support::trees;

/// A person with files to give, whose Shoal can be away.
pub(super) struct Sharer {
    pub(super) shoal: Shoal,
    pub(super) folder: TempDir,
}

impl Sharer {
    pub(super) fn new() -> Self {
        let (shoal, folder) = (Shoal::new(), tempfile::tempdir().unwrap());
        Self { shoal, folder }
    }

    pub(super) fn file(&self, name: &str, bytes: u64) -> PathBuf {
        trees::file(&self.folder.path().join(name), 90, bytes)
    }

    /// A folder with a small and a large file.
    pub(super) fn tree(&self, name: &str) -> PathBuf {
        let tree = self.folder.path().join(name);
        fs_err::create_dir(&tree).unwrap();
        trees::file(&tree.join("a.txt"), 91, 5000);
        trees::file(&tree.join("large"), 92, 3_000_000);
        tree
    }

    /// Shares, for as long as that is kept. Gives the link.
    pub(super) fn share(&self, path: &Path) -> (Running, String) {
        let (share, _, shared) = self.shoal.share(path, &[]);
        (share, text(&shared, "link"))
    }

    /// A link whose only provider is away by now.
    pub(super) fn link_of_one_away(&self, path: &Path) -> String {
        let (share, link) = self.share(path);
        share.interrupt().expect_code(0);
        link
    }
}

/// Somebody who fetches, with a daemon.
pub(super) struct Fetcher {
    pub(super) daemon: Running,
    pub(super) shoal: Shoal,
    pub(super) folder: TempDir,
}

impl Fetcher {
    pub(super) fn new() -> Self {
        Self::with(Shoal::new())
    }

    pub(super) fn with(shoal: Shoal) -> Self {
        let (daemon, _) = shoal.daemon();
        let folder = tempfile::tempdir().unwrap();
        Self {
            daemon,
            shoal,
            folder,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn get(&self, link: &str) -> Done {
        self.shoal
            .ok(&[&"get", &link, &"--into", &self.folder.path()])
    }

    /// Begins a download, and gives its number.
    pub(super) fn begin(&self, link: &str) -> String {
        self.begin_in(link, self.folder.path())
    }

    pub(super) fn begin_in(&self, link: &str, into: &Path) -> String {
        let begun = self
            .shoal
            .ok(&[&"get", &link, &"--into", &into, &"--detach"]);
        text(begun.event("detached"), "id")
    }

    pub(super) fn status(&self, id: &str) -> Value {
        self.shoal.ok(&[&"status", &id]).event("item").clone()
    }

    /// Removes an item with its files. Gives what stays of it: path and code.
    pub(super) fn remove(&self, id: &str) -> Vec<(String, String)> {
        let done = self.shoal.ok(&[&"remove", &id, &"--delete-files"]);
        let removed = done.event("removed");
        let kept = removed["kept"].as_array().unwrap();
        assert_eq!(number(removed, "kept_count"), kept.len() as u64);
        let view = |kept: &Value| {
            assert!(!text(kept, "reason").is_empty());
            (text(kept, "path"), text(kept, "code"))
        };
        kept.iter().map(view).collect()
    }

    /// The same daemon after an orderly end, or a crash.
    pub(super) fn again(self, crash: bool) -> Self {
        if crash {
            self.daemon.kill();
        } else {
            self.daemon.interrupt().expect_code(0);
        }
        let (daemon, _) = self.shoal.daemon();
        Self { daemon, ..self }
    }

    /// Waits until some of the item is here, and not all.
    pub(super) fn some_of_it(&self, id: &str) {
        support::wait::until("some of it", || {
            let item = self.status(id);
            (number(&item, "done") > 1_000_000).then_some(())
        });
    }

    /// Waits until all of the item is here, and shared.
    pub(super) fn shared(&self, id: &str) {
        support::wait::until("all of it", || {
            (self.status(id)["state"] == "sharing").then_some(())
        });
    }

    /// Waits until the item is at rest with a problem. Gives its code.
    pub(super) fn problem(&self, id: &str) -> String {
        support::wait::until("a problem", || {
            let item = self.status(id);
            (item["state"] == "needs-you").then(|| text(&item["problem"], "code"))
        })
    }
}

pub(super) fn id(done: &Done) -> String {
    text(done.event("done"), "id")
}

pub(super) fn read(path: &Path) -> String {
    fs_err::read_to_string(path).unwrap()
}

pub(super) fn is_empty(folder: &Path) -> bool {
    fs_err::read_dir(folder).unwrap().next().is_none()
}

/// Whose downloads can be met half way.
pub(super) fn slow_fetcher() -> Fetcher {
    let fetcher = Fetcher::new();
    slow(&fetcher);
    fetcher
}

pub(super) fn slow(fetcher: &Fetcher) {
    let limit = "600000";
    fetcher.shoal.ok(&[&"settings", &"download.limit", &limit]);
}
