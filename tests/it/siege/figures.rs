//! What is counted of a siege, and how it is told.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use support::process::anonymous;
use support::siege::Force;

/// Between two looks at what a process holds.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const MIB: f64 = 1_048_576.0;

/// What the besieged holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Of memory.
    pub(super) bytes: u64,
    /// Files and sockets.
    pub(super) handles: usize,
}

/// The most memory that a process had, from the beginning of the watch.
#[derive(Debug)]
pub(super) struct Memory(Arc<AtomicU64>);

impl Memory {
    pub(super) fn watch(process: u32) -> Self {
        let peak = Arc::new(AtomicU64::new(0));
        let watched = Arc::downgrade(&peak);
        std::thread::spawn(move || {
            while let Some(peak) = watched.upgrade() {
                let Ok(now) = anonymous(process) else {
                    return;
                };
                peak.fetch_max(now, Ordering::Relaxed);
                drop(peak);
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Self(peak)
    }

    pub(super) fn peak(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What honest peers waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// A Shoal and a Kubo that fetch from the besieged, and the besieged that fetches.
    pub(super) shoal: Duration,
    pub(super) kubo: Duration,
    pub(super) own: Duration,
    /// The first byte of something small: for a Shoal, and for the besieged.
    pub(super) first: Duration,
    pub(super) own_first: Duration,
}

/// What it is like once they have gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct After {
    /// Until none of them was connected and what was opened for them was closed; `None`: more than a minute.
    pub(super) gone: Option<Duration>,
    /// Memory above rest a minute later at most.
    pub(super) above: u64,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) force: Force,
    pub(super) blows: u64,
    pub(super) undisturbed: Waits,
    pub(super) disturbed: Waits,
    /// Memory above rest while only they were there, and with the transfers.
    pub(super) alone: u64,
    pub(super) above: u64,
    pub(super) after: After,
}

const HEAD: &str = "\
| attack | strangers / networks | blows | rate: Shoal from it | Kubo from it | it from a Shoal | first byte: from it | by it | MiB above rest: they alone | with transfers | a minute later | gone after |
|---|---|---|---|---|---|---|---|---|---|---|---|";

static ROWS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// All that was measured so far.
pub(super) fn print(row: &Row) {
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    rows.push(line(row));
    // To the stream itself: the test harness hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "{HEAD}\n{}", rows.join("\n"));
}

fn line(row: &Row) -> String {
    let (before, now) = (row.undisturbed, row.disturbed);
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    let gone = row.after.gone.map_or("more than 60 s".to_owned(), |after| {
        format!("{:.0} s", after.as_secs_f64())
    });
    format!(
        "| {} | {} / {} | {} | {:.2} | {:.2} | {:.2} | {:.1} × | {:.1} × | {:.0} | {:.0} | {:.0} | {gone} |",
        row.name,
        row.force.strangers,
        row.force.networks,
        row.blows,
        ratio(before.shoal, now.shoal),
        ratio(before.kubo, now.kubo),
        ratio(before.own, now.own),
        ratio(now.first, before.first),
        ratio(now.own_first, before.own_first),
        row.alone as f64 / MIB,
        row.above as f64 / MIB,
        row.after.above as f64 / MIB,
    )
}
