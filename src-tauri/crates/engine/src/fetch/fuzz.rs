//! Downloads of what somebody made to do harm, and wishes of all kinds, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use store::files::names::Rules;
use unixfs::Cid;
use unixfs::cid::{self, RAW};

use super::limits::{MAX_ASKED, MAX_ASKED_HEAD};
use super::plan::{Fault, FileKey, Head, ItemPath, Plan, Selection, Steering, Step};
use crate::fuzz_input::Input;

mod made {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/made.rs"
    ));
}

use self::made::Made;

/// Steps after which it goes on as before.
const ENOUGH: usize = 5000;

/// A disk that takes what a plan gives it, and notes what a disk would not stand.
#[derive(Default)]
struct Disk {
    rules: Rules,
    /// Paths that are taken; folders are the first.
    folders: HashSet<PathBuf>,
    others: HashSet<PathBuf>,
    open: HashMap<FileKey, OpenFile>,
    closed: u64,
    /// What is asked for, and how many bytes of it belong at the spot.
    asked: Vec<(Cid, bool)>,
}

struct OpenFile {
    size: u64,
    /// Where bytes are, and where they end.
    parts: BTreeMap<u64, u64>,
}

/// Whatever a publisher made: nothing is written but where it belongs, once, and under names that lead nowhere else; every file is
/// whole at its end; nothing is asked for twice, and not too much at a time; and the plan ends.
pub(crate) fn plan(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let rules = [Rules::UNIX, Rules::MACOS, Rules::WINDOWS, Rules::FAT][input.below(4)];
    let mut wishes = || {
        (0..input.below(3))
            .map(|_| input.text())
            .collect::<Vec<_>>()
    };
    let (select, leave) = (wishes(), wishes());
    let made = Made::new(&mut input);
    let Ok(selection) = Selection::new(&select, &leave) else {
        return;
    };
    let Ok(plan) = Plan::new(made.root(), selection, rules) else {
        return;
    };
    let mut plan = plan.unfolding(input.flag());
    let mut disk = Disk {
        rules,
        ..Disk::default()
    };
    if let Err(fault) = carry_out(&mut plan, &mut disk, &made, &mut input) {
        assert!(!fault.to_string().is_empty());
        for (cid, data) in plan.take_kept() {
            assert_eq!(cid::verify(&cid, &data), Ok(()));
        }
    }
}

fn carry_out(
    plan: &mut Plan,
    disk: &mut Disk,
    made: &Made,
    input: &mut Input<'_>,
) -> Result<(), Fault> {
    let mut steps = 0;
    loop {
        while let Some(step) = plan.next()? {
            disk.take(step);
            steps += 1;
            if steps > ENOUGH {
                return Ok(());
            }
        }
        if plan.is_done()? {
            assert!(disk.open.is_empty());
            let totals = plan.totals();
            assert_eq!(
                (totals.files, totals.files_done),
                (disk.closed, disk.closed)
            );
            assert_eq!(totals.done, totals.bytes);
            return Ok(());
        }
        assert!(!disk.asked.is_empty(), "the plan is stuck");
        disk.asked.sort_by_key(|(cid, _)| made.get(cid).is_none());
        let there = disk
            .asked
            .partition_point(|(cid, _)| made.get(cid).is_some());
        if there == 0 {
            return Ok(());
        }
        let (cid, has_spot) = disk.asked.swap_remove(input.below(there));
        let data = made.get(&cid).unwrap_or_default();
        match input.byte() {
            // Its bytes lie there already.
            0..32 if has_spot && cid.codec() == RAW => plan.held(&cid, data.len() as u64)?,
            32..48 => {
                let start = u64::from(input.short());
                let path = input.text();
                let range = start..start + u64::from(input.byte());
                let (high, heads) = (vec![input.text()], vec![Head { path, range }]);
                plan.block(&cid, &data)?;
                plan.steer(&Steering { high, heads });
            }
            _ => plan.block(&cid, &data)?,
        }
        let _ = (plan.missing(), plan.asked_parts());
    }
}

