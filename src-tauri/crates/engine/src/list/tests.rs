use store::Serving;
use tokio::sync::watch;

use super::*;
use crate::api::{Counts, Filter, ItemId, LibraryRequest, NoticeKind, State};

pub(crate) use super::fuzz::view;

struct Desk {
    board: Board,
    library: Library,
    summary: watch::Sender<Summary>,
    serving: Serving,
    held: watch::Sender<()>,
}

fn desk(items: i64) -> Desk {
    let board = Board::default();
    for id in 1..=items {
        board.put(view(id));
    }
    let (summary, held) = (watch::Sender::default(), watch::Sender::default());
    let serving = Serving::default();
    Desk {
        library: Library::new(
            board.clone(),
            Meter::default(),
            summary.subscribe(),
            Hold::new(serving.clone(), held.subscribe()),
        ),
        board,
        summary,
        serving,
        held,
    }
}

fn request(since: u64, wait_ms: u64) -> LibraryRequest {
    LibraryRequest {
        since,
        wait_ms,
        limit: 2,
        ..LibraryRequest::default()
    }
}

const LONG: u64 = 60_000;

#[tokio::test]
async fn a_window_shows_its_rows_and_the_counts_of_all() {
    let desk = desk(5);
    desk.board
        .edit(ItemId(2).into(), |view| view.state = State::Finding);
    let asked = LibraryRequest {
        filter: Filter::Sharing,
        offset: 1,
        focus: Some(ItemId(2)),
        ..request(0, LONG)
    };
    let view = desk.library.view(&asked).await;
    let ids: Vec<i64> = view.items.iter().map(|item| item.id.0).collect();
    assert_eq!((ids.as_slice(), view.matching), (&[4, 3][..], 4));
    let Counts {
        all, downloading, ..
    } = view.counts;
    assert_eq!((all, downloading), (5, 1));
    assert_eq!(view.focus.unwrap().item.id, ItemId(2));
}

#[tokio::test]
async fn what_is_seen_is_told_and_what_is_not_is_not() {
    let desk = desk(5);
    let first = desk.library.view(&request(0, LONG)).await;
    // Not on the screen.
    desk.board.edit(ItemId(1).into(), |view| view.rate_up = 9);
    let second = desk.library.view(&request(first.rev, 300)).await;
    assert_eq!(second.items, first.items);
    for change in [
        &(|desk: &Desk| desk.board.edit(ItemId(5).into(), |view| view.rate_up = 9))
            as &dyn Fn(&Desk),
        &|desk| desk.board.remove(ItemId(1).into()),
        &|desk| {
            desk.serving.hold_all(true);
            desk.held.send_replace(());
        },
        &|desk| desk.summary.send_modify(|summary| summary.peers = 3),
    ] {
        let before = desk.library.view(&request(0, LONG)).await;
        let asked = request(before.rev, LONG);
        let began = Instant::now();
        let (after, ()) = tokio::join!(desk.library.view(&asked), async { change(&desk) });
        assert!(began.elapsed() >= LOOK_GAP);
        assert_ne!(print(&before), print(&after));
    }
}

#[tokio::test]
async fn another_question_is_answered_at_once() {
    let desk = desk(5);
    let first = desk.library.view(&request(0, LONG)).await;
    let scrolled = LibraryRequest {
        offset: 2,
        ..request(first.rev, LONG)
    };
    let second = desk.library.view(&scrolled).await;
    assert_eq!(second.items[0].id, ItemId(3));
    // As after a restart.
    desk.library.view(&request(4711, LONG)).await;
}

#[tokio::test]
async fn notices_are_told_once() {
    let desk = desk(1);
    desk.board.notice(ItemId(1).into());
    let first = desk.library.view(&request(0, LONG)).await;
    assert!(first.notices.is_empty());
    desk.board.notice(ItemId(1).into());
    let second = desk.library.view(&request(first.rev, LONG)).await;
    assert_eq!(second.notices[0].kind, NoticeKind::Finished);
    let third = desk.library.view(&request(second.rev, 0)).await;
    assert!(third.notices.is_empty());
}
