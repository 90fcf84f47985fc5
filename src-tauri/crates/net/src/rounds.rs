//! What several others bring, taken from each of them in turn, so that nobody crowds the others out.

use std::collections::VecDeque;

/// A bounded queue with a part for each of those who fill it.
#[derive(Debug)]
pub(crate) struct Rounds<T> {
    max: usize,
    len: usize,
    /// The one whose turn it is comes first. None is empty.
    parts: VecDeque<VecDeque<T>>,
}

impl<T> Rounds<T> {
    /// For so many in all.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            len: 0,
            parts: VecDeque::new(),
        }
    }

    /// All that one of them brings. Whatever is too much goes, the last of those who brought most.
    pub(crate) fn add(&mut self, part: impl IntoIterator<Item = T>) -> Vec<T> {
        let part: VecDeque<T> = part.into_iter().collect();
        if part.is_empty() {
            return Vec::new();
        }
        self.len += part.len();
        self.parts.push_back(part);
        let mut gone = Vec::new();
        while self.len > self.max {
            let longest = self.parts.iter_mut().max_by_key(|part| part.len());
            gone.extend(longest.and_then(VecDeque::pop_back));
            self.parts.retain(|part| !part.is_empty());
            self.len -= 1;
        }
        gone
    }

    /// The next one, of another part than the last one.
    pub(crate) fn next(&mut self) -> Option<T> {
        let mut part = self.parts.pop_front()?;
        let next = part.pop_front();
        if !part.is_empty() {
            self.parts.push_back(part);
        }
        self.len -= 1;
        next
    }

    /// All that is there, by turns.
    pub(crate) fn take(&mut self) -> Vec<T> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn() {
        let mut rounds = Rounds::new(100);
        rounds.add([1, 2, 3]);
        rounds.add([]);
        rounds.add([11]);
        rounds.add([21, 22]);
        assert_eq!(rounds.next(), Some(1));
        assert_eq!(rounds.take(), [11, 21, 2, 22, 3]);
        assert_eq!((rounds.next(), rounds.len), (None, 0));
    }

    #[test]
    fn who_brings_most_loses_what_is_too_much() {
        let mut rounds = Rounds::new(6);
        assert_eq!(rounds.add(0..300).len(), 294);
        assert_eq!(rounds.add([1000, 1001]), [5, 4]);
        assert_eq!(rounds.take(), [0, 1000, 1, 1001, 2, 3]);
        for liar in 0..5 {
            rounds.add((0..100).map(|number| liar * 100 + number));
        }
        rounds.add([1000]);
        let left = rounds.take();
        assert!(left.len() == 6 && left.contains(&1000), "{left:?}");
    }
}