impl Disk {
    fn take(&mut self, step: Step) {
        match step {
            Step::Want { cid, spot, .. } => {
                assert_eq!(cid::acceptable(&cid), Ok(()));
                assert_eq!(cid::implied_block(&cid), None);
                assert!(
                    self.asked.iter().all(|(asked, _)| *asked != cid),
                    "asked for twice"
                );
                self.asked.push((cid, spot.is_some()));
                assert!(self.asked.len() <= MAX_ASKED + MAX_ASKED_HEAD);
            }
            Step::Folder { path, .. } => {
                self.check_path(&path);
                assert!(
                    self.folders.insert(path.local.clone()),
                    "{path:?} comes twice"
                );
                assert!(!self.others.contains(&path.local));
            }
            Step::Open {
                file, path, size, ..
            } => {
                self.add(&path);
                assert!(size <= self.rules.largest);
                let parts = BTreeMap::new();
                assert!(self.open.insert(file, OpenFile { size, parts }).is_none());
            }
            Step::Write {
                file,
                offset,
                data,
                block,
            } => {
                self.put(file, offset, data.len() as u64);
                if let Some(leaf) = block {
                    let (before, after) = unixfs::leaf_frame(data.len());
                    let block = if leaf.framed {
                        [&before[..], &data[..], &after[..]].concat()
                    } else {
                        data.to_vec()
                    };
                    assert_eq!(cid::verify(&leaf.cid, &block), Ok(()));
                }
            }
            Step::Held {
                file,
                offset,
                bytes,
                ..
            } => self.put(file, offset, bytes),
            Step::Keep { cid, data } => assert_eq!(cid::verify(&cid, &data), Ok(())),
            Step::Close { file } => {
                let file = self.open.remove(&file).expect("it is open");
                let there: u64 = file.parts.iter().map(|(start, end)| end - start).sum();
                assert_eq!(there, file.size);
                self.closed += 1;
            }
            Step::Symlink { path, target } => {
                self.add(&path);
                let ups = |component: &Component<'_>| *component == Component::ParentDir;
                let ups = target.components().filter(ups).count();
                assert!(target.is_relative() && ups < path.local.components().count().max(1));
            }
            Step::Abandon { file } => drop(self.open.remove(&file).expect("it is open")),
            Step::Hurry(hurry) => {
                let is_asked =
                    |(cid, _): &(Cid, _)| self.asked.iter().any(|(asked, _)| asked == cid);
                assert!(hurry.iter().all(is_asked));
            }
            Step::Skip { .. } | Step::Renamed { .. } => {}
        }
    }

    fn add(&mut self, path: &ItemPath) {
        self.check_path(path);
        assert!(
            self.others.insert(path.local.clone()),
            "{path:?} comes twice"
        );
        assert!(!self.folders.contains(&path.local));
    }

    /// Inside the item, in a folder that is there.
    fn check_path(&self, path: &ItemPath) {
        let is_name = |component| matches!(component, Component::Normal(_));
        assert!(path.local.components().all(is_name), "{path:?}");
        if let Some(parent) = path.local.parent() {
            assert!(self.folders.contains(parent), "{path:?}");
            let name = path.local.file_name().unwrap().as_encoded_bytes();
            assert!(self.rules.local(name).is_ok_and(|local| !local.substituted));
        } else {
            assert_eq!(path.local, Path::new(""));
        }
    }

    /// Bytes lie in the file, where none lay.
    fn put(&mut self, file: FileKey, offset: u64, bytes: u64) {
        let file = self.open.get_mut(&file).expect("it is open");
        let end = offset.checked_add(bytes).expect("a disk has an end");
        assert!(end <= file.size);
        let before = file.parts.range(..end).next_back();
        assert!(bytes == 0 || before.is_none_or(|(_, before)| *before <= offset));
        if bytes > 0 {
            file.parts.insert(offset, end);
        }
    }
}

/// Wishes mean the same when they are kept as the shortest lists and read again.
pub(crate) fn selection(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut paths = || {
        (0..input.below(6))
            .map(|_| input.text())
            .collect::<Vec<_>>()
    };
    let (select, leave) = (paths(), paths());
    let Ok(mut selection) = Selection::new(&select, &leave) else {
        return;
    };
    let mut seen = [select, leave].concat();
    loop {
        let (select, leave) = selection.lists();
        let again = Selection::new(&select, &leave).expect("what was kept is read");
        assert_eq!(again.lists(), (select, leave));
        for path in &seen {
            for end in (0..=path.len()).filter(|end| path.is_char_boundary(*end)) {
                let part = &path[..end];
                assert_eq!(again.choice(part), selection.choice(part), "{part:?}");
            }
        }
        if input.is_over() {
            return;
        }
        let (path, wanted) = (input.text(), input.flag());
        if selection.choose(&path, wanted).is_ok() {
            seen.push(path);
        }
    }
}
