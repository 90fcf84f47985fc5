//! Faults of our own. What breaks by one costs what it was doing and nothing else: it is taken back or begun anew, and told.
//!
//! Work that somebody waits for breaks its caller too, up to the nearest guard: a call, an item's job, or the one task that owns
//! something. So nothing waits for ever, nothing that broke looks as if it had ended well, and no owner is missing.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bitswap::pace::Backoff;
use parking_lot::Mutex;

use crate::api::{Problem, Retry};

/// Before something is begun anew the first time, and the longest such pause.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// What ran for so long may break once more without a longer pause.
const STEADY: Duration = Duration::from_mins(10);

/// What a person can do about a fault of ours.
pub(crate) const TRY_AGAIN: &str = "Try again. If it comes again, please report it.";

/// Something broke by a fault of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this broke off by a fault in Shoal: {0}")]
pub struct Panicked(String);

impl Panicked {
    pub(crate) fn of(panic: &(dyn Any + Send)) -> Self {
        Self(net::panic_words(panic))
    }

    /// Nothing is known of it but that it was.
    pub(crate) fn unknown() -> Self {
        Self("no answer came".to_owned())
    }

    /// As a person reads it.
    pub fn problem(&self) -> Problem {
        Problem {
            code: "fault".to_owned(),
            message: self.to_string(),
            hint: Some(TRY_AGAIN.to_owned()),
            retry: Retry::User,
            subject: Some(self.0.clone()),
            count: None,
            field: None,
        }
    }
}

/// Does the work, and says if it broke.
pub fn guarded<T, W: Future<Output = T>>(work: W) -> impl Future<Output = Result<T, Panicked>> {
    let mut work = Box::pin(work);
    poll_fn(move |cx| {
        let step = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        match step {
            Ok(step) => step.map(Ok),
            Err(panic) => Poll::Ready(Err(Panicked::of(panic.as_ref()))),
        }
    })
}

/// What may break and goes on, as long as the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Which item is worked on.
    Items,
    /// Work on one item.
    Job,
    /// The speed limits of the clock.
    Limits,
    /// The rates of items.
    Rates,
    /// Blocks for others.
    Serving,
    /// What devices offer each other.
    Devices,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::Job => "job",
            Self::Limits => "limits",
            Self::Rates => "rates",
            Self::Serving => "serving",
            Self::Devices => "devices",
        }
    }
}

/// What broke in this run. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    seen: Arc<Mutex<BTreeMap<Part, Seen>>>,
    #[cfg(debug_assertions)]
    told: Arc<Mutex<Option<String>>>,
}

#[derive(Debug)]
struct Seen {
    times: u64,
    last: Panicked,
}

impl Faults {
    /// Keeps in mind that a part broke.
    pub(crate) fn note(&self, part: Part, fault: Panicked) {
        tracing::error!(part = part.name(), %fault, "something broke, and goes on");
        let mut seen = self.seen.lock();
        let times = seen.get(&part).map_or(0, |seen| seen.times);
        let times = times.saturating_add(1);
        seen.insert(part, Seen { times, last: fault });
    }

    /// What a person should know of it: one for each part.
    pub(crate) fn remarks(&self) -> Vec<Problem> {
        let remark = |(part, seen): (&Part, &Seen)| {
            let Seen { times, last } = seen;
            let part = part.name();
            Problem {
                code: "part-broke".to_owned(),
                message: format!(
                    "a part of Shoal ({part}) broke off by a fault and was begun anew; faults so far: {times}; the last: {}",
                    last.0
                ),
                hint: Some("Nothing is lost. If it comes again, please report it.".to_owned()),
                subject: Some(format!("{part}: {}", last.0)),
                count: Some(*times),
                ..last.problem()
            }
        };
        self.seen.lock().iter().map(remark).collect()
    }

    /// Runs a task that lasts as long as the engine; one that breaks is begun anew.
    pub(crate) async fn keep<F: Future<Output = ()>>(&self, part: Part, begin: impl Fn() -> F) {
        let mut pause = Pause::default();
        while let Err(fault) = guarded(begin()).await {
            self.note(part, fault);
            pause.wait().await;
        }
    }
}

/// The pauses before something that broke is begun anew. They grow while it breaks again and again.
pub(crate) struct Pause {
    backoff: Backoff,
    began: Instant,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            began: Instant::now(),
        }
    }
}

impl Pause {
    pub(crate) async fn wait(&mut self) {
        if self.began.elapsed() >= STEADY {
            self.backoff.reset();
        }
        tokio::time::sleep(self.backoff.pause()).await;
        self.backoff.grow();
        self.began = Instant::now();
    }
}

/// Breaks what tests say, to show what becomes of it. Not in what people run.
#[cfg(debug_assertions)]
impl Faults {
    pub(crate) fn tell_to_break(&self, part: &str) {
        *self.told.lock() = Some(part.to_owned());
    }

    pub(crate) fn may_break(&self, part: Part) {
        let told = self.told.lock().take_if(|told| told == part.name());
        assert!(told.is_none(), "told to break");
    }
}

#[cfg(not(debug_assertions))]
impl Faults {
    #[expect(clippy::unused_self, reason = "the same call as in what tests run")]
    pub(crate) fn may_break(&self, _: Part) {}
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::util::blocking;

    #[tokio::test]
    async fn a_fault_breaks_whoever_waits_for_it_up_to_a_guard() {
        let work = async { blocking(|| panic!("a {}", "word")).await };
        let broken: Result<Result<(), _>, _> = guarded(work).await;
        assert_eq!(broken, Err(Panicked("a word".to_owned())));
        assert_eq!(guarded(blocking(|| 7)).await, Ok(Ok(7)));
    }

    #[tokio::test]
    async fn what_breaks_is_begun_anew_and_told_once_a_part() {
        let faults = Faults::default();
        let begun = Cell::new(0);
        let task = || async {
            begun.set(begun.get() + 1);
            assert!(begun.get() > 1, "number {}", begun.get());
        };
        faults.keep(Part::Rates, task).await;
        assert_eq!(begun.get(), 2);
        let [remark] = &faults.remarks()[..] else {
            panic!("one remark")
        };
        let subject = remark.subject.as_deref();
        assert_eq!((subject, remark.count), (Some("rates: number 1"), Some(1)));
    }
}
