//! What the list needs of every item, kept beside [`Board`]: enough to filter, search, sort and
//! count 100,000 of them in a few milliseconds, and nothing at all while only progress changes.
//!
//! Orders are kept sorted and sorted again where they changed, which costs little for what is
//! nearly in order. The rows that a filter and a search leave are kept until an item comes, goes,
//! or changes in what they depend on.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::api::{Counts, Filter, Sort};
use crate::api::{ItemId, ItemKind, ItemView, State};
use crate::collate;
use crate::items::board::{Board, Seen};

/// Names prepared at a time: a millisecond, for which somebody may have to wait.
const PREPARED_AT_ONCE: usize = 2048;
/// Places of items that are gone that are not worth tidying up.
const MAX_GONE: usize = 1024;

/// What is asked of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) filter: Filter,
    /// Folded, apart.
    words: Vec<String>,
    pub(super) sort: Sort,
}

impl Query {
    pub(super) fn new(filter: Filter, search: &str, sort: Sort) -> Self {
        let words = search.split_whitespace();
        let words = words.map(|word| collate::folded(word).into_owned());
        Self {
            filter,
            words: words.collect(),
            sort,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// The revision of [`Board`] that this is of.
    revision: u64,
    entries: Vec<Entry>,
    places: HashMap<ItemId, usize>,
    /// Entries of items that are gone.
    gone: usize,
    counts: Counts,
    newest: Order,
    by_name: Order,
    by_size: Order,
    matched: Option<(Query, Vec<usize>)>,
}

/// Places of entries, in some order.
#[derive(Debug, Default)]
struct Order {
    places: Vec<usize>,
    is_sorted: bool,
}

#[derive(Debug)]
struct Entry {
    id: ItemId,
    name: String,
    folded: Option<Key>,
    class: Class,
    total: u64,
    created: i64,
}

/// A name as it is searched and sorted, made when it is first needed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The first bytes of the sort key: nearly all comparisons end here.
    prefix: u128,
    sort: String,
    folded: String,
}

/// Which filter shows an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Sharing,
    Downloading,
    NeedsYou,
    /// No filter does. The place of an item that is gone stays until there are too many such
    /// places, so that the orders stay as they are.
    Gone,
}

impl Catalog {
    /// Takes up what changed.
    pub(super) fn update(&mut self, board: &Board) {
        self.revision = board.visit(self.revision, |seen| match seen {
            Seen::Everything => *self = Self::default(),
            Seen::Item(view) => self.put(view),
            Seen::Gone(id) => self.remove(id),
        });
    }

