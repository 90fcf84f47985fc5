//! The list, whatever happens to items and whatever is asked of it, beside the plainest way to the same answer. For the fuzzer and
//! the tests.

#![allow(clippy::unwrap_used, reason = "what fails here has broken a promise")]

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::catalog::{Catalog, Query};
use crate::api::{Filter, ItemId, ItemKind, ItemView, Sort, State};
use crate::collate;
use crate::fuzz_input::Input;
use crate::items::board::Board;

/// An item of that number, as it is when nothing goes on.
pub(crate) fn view(id: i64) -> ItemView {
    ItemView {
        id: ItemId(id),
        kind: ItemKind::Share,
        name: format!("item {id}"),
        path: None,
        cid: None,
        state: State::Sharing,
        total: 0,
        done: 0,
        files: 0,
        folder: false,
        rate_down: 0,
        rate_up: 0,
        peers: 0,
        having: 0,
        unreachable: 0,
        lacking: None,
        eta: None,
        skipped: 0,
        created: id,
    }
}

/// A window shows what the filter and the search leave, in order, as if all were looked at anew.
pub(crate) fn list(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (board, mut catalog) = (Board::default(), Catalog::default());
    let mut items: BTreeMap<i64, ItemView> = BTreeMap::new();
    for _ in 0..200 {
        if input.is_over() {
            break;
        }
        match input.below(8) {
            0..4 => {
                let item = item(&mut input);
                items.insert(item.id.0, item.clone());
                board.put(item);
            }
            4 => {
                let id = i64::from(input.byte() % 16);
                items.remove(&id);
                board.remove(store::index::ItemId(id));
            }
            5 => {
                catalog.update(&board);
                catalog.prepare();
            }
            _ => ask(&board, &mut catalog, &items, &mut input),
        }
    }
    ask(&board, &mut catalog, &items, &mut input);
}

fn item(input: &mut Input<'_>) -> ItemView {
    let number = input.byte();
    let states = [
        State::Sharing,
        State::Finding,
        State::Downloading,
        State::Verifying,
        State::Paused,
    ];
    ItemView {
        name: input.text(),
        state: states[usize::from(number >> 4) % states.len()].clone(),
        kind: if number & 0x80 == 0 {
            ItemKind::Share
        } else {
            ItemKind::Download
        },
        total: u64::from(input.byte()),
        done: u64::from(input.byte()),
        created: i64::from(input.byte()),
        ..view(i64::from(number % 16))
    }
}

fn ask(
    board: &Board,
    catalog: &mut Catalog,
    items: &BTreeMap<i64, ItemView>,
    input: &mut Input<'_>,
) {
    let filter = [
        Filter::All,
        Filter::Sharing,
        Filter::Downloading,
        Filter::NeedsYou,
    ][input.below(4)];
    let sort = [Sort::Newest, Sort::Name, Sort::Size][input.below(3)];
    let search = input.text();
    let (offset, limit) = (input.below(4), input.below(20));
    catalog.update(board);
    let (matching, ids) = catalog.window(&Query::new(filter, &search, sort), offset, limit);

    let is_whole = |item: &ItemView| item.total > 0 && item.done >= item.total;
    let is_downloading = |item: &ItemView| match item.state {
        State::Finding | State::Downloading => true,
        State::Verifying | State::Paused => item.kind == ItemKind::Download && !is_whole(item),
        _ => false,
    };
    let all = |filter: Filter| {
        let shown = items.values().filter(move |item| match filter {
            Filter::All => true,
            Filter::Sharing => !is_downloading(item),
            Filter::Downloading => is_downloading(item),
            Filter::NeedsYou => false,
        });
        shown.collect::<Vec<&ItemView>>()
    };
    let mut shown = all(filter);
    shown.retain(|item| {
        let name = collate::folded(&item.name);
        let mut words = search.split_whitespace();
        words.all(|word| name.contains(&*collate::folded(word)))
    });
    let by_name = |item: &&ItemView| {
        let folded = collate::folded(&item.name).into_owned();
        (collate::sort_key(&folded), folded, item.id)
    };
    match sort {
        Sort::Newest => shown.sort_by_key(|item| Reverse((item.created, item.id))),
        Sort::Name => shown.sort_by_key(by_name),
        Sort::Size => shown.sort_by_key(|item| (Reverse(item.total), item.id)),
    }
    assert_eq!(matching, shown.len());
    let window = shown.iter().skip(offset).take(limit);
    assert_eq!(ids, window.map(|item| item.id).collect::<Vec<ItemId>>());
    let counts = catalog.counts();
    assert_eq!(usize::try_from(counts.all).unwrap(), items.len());
    assert_eq!(
        usize::try_from(counts.downloading).unwrap(),
        all(Filter::Downloading).len()
    );
    assert_eq!(
        usize::try_from(counts.sharing).unwrap(),
        all(Filter::Sharing).len()
    );
}
