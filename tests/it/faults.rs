//! Every call fails once: whatever a share, a fetch, an import asks of the disk is refused once, or is the last thing that the
//! process does. After each: no wrong byte under a final name, nothing of the person's lost, words and a way out, and the next
//! run ends as if nothing had been. `make test` takes a sample, `make faults` all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use support::faults::{Call, Failure, Fault, Watch};
use support::shoal::{Done, Running, Shoal, text};
use support::trees;

/// A person's evening that is disturbed once. Each step is given a place of its own.
struct Scene {
    name: &'static str,
    /// What is there before.
    prepare: fn(&Place),
    /// What is disturbed: ends, or has been ended, when it returns.
    act: fn(&Place, Shoal) -> Done,
    /// Afterwards, undisturbed: has to end well.
    again: fn(&Place),
}

/// The folders of one run, and who has what it fetches.
struct Place {
    root: TempDir,
    log: TempDir,
    link: String,
    cid: String,
}

/// What all runs of a scene fetch: who has it, and a CAR file of it.
struct Given {
    link: String,
    cid: String,
    car: PathBuf,
}

/// How many runs of a scene `make test` takes; `SHOAL_FAULTS=all` takes them all.
const SAMPLE: usize = 30;
/// Runs at once: each waits for disks and other processes most of the time.
const AT_ONCE: usize = 3;
/// The person's own file beside what Shoal writes.
const OWN: &str = "my own words";

#[test]
fn settings_survive_every_fault() {
    disturb(&Scene {
        name: "settings",
        prepare: |place| {
            place.shoal().ok(&[&"settings", &"upload.limit", &"1000"]);
        },
        act: |_, shoal| shoal.run(&[&"settings", &"upload.limit", &"2000"]),
        again: |place| {
            let now = place.shoal().ok(&[&"settings", &"upload.limit"]).stdout;
            assert!(now.contains("1000") || now.contains("2000"), "{now}");
            place.shoal().ok(&[&"settings", &"upload.limit", &"3000"]);
        },
    });
}

#[test]
fn a_start_survives_every_fault() {
    disturb(&Scene {
        name: "start",
        prepare: |place| {
            place.share(place.shoal()).expect_code(0);
        },
        act: |_, shoal| up(shoal.start(&[&"daemon"])),
        again: |place| {
            let (daemon, _) = place.shoal().daemon();
            let list = place.shoal().ok(&[&"list"]).stdout;
            assert!(list.contains(&place.cid), "the share is gone: {list}");
            daemon.interrupt().expect_code(0);
        },
    });
}

#[test]
fn a_share_survives_every_fault() {
    disturb(&Scene {
        name: "share",
        prepare: |_| {},
        act: Place::share,
        again: |place| {
            let shared = place.share(place.shoal()).expect_code(0);
            assert_eq!(text(shared.event("shared"), "cid"), place.cid);
        },
    });
}

#[test]
fn an_update_survives_every_fault() {
    disturb(&Scene {
        name: "update",
        prepare: |place| {
            fs_err::write(place.tree().join("small"), "as it was").unwrap();
            place.share(place.shoal()).expect_code(0);
            tree(&place.tree());
        },
        act: Place::share,
        again: |place| {
            let shared = place.share(place.shoal()).expect_code(0);
            assert_eq!(text(shared.event("shared"), "cid"), place.cid);
        },
    });
}

#[test]
fn a_fetch_survives_every_fault() {
    disturb(&Scene {
        name: "fetch",
        prepare: |_| {},
        act: Place::fetch,
        again: Place::fetched,
    });
}

/// Each thing that is made goes on record, and each of these writes may be the last: all of it goes with the item in the end.
#[test]
fn what_was_made_goes_wherever_the_record_of_it_ended() {
    let source = tempfile::tempdir().unwrap();
    tree(&source.path().join("tree"));
    let (_share, _, shared) = Shoal::new().share(&source.path().join("tree"), &[]);
    let given = Given {
        link: text(&shared, "link"),
        cid: text(&shared, "cid"),
        car: source.path().join("tree/empty"),
    };
    for time in 0.. {
        let place = Place::new(&given);
        let call = Call {
            kind: "write".to_owned(),
            path: "data/made/1".to_owned(),
        };
        let fault = Fault {
            call,
            time,
            failure: Failure::Death,
        };
        let Some(environment) = place.watch().environment(Some(&fault)) else {
            return;
        };
        place.fetch(place.shoal().with_variables(environment));
        if !place.watch().was_met() {
            assert!(time > 4, "{time} entries");
            return;
        }
        place.fetched();
        place.shoal().ok(&[&"remove", &"1", &"--delete-files"]);
        let left = fs_err::read_dir(place.target()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["own.txt"], "after {time} entries");
    }
}

