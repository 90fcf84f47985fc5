//! How fast items move: what the network's meter says of its tags, written into the items' views, and in the border's words.

use crate::api::{RateSample, Rates};
use crate::index::ItemId;
use crate::items::board::Board;
use crate::net::{Meter, Moved, Rate, Tag};

/// By which the network counts an item's bytes.
pub(crate) fn tag(id: ItemId) -> Tag {
    Tag(id.0)
}

/// Measures until the runtime ends, and shows each item's rates in its row.
pub(crate) async fn run(meter: Meter, board: Board) {
    meter.run(|moved| show(&board, moved)).await;
}

fn show(board: &Board, moved: Vec<Moved>) {
    for moved in moved {
        board.set_rates(ItemId(moved.tag.0), moved.up, moved.giving, moved.taking);
    }
}

/// Over all, with the last minute.
pub(crate) fn of_all(meter: &Meter) -> Rates {
    let Rate { down, up } = meter.rate();
    Rates {
        down,
        up,
        history: samples(meter.history()),
    }
}

/// The last minute of one item.
pub(crate) fn history_of(meter: &Meter, id: ItemId) -> Vec<RateSample> {
    samples(meter.history_of(tag(id)))
}

fn samples(history: Vec<Rate>) -> Vec<RateSample> {
    let sample = |Rate { down, up }| RateSample(down, up);
    history.into_iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::State;
    use crate::list::tests::view;

    #[test]
    fn what_an_item_sends_and_who_takes_it_is_shown() {
        let board = Board::default();
        let in_state = |id, state| crate::api::ItemView { state, ..view(id) };
        board.put(in_state(1, State::Sharing));
        board.put(in_state(2, State::Downloading));
        board.put(in_state(3, State::Paused));
        let moved = |tag| Moved {
            tag: Tag(tag),
            up: 250,
            giving: 1,
            taking: 2,
        };
        show(&board, (1..=4).map(moved).collect());
        let shown = |id| {
            let item = board.get(ItemId(id)).unwrap();
            (item.rate_up, item.peers)
        };
        assert_eq!(shown(1), (250, 2));
        assert_eq!(shown(2), (250, 1));
        assert_eq!(board.get(ItemId(3)).unwrap(), in_state(3, State::Paused));
    }
}
