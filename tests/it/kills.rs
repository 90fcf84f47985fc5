//! `kill -9` a thousand times: a fetch, a share, an update, a removal, each ended at any moment. After each, the next run ends as if
//! nothing had been: equal trees, no wrong byte under a final name, nothing of the person's lost. `make test` takes a sample,
//! `SHOAL_KILLS=1000` the long form.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use support::shoal::{Done, Running, Shoal, number, text};
use support::trees::{self, Seeded};

/// Kills in a run of all tests.
const SAMPLE: u64 = 12;
/// Runs at once: each waits for disks and other processes most of the time.
const AT_ONCE: u64 = 2;
/// Processes killed one after the other, at most, before one is let to its end.
const IN_A_ROW: u64 = 3;
/// The person's own file beside what Shoal writes.
const OWN: &str = "my own words";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    Fetch,
    Share,
    Update,
    Remove,
}

const SCENES: [Scene; 4] = [Scene::Fetch, Scene::Share, Scene::Update, Scene::Remove];

/// Microseconds that each takes undisturbed, as far as that is known by now.
static TAKES: [AtomicU64; 4] = [const { AtomicU64::new(400_000) }; 4];

/// What was counted over all of them.
#[derive(Debug, Default)]
struct Counts {
    kills: AtomicU64,
    /// Processes that ended before they were killed.
    too_late: AtomicU64,
    /// Bytes that all downloads have, and bytes that came although they had been here.
    bytes: AtomicU64,
    again: AtomicU64,
    worst: AtomicU64,
}

#[test]
fn any_moment_may_be_the_last() {
    let kills = std::env::var("SHOAL_KILLS").map_or(SAMPLE, |kills| kills.parse().unwrap());
    let source = tempfile::tempdir().unwrap();
    tree(&source.path().join("tree"));
    let (_share, _, shared) = Shoal::new().share(&source.path().join("tree"), &[]);
    let (link, cid) = (text(&shared, "link"), text(&shared, "cid"));
    let counts = Counts::default();
    std::thread::scope(|scope| {
        for thread in 0..AT_ONCE {
            let (counts, link, cid) = (&counts, &link, &cid);
            scope.spawn(move || {
                let mut seeded = Seeded::new(0x5409 + thread);
                let mut turn = thread;
                while counts.kills.load(Ordering::Relaxed) < kills {
                    let scene = SCENES[usize::try_from(turn % 4).unwrap()];
                    Place::new(link, cid).run(scene, &mut seeded, counts);
                    turn += 1;
                }
            });
        }
    });
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let _ = writeln!(
        std::io::stderr(),
        "{} kills, {} ended before; {} bytes of downloads, {} fetched again, {} at most by one kill",
        count(&counts.kills),
        count(&counts.too_late),
        count(&counts.bytes),
        count(&counts.again),
        count(&counts.worst),
    );
}

/// The folders of one person.
struct Place<'a> {
    root: TempDir,
    link: &'a str,
    cid: &'a str,
}

impl<'a> Place<'a> {
    fn new(link: &'a str, cid: &'a str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let place = Self { root, link, cid };
        fs_err::create_dir(place.target()).unwrap();
        fs_err::write(place.target().join("own.txt"), OWN).unwrap();
        tree(&place.tree());
        place
    }

    fn tree(&self) -> PathBuf {
        self.root.path().join("tree")
    }

    fn target(&self) -> PathBuf {
        self.root.path().join("into")
    }

    fn shoal(&self) -> Shoal {
        Shoal::on(&self.root.path().join("data"))
    }

    fn begin(&self, scene: Scene) -> Running {
        let shoal = self.shoal();
        match scene {
            Scene::Fetch => shoal.start(&[&"get", &self.link, &"--into", &self.target()]),
            Scene::Share | Scene::Update => shoal.start(&[&"share", &self.tree()]),
            Scene::Remove => shoal.start(&[&"remove", &"1", &"--delete-files"]),
        }
    }