#[test]
fn an_import_survives_every_fault() {
    disturb(&Scene {
        name: "import",
        prepare: |_| {},
        act: Place::import,
        again: |place| {
            place.import(place.shoal()).expect_code(0);
            place.assert_whole();
        },
    });
}

#[test]
fn a_resume_survives_every_fault() {
    disturb(&Scene {
        name: "resume",
        prepare: |place| {
            // It died when some of it was there.
            let written = Call {
                kind: "write".to_owned(),
                path: "into/tree.part/large".to_owned(),
            };
            let death = Fault {
                call: written,
                time: 1,
                failure: Failure::Death,
            };
            let watch = Watch::new(place.root.path(), &place.log.path().join("before"));
            let environment = watch.environment(Some(&death)).unwrap();
            let died = place.fetch(place.shoal().with_variables(environment));
            assert_eq!(died.code, None, "{}", died.stdout);
        },
        act: Place::fetch,
        again: Place::fetched,
    });
}

#[test]
fn a_removal_survives_every_fault() {
    disturb(&Scene {
        name: "remove",
        prepare: |place| {
            place.fetch(place.shoal()).expect_code(0);
        },
        act: |_, shoal| shoal.run(&[&"remove", &"1", &"--delete-files"]),
        again: |place| {
            // Gone, or still there and whole: it can be fetched as before, beside what could not be deleted, and removed.
            let done = place.fetch(place.shoal()).expect_code(0);
            trees::assert_same(&place.tree(), Path::new(&text(done.event("done"), "path")));
            let list = place.shoal().ok(&[&"list"]);
            let id = text(list.event("item"), "id");
            place.shoal().ok(&[&"remove", &id, &"--delete-files"]);
        },
    });
}

impl Place {
    fn new(given: &Given) -> Self {
        let place = Self {
            root: tempfile::tempdir().unwrap(),
            log: tempfile::tempdir().unwrap(),
            link: given.link.clone(),
            cid: given.cid.clone(),
        };
        fs_err::copy(&given.car, place.car()).unwrap();
        fs_err::create_dir(place.target()).unwrap();
        fs_err::write(place.target().join("own.txt"), OWN).unwrap();
        tree(&place.tree());
        place
    }

    fn tree(&self) -> PathBuf {
        self.root.path().join("tree")
    }

    fn car(&self) -> PathBuf {
        self.root.path().join("tree.car")
    }

    fn target(&self) -> PathBuf {
        self.root.path().join("into")
    }

    fn shoal(&self) -> Shoal {
        Shoal::on(&self.root.path().join("data"))
    }

    fn watch(&self) -> Watch {
        Watch::new(self.root.path(), &self.log.path().join("calls"))
    }

    fn share(&self, shoal: Shoal) -> Done {
        let share = shoal.start(&[&"share", &self.tree()]);
        if share.comes("shared") {
            share.interrupt()
        } else {
            share.finish()
        }
    }

    fn fetch(&self, shoal: Shoal) -> Done {
        shoal.run(&[&"get", &self.link, &"--into", &self.target()])
    }

    fn import(&self, shoal: Shoal) -> Done {
        let target = self.target();
        let shoal = shoal.with("download.folder", target.to_str().unwrap());
        shoal.run(&[&"import", &self.car()])
    }

    fn fetched(&self) {
        self.fetch(self.shoal()).expect_code(0);
        self.assert_whole();
    }

    /// The download is there, and equal.
    fn assert_whole(&self) {
        trees::assert_same(&self.tree(), &self.target().join("tree"));
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
            if file
                .extension()
                .is_some_and(|extension| extension == "part")
            {
                continue;
            }
            let original = whole.join(file.strip_prefix(&fetched).unwrap());
            assert_eq!(
                fs_err::read(&file).unwrap(),
                fs_err::read(&original).unwrap(),
                "{} under its final name",
                file.display()
            );
        }
    }
}

