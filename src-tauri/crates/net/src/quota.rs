//! How often strangers may have us do something, each of them and all together. Pure: it is told
//! the time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// So much in a stretch of time; then it begins anew. Where many were there in the last stretch, each
/// has less in this one, so that those who come first leave something for the others. It remembers
/// no more strangers than may do something in one stretch.
#[derive(Debug)]
pub(crate) struct Quota<K> {
    stretch: Duration,
    /// Times for each at most, and for all.
    each: u32,
    all: u32,
    /// Times for each in this stretch.
    share: u32,
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
            share: each,
            began: None,
            used: HashMap::new(),
            total: 0,
        }
    }

    /// Whether it may once more; if so, that counts.
    pub(crate) fn take(&mut self, who: K, now: Instant) -> bool {
        if self.began.is_none_or(|began| now >= began + self.stretch) {
            let there = u32::try_from(self.used.len()).unwrap_or(u32::MAX);
            self.share = (self.all / there.max(1)).max(1).min(self.each);
            self.began = Some(now);
            self.used.clear();
            self.total = 0;
        }
        let is_new = !self.used.contains_key(&who);
        if is_new && self.used.len() >= self.all as usize {
            return false;
        }
        let used = self.used.entry(who).or_default();
        let may = *used < self.share && self.total < self.all;
        *used += u32::from(may);
        self.total += u32::from(may);
        may
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
        // Four were there.
        assert_eq!(taken(1, start + minute), 1);
        for who in 4..=255 {
            taken(who, start + minute);
        }
        assert_eq!(quota.used.len(), 5);
    }

    #[test]
    fn a_crowd_leaves_something_for_others() {
        let second = Duration::from_secs(1);
        let mut quota = Quota::new(second, 200, 1000);
        let mut now = Instant::now();
        let mut taken = |who: u8, now| (0..500).filter(|_| quota.take(who, now)).count();
        for _ in 0..3 {
            now += second;
            let crowd: usize = (0..19).map(|who| taken(who, now)).sum();
            assert!(crowd <= 1000);
            taken(19, now);
        }
        now += second;
        let of_each: Vec<usize> = (0..20).map(|who| taken(who, now)).collect();
        assert_eq!(of_each, [50; 20]);
        // They are gone.
        now += second;
        taken(1, now);
        now += second;
        assert_eq!(taken(1, now), 200);
    }
}
