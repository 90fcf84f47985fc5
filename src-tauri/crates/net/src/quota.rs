//! How often strangers may have us do something, each of them and all together. Pure: it is told
//! the time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// So much in a stretch of time; then it begins anew. It remembers no more strangers than may do
/// something in one stretch.
#[derive(Debug)]
pub(crate) struct Quota<K> {
    stretch: Duration,
    /// Times for each, and for all.
    each: u32,
    all: u32,
    began: Option<Instant>,
    used: HashMap<K, u32>,
    total: u32,
}

impl<K: Eq + Hash> Quota<K> {
    pub(crate) fn new(stretch: Duration, each: u32, all: u32) -> Self {
        Self {
            stretch,
            each,
            all,
            began: None,
            used: HashMap::new(),
            total: 0,
        }
    }

    /// Whether it may once more; if so, that counts.
    pub(crate) fn take(&mut self, who: K, now: Instant) -> bool {
        if self.began.is_none_or(|began| now >= began + self.stretch) {
            self.began = Some(now);
            self.used.clear();
            self.total = 0;
        }
        if self.total >= self.all {
            return false;
        }
        let used = self.used.entry(who).or_default();
        if *used >= self.each {
            return false;
        }
        *used += 1;
        self.total += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_and_all_have_a_sum() {
        let minute = Duration::from_mins(1);
        let mut quota = Quota::new(minute, 2, 5);
        let start = Instant::now();
        let mut taken = |who: u8, now| (0..10).filter(|_| quota.take(who, now)).count();
        assert_eq!(taken(1, start), 2);
        assert_eq!(taken(2, start), 2);
        assert_eq!(taken(3, start), 1);
        assert_eq!(taken(4, start), 0);
        assert_eq!(taken(1, start + Duration::from_secs(59)), 0);
        assert_eq!(taken(1, start + minute), 2);
        for who in 4..=255 {
            taken(who, start + minute);
        }
        assert!(quota.used.len() <= 5 + 1);
    }
}