/// What is shared: a file of several blocks, small ones, a folder, an empty file.
fn tree(root: &Path) {
    fs_err::create_dir_all(root.join("folder")).unwrap();
    if !root.join("large").exists() {
        trees::file(&root.join("large"), 61, 2_500_000);
    }
    fs_err::write(root.join("small"), "a few words").unwrap();
    fs_err::write(root.join("empty"), "").unwrap();
    fs_err::write(root.join("folder/inside"), "others, inside").unwrap();
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

/// A daemon that came up and was ended, or one that did not come up.
fn up(daemon: Running) -> Done {
    if daemon.comes("ready") {
        daemon.interrupt()
    } else {
        daemon.finish()
    }
}

/// Runs a scene once undisturbed to see its calls, then once for each fault.
fn disturb(scene: &Scene) {
    let source = tempfile::tempdir().unwrap();
    tree(&source.path().join("tree"));
    let sharer = Shoal::new();
    let (_share, _, shared) = sharer.share(&source.path().join("tree"), &[]);
    let given = Given {
        link: text(&shared, "link"),
        cid: text(&shared, "cid"),
        car: source.path().join("tree.car"),
    };
    sharer.ok(&[&"export", &text(&shared, "id"), &given.car]);

    let place = Place::new(&given);
    let Some(environment) = place.watch().environment(None) else {
        return;
    };
    (scene.prepare)(&place);
    let done = (scene.act)(&place, place.shoal().with_variables(environment));
    done.expect_code(0);
    let calls = place.watch().calls();
    assert!(!calls.is_empty(), "no call was seen");
    (scene.again)(&place);

    let all = faults(&calls);
    let every = std::env::var("SHOAL_FAULTS").as_deref() == Ok("all");
    let chosen = if every { all.len() } else { SAMPLE };
    // Spread evenly, so that each kind of call and each failure has its turn.
    let step = (all.len() / chosen.max(1)).max(1) | 1;
    let faults: Vec<&Fault> = all.iter().step_by(if every { 1 } else { step }).collect();

    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::<&str, usize>::new());
    let failures = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = || try_one(scene, fault, &given);
                    match catch_unwind(AssertUnwindSafe(run)) {
                        Ok(outcome) => *lock(&outcomes).entry(outcome).or_default() += 1,
                        Err(panic) => {
                            let why = panic.downcast_ref::<String>().cloned();
                            let why = why.unwrap_or_else(|| "it panicked".to_owned());
                            writeln!(lock(&failures), "\n{fault:?}:\n{why}").unwrap();
                        }
                    }
                }
            });
        }
    });
    let (outcomes, failures) = (lock(&outcomes), lock(&failures));
    let _ = writeln!(
        std::io::stderr(),
        "{}: {} calls on {} paths, {} of {} faults put in: {outcomes:?}",
        scene.name,
        calls.values().sum::<usize>(),
        calls.len(),
        faults.len(),
        all.len(),
    );
    assert!(failures.is_empty(), "{}: {failures}", scene.name);
}

/// One run with one fault, and how it came out.
fn try_one(scene: &Scene, fault: &Fault, given: &Given) -> &'static str {
    let place = Place::new(given);
    (scene.prepare)(&place);
    let environment = place.watch().environment(Some(fault)).unwrap();
    let done = (scene.act)(&place, place.shoal().with_variables(environment));
    assert!(
        !done.stderr.contains("panicked"),
        "a panic:\n{}",
        done.stderr
    );
    let outcome = match done.code {
        _ if !place.watch().was_met() => "not met",
        None if fault.failure == Failure::Death => "died",
        Some(0) => "went well all the same",
        Some(1 | 3) => {
            done.problem();
            "refused in words"
        }
        other => panic!("ended with {other:?}:\n{}\n{}", done.stdout, done.stderr),
    };
    place.assert_unspoilt();
    (scene.again)(&place);
    place.assert_unspoilt();
    outcome
}

/// Each call with each failure. Of calls that are made often, such as the reads of one file, the first, the second, one in the
/// middle and the last.
fn faults(calls: &BTreeMap<Call, usize>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (call, &count) in calls {
        let mut times = vec![0, 1, count / 2, count - 1];
        times.retain(|time| *time < count);
        times.sort_unstable();
        times.dedup();
        for time in times {
            faults.extend(Failure::ALL.map(|failure| Fault {
                call: call.clone(),
                time,
                failure,
            }));
        }
    }
    faults
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
