//! Writes how fast each item moves into its row, while it does.

use super::board::Board;
use net::{Meter, Moved};
use store::index::ItemId;

/// Measures until the runtime ends, and shows each item's rates in its row.
pub(crate) async fn run(meter: Meter, board: Board) {
    meter.run(|moved| show(&board, moved)).await;
}

fn show(board: &Board, moved: Vec<Moved>) {
    for moved in moved {
        board.set_rates(ItemId(moved.tag.0), moved.up, moved.giving, moved.taking);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::State;
    use crate::list::tests::view;
    use net::Tag;

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
