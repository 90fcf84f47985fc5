//! Tests of whether others can get here, for those who wait for one, and what the last one found.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::{Here, Reachability};
use crate::limits::MAX_CHECKS;
use crate::status::{Check, PublicCheck, RungKind, Verdict};

/// A test ends after this with what it knows: a server takes up to 20 s, and three are asked one
/// after the other at most.
const CHECK_TIME: Duration = Duration::from_secs(45);

#[derive(Debug, Default)]
pub(super) struct Checks {
    waiting: Vec<Waiting>,
    last: Option<Check>,
}

/// Somebody waits for a test.
#[derive(Debug)]
struct Waiting {
    until: Instant,
    reply: oneshot::Sender<Check>,
}

impl Checks {
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_CHECKS
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn add(&mut self, reply: oneshot::Sender<Check>, now: Instant) {
        let until = now + CHECK_TIME;
        self.waiting.push(Waiting { until, reply });
    }

    pub(super) fn add_public(&mut self, check: PublicCheck) {
        if let Some(last) = &mut self.last {
            last.public = Some(check);
        }
    }

    /// Those whose wait is over: there is nothing more to learn, or it took too long.
    fn take_over(&mut self, is_settled: bool, now: Instant) -> Vec<Waiting> {
        let is_over = |check: &mut Waiting| is_settled || check.until <= now;
        self.waiting.extract_if(.., is_over).collect()
    }
}

impl Reachability {
    /// What the last test found.
    pub(crate) fn last_check(&self) -> Option<Check> {
        self.checks.last.clone()
    }

    /// Answers those who wait, once there is nothing more to learn, or it took too long.
    pub(super) fn finish_checks(&mut self, here: &Here, now: Instant) {
        let over = self.checks.take_over(self.probe.is_settled(), now);
        if over.is_empty() {
            return;
        }
        let found = self.found(here);
        self.checks.last = Some(found.clone());
        for check in over {
            let _ = check.reply.send(found.clone());
        }
    }

    /// What a test that ends now has found.
    fn found(&self, here: &Here) -> Check {
        let addresses = self.address_checks(here);
        let any = |verdict| {
            addresses
                .iter()
                .any(|address| address.by != RungKind::Relay && address.verdict == verdict)
        };
        let asked = self.probe.asked();
        let verdict = if any(Verdict::Yes) {
            Verdict::Yes
        } else if asked == 0 || any(Verdict::Unknown) || any(Verdict::Checking) {
            Verdict::Unknown
        } else {
            Verdict::No
        };
        Check {
            at: SystemTime::now(),
            verdict,
            asked,
            addresses,
            public: None,
        }
    }
}