    /// Makes some of what the first search and the first order by name would wait for. False when
    /// all of it is there.
    pub(super) fn prepare(&mut self) -> bool {
        let missing = self
            .entries
            .iter_mut()
            .filter(|entry| entry.folded.is_none());
        let mut made = 0;
        for entry in missing.take(PREPARED_AT_ONCE) {
            entry.fold();
            made += 1;
        }
        if made == 0 {
            self.sort_by_name();
        }
        made > 0
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// How many rows there are, and the ids of those in the window.
    pub(super) fn window(
        &mut self,
        query: &Query,
        offset: usize,
        limit: usize,
    ) -> (usize, Vec<ItemId>) {
        self.match_all(query);
        let matched = self.matched.as_ref().map_or(&[][..], |(_, places)| places);
        let shown = matched.iter().skip(offset).take(limit);
        let ids = shown.map(|place| self.entries[*place].id).collect();
        (matched.len(), ids)
    }

    fn put(&mut self, view: &ItemView) {
        let Some(&place) = self.places.get(&view.id) else {
            self.places.insert(view.id, self.entries.len());
            let entry = Entry::of(view);
            self.count(entry.class, 1);
            for order in self.orders() {
                order.is_sorted = false;
            }
            self.entries.push(entry);
            self.matched = None;
            return;
        };
        let entry = &mut self.entries[place];
        if entry.name != view.name {
            entry.name.clone_from(&view.name);
            entry.folded = None;
            self.by_name.is_sorted = false;
            self.matched = None;
        }
        if entry.total != view.total {
            entry.total = view.total;
            self.by_size.is_sorted = false;
            let by_size = |(query, _): &(Query, _)| query.sort == Sort::Size;
            if self.matched.as_ref().is_some_and(by_size) {
                self.matched = None;
            }
        }
        let (before, now) = (entry.class, Class::of(view));
        if before != now {
            entry.class = now;
            self.count(before, -1);
            self.count(now, 1);
            let all = |(query, _): &(Query, _)| query.filter == Filter::All;
            if !self.matched.as_ref().is_some_and(all) {
                self.matched = None;
            }
        }
    }

    fn remove(&mut self, id: ItemId) {
        let Some(place) = self.places.remove(&id) else {
            return;
        };
        let class = std::mem::replace(&mut self.entries[place].class, Class::Gone);
        self.count(class, -1);
        self.matched = None;
        self.gone += 1;
        if self.gone > MAX_GONE && self.gone > self.places.len() {
            // The catalog begins anew with the next update.
            *self = Self::default();
        }
    }

    fn orders(&mut self) -> [&mut Order; 3] {
        [&mut self.newest, &mut self.by_name, &mut self.by_size]
    }

    fn count(&mut self, class: Class, by: i32) {
        let counts = &mut self.counts;
        let of_class = match class {
            Class::Sharing => &mut counts.sharing,
            Class::Downloading => &mut counts.downloading,
            Class::NeedsYou => &mut counts.needs_you,
            Class::Gone => return,
        };
        for count in [of_class, &mut counts.all] {
            *count = count.saturating_add_signed(by);
        }
    }

    /// Finds all rows that the query leaves, in its order, unless they are known.
    fn match_all(&mut self, query: &Query) {
        if self
            .matched
            .as_ref()
            .is_some_and(|(known, _)| known == query)
        {
            return;
        }
        if !query.words.is_empty() || query.sort == Sort::Name {
            self.entries.iter_mut().for_each(Entry::fold);
        }
        let entries = &self.entries;
        let order = match query.sort {
            Sort::Newest => {
                let key = |entry: &Entry| Reverse((entry.created, entry.id));
                self.newest.sort(entries, |a, b| key(a).cmp(&key(b)))
            }
            Sort::Name => self.by_name.sort(entries, Entry::by_name),
            Sort::Size => {
                let key = |entry: &Entry| (Reverse(entry.total), entry.id);
                self.by_size.sort(entries, |a, b| key(a).cmp(&key(b)))
            }
        };
        let matches = |place: &usize| entries[*place].matches(query);
        let places = order.iter().copied().filter(matches).collect();
        self.matched = Some((query.clone(), places));
    }

    fn sort_by_name(&mut self) {
        self.by_name.sort(&self.entries, Entry::by_name);
    }
}

impl Order {
    fn sort(
        &mut self,
        entries: &[Entry],
        compare: impl Fn(&Entry, &Entry) -> std::cmp::Ordering,
    ) -> &[usize] {
        if !self.is_sorted {
            self.places.extend(self.places.len()..entries.len());
            self.places
                .sort_by(|a, b| compare(&entries[*a], &entries[*b]));
            self.is_sorted = true;
        }
        &self.places
    }
}

impl Entry {
    fn of(view: &ItemView) -> Self {
        Self {
            id: view.id,
            name: view.name.clone(),
            folded: None,
            class: Class::of(view),
            total: view.total,
            created: view.created,
        }
    }

    fn by_name(&self, other: &Self) -> std::cmp::Ordering {
        let names = self.folded.cmp(&other.folded);
        names.then(self.id.cmp(&other.id))
    }

    fn fold(&mut self) {
        if self.folded.is_none() {
            self.folded = Some(Key::of(&self.name));
        }
    }