    fn run(&self, scene: Scene, seeded: &mut Seeded, counts: &Counts) {
        match scene {
            Scene::Fetch | Scene::Share => {}
            Scene::Update => {
                fs_err::write(self.tree().join("small"), "as it was").unwrap();
                self.shared();
                tree(&self.tree());
            }
            Scene::Remove => drop(self.fetched()),
        }
        let takes = &TAKES[scene as usize];
        let mut here = 0;
        for _ in 0..=seeded.below(IN_A_ROW) {
            let begun = Instant::now();
            let running = self.begin(scene);
            let moment = seeded.below(takes.load(Ordering::Relaxed));
            // Not to wait for anything: any moment has to do.
            std::thread::sleep(Duration::from_micros(moment).saturating_sub(begun.elapsed()));
            let done = running.kill();
            let which = if done.code.is_none() {
                &counts.kills
            } else {
                &counts.too_late
            };
            which.fetch_add(1, Ordering::Relaxed);
            here = here.max(most_done(&done));
            self.assert_unspoilt();
        }
        let begun = Instant::now();
        match scene {
            Scene::Fetch => {
                let done = self.fetched();
                let event = done.event("done");
                let again =
                    (here + number(event, "fetched")).saturating_sub(number(event, "bytes"));
                counts
                    .bytes
                    .fetch_add(number(event, "bytes"), Ordering::Relaxed);
                counts.again.fetch_add(again, Ordering::Relaxed);
                counts.worst.fetch_max(again, Ordering::Relaxed);
            }
            Scene::Share | Scene::Update => self.shared(),
            Scene::Remove => drop(self.fetched()),
        }
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap();
        takes.store(took, Ordering::Relaxed);
        self.assert_unspoilt();
        if matches!(scene, Scene::Fetch | Scene::Remove) {
            self.assert_removable();
        }
    }

    /// Fetches to the end: what comes out is equal.
    fn fetched(&self) -> Done {
        let shoal = self.shoal();
        let done = shoal.ok(&[&"get", &self.link, &"--into", &self.target()]);
        let path = text(done.event("done"), "path");
        assert_eq!(Path::new(&path), self.target().join("tree"));
        trees::assert_same(&self.tree(), Path::new(&path));
        done
    }

    /// Shares to the end: what comes out is what it would have been.
    fn shared(&self) {
        let (share, _, shared) = self.shoal().share(&self.tree(), &[]);
        if fs_err::read_to_string(self.tree().join("small")).unwrap() == SMALL {
            assert_eq!(text(&shared, "cid"), self.cid);
        }
        share.interrupt().expect_code(0);
    }

    /// All that Shoal made goes with the item, and nothing else.
    fn assert_removable(&self) {
        let list = self.shoal().ok(&[&"list"]);
        let id = text(list.event("item"), "id");
        assert_eq!(list.events.len(), 1, "{}", list.stdout);
        self.shoal().ok(&[&"remove", &id, &"--delete-files"]);
        let left = names(&self.target());
        assert_eq!(left, ["own.txt"]);
    }

    /// Nothing of the person's is lost, and nothing wrong stands under a final name.
    fn assert_unspoilt(&self) {
        let own = fs_err::read_to_string(self.target().join("own.txt")).unwrap();
        assert_eq!(own, OWN, "the person's own file");
        let whole = tempfile::tempdir().unwrap();
        let whole = whole.path().join("tree");
        tree(&whole);
        trees::assert_same(&whole, &self.tree());
        let fetched = self.target().join("tree");
        for file in files(&fetched) {
            let original = whole.join(file.strip_prefix(&fetched).unwrap());
            let (now, then) = (
                fs_err::read(&file).unwrap(),
                fs_err::read(&original).unwrap(),
            );
            assert!(now == then, "{} under its final name", file.display());
        }
    }
}

fn most_done(killed: &Done) -> u64 {
    let progress = killed.events.iter();
    let progress = progress.filter(|event| event["event"] == "progress");
    progress
        .map(|event| number(event, "done"))
        .max()
        .unwrap_or(0)
}

const SMALL: &str = "a few words";

/// What is shared: a file of many blocks, small ones, folders, an empty file.
fn tree(root: &Path) {
    fs_err::create_dir_all(root.join("folder/deep")).unwrap();
    if !root.join("large").exists() {
        trees::file(&root.join("large"), 61, 12_500_000);
        trees::crowd(&root.join("many"), 60);
    }
    fs_err::write(root.join("small"), SMALL).unwrap();
    fs_err::write(root.join("empty"), "").unwrap();
    fs_err::write(root.join("folder/deep/inside"), "others, inside").unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