    fn matches(&self, query: &Query) -> bool {
        let shown = match query.filter {
            Filter::All => self.class != Class::Gone,
            Filter::Sharing => self.class == Class::Sharing,
            Filter::Downloading => self.class == Class::Downloading,
            Filter::NeedsYou => self.class == Class::NeedsYou,
        };
        let has = |word: &String| {
            let folded = self.folded.as_ref();
            folded.is_some_and(|key| key.folded.contains(word))
        };
        shown && query.words.iter().all(has)
    }
}

impl Key {
    fn of(name: &str) -> Self {
        let folded = collate::folded(name).into_owned();
        let sort = collate::sort_key(&folded);
        let mut first = [0; 16];
        let bytes = sort.as_bytes();
        let len = bytes.len().min(first.len());
        first[..len].copy_from_slice(&bytes[..len]);
        Self {
            prefix: u128::from_be_bytes(first),
            sort,
            folded,
        }
    }
}

impl Class {
    /// A download that is not all here yet counts as downloading, whatever holds it up; everything
    /// else is shared, or about to be.
    fn of(view: &ItemView) -> Self {
        let is_whole = view.total > 0 && view.done >= view.total;
        match (&view.state, view.kind) {
            (State::NeedsYou(_), _) => Self::NeedsYou,
            (State::Finding | State::Downloading, _) => Self::Downloading,
            (State::Verifying | State::Paused, ItemKind::Download) if !is_whole => {
                Self::Downloading
            }
            _ => Self::Sharing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::tests::view;

    fn window(board: &Board, catalog: &mut Catalog, query: (Filter, &str, Sort)) -> Vec<i64> {
        catalog.update(board);
        let query = Query::new(query.0, query.1, query.2);
        let (matching, ids) = catalog.window(&query, 0, 100);
        assert_eq!(matching, ids.len());
        ids.into_iter().map(|id| id.0).collect()
    }

    fn three() -> Board {
        let board = Board::default();
        for (id, name, total) in [(1, "Été 10", 5), (2, "été 9", 30), (3, "Winter", 20)] {
            board.put(ItemView {
                name: name.to_owned(),
                total,
                created: id,
                ..view(id)
            });
        }
        board
    }

    #[test]
    fn items_come_in_the_order_that_is_asked_for() {
        let (board, mut catalog) = (three(), Catalog::default());
        for (sort, ids) in [
            (Sort::Newest, [3, 2, 1]),
            (Sort::Name, [2, 1, 3]),
            (Sort::Size, [2, 3, 1]),
        ] {
            assert_eq!(window(&board, &mut catalog, (Filter::All, "", sort)), ids);
        }
        board.edit(store::index::ItemId(1), |view| view.total = 25);
        board.edit(store::index::ItemId(3), |view| view.name = "a".to_owned());
        assert_eq!(
            window(&board, &mut catalog, (Filter::All, "", Sort::Size)),
            [2, 1, 3]
        );
        assert_eq!(
            window(&board, &mut catalog, (Filter::All, "", Sort::Name)),
            [3, 2, 1]
        );
    }

    #[test]
    fn all_words_of_a_search_are_found_whatever_their_case_and_accents() {
        let (board, mut catalog) = (three(), Catalog::default());
        for (search, ids) in [
            ("ete", &[2, 1][..]),
            ("ÉTÉ 1", &[1]),
            ("9 été", &[2]),
            ("  ", &[3, 2, 1]),
            ("x", &[]),
        ] {
            let found = window(&board, &mut catalog, (Filter::All, search, Sort::Newest));
            assert_eq!(found, ids, "{search}");
        }
    }

    #[test]
    fn items_that_change_or_go_change_what_is_shown() {
        let (board, mut catalog) = (three(), Catalog::default());
        let sharing = (Filter::Sharing, "", Sort::Newest);
        assert_eq!(window(&board, &mut catalog, sharing), [3, 2, 1]);
        board.edit(store::index::ItemId(2), |view| view.state = State::Finding);
        board.remove(store::index::ItemId(3));
        assert_eq!(window(&board, &mut catalog, sharing), [1]);
        let downloading = (Filter::Downloading, "", Sort::Newest);
        assert_eq!(window(&board, &mut catalog, downloading), [2]);
        let counts = Counts {
            all: 2,
            sharing: 1,
            downloading: 1,
            needs_you: 0,
        };
        assert_eq!(catalog.counts(), counts);
        assert_eq!(
            window(&board, &mut catalog, (Filter::All, "", Sort::Name)),
            [2, 1]
        );
    }

    #[test]
    fn places_of_what_is_gone_are_used_again() {
        let (board, mut catalog) = (Board::default(), Catalog::default());
        for id in 1..=3 * i64::try_from(MAX_GONE).unwrap() {
            board.put(view(id));
            if id > 3 {
                board.remove(store::index::ItemId(id));
            }
            catalog.update(&board);
        }
        assert!(catalog.entries.len() < 2 * MAX_GONE);
        assert_eq!(
            window(&board, &mut catalog, (Filter::All, "", Sort::Newest)),
            [3, 2, 1]
        );
        assert_eq!(catalog.counts().all, 3);
    }
}
