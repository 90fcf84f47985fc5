use super::*;
use crate::api::DeviceKind;

fn who(peer: PeerId) -> Who {
    Who {
        peer,
        name: "Ben".to_owned(),
        kind: DeviceKind::Laptop,
    }
}

fn note(mark: u64) -> Offer {
    Offer {
        mark,
        note: "hi".to_owned(),
        items: Vec::new(),
    }
}

fn nothing(_: i64) -> Option<Far> {
    None
}

/// Keeps it as a new one if it is one.
fn offer(inbox: &mut Inbox, peer: PeerId, mark: u64, now: i64) -> Stands {
    match inbox.offered(who(peer), note(mark), nothing, now) {
        Said::Answer(stands) => stands,
        Said::Keep(received, room) => {
            inbox.remove(&room);
            let id = inbox.all().map(|(id, _)| id).max().unwrap_or_default() + 1;
            inbox.put(id, *received);
            Stands::Waiting
        }
    }
}

fn decide(inbox: &mut Inbox, id: i64, decided: Decided) {
    let received = inbox.get(id).unwrap().clone();
    inbox.put(
        id,
        Received {
            decided,
            ..received
        },
    );
}

#[test]
fn a_device_has_one_open_question_and_asks_it_once() {
    let (mut inbox, ben, ann) = (Inbox::default(), PeerId::random(), PeerId::random());
    assert_eq!(offer(&mut inbox, ben, 1, 0), Stands::Waiting);
    assert_eq!(offer(&mut inbox, ben, 1, 0), Stands::Waiting);
    assert_eq!(offer(&mut inbox, ben, 2, 0), Stands::Busy);
    assert_eq!(offer(&mut inbox, ann, 1, 0), Stands::Waiting);
    assert_eq!(inbox.0.len(), 2);
    decide(&mut inbox, 1, Decided::Declined);
    assert_eq!(offer(&mut inbox, ben, 1, 0), Stands::Declined);
    assert_eq!(offer(&mut inbox, ben, 2, 0), Stands::Waiting);
    assert_eq!(inbox.asked(&ben, 1, nothing), Stands::Declined);
    assert_eq!(inbox.asked(&ann, 2, nothing), Stands::Unknown);
}

#[test]
fn a_flood_leaves_open_questions_and_a_bounded_list() {
    let (mut inbox, ben) = (Inbox::default(), PeerId::random());
    assert_eq!(offer(&mut inbox, ben, 1, 0), Stands::Waiting);
    for _ in 0..3 * MAX_INBOX {
        offer(&mut inbox, PeerId::random(), 1, 0);
    }
    assert_eq!(inbox.0.len(), MAX_INBOX);
    assert_eq!(offer(&mut inbox, PeerId::random(), 1, 0), Stands::Busy);
    assert_eq!(inbox.asked(&ben, 1, nothing), Stands::Waiting);
    decide(&mut inbox, 1, Decided::Declined);
    let ann = PeerId::random();
    assert_eq!(offer(&mut inbox, ann, 1, 0), Stands::Waiting);
    assert_eq!(inbox.0.len(), MAX_INBOX);
    assert_eq!(inbox.asked(&ben, 1, nothing), Stands::Unknown);
}

#[test]
fn how_far_an_offer_is_follows_from_its_downloads() {
    let (mut inbox, ben) = (Inbox::default(), PeerId::random());
    offer(&mut inbox, ben, 1, 0);
    decide(&mut inbox, 1, Decided::Taken(vec![7, 8]));
    let far = |is_whole, done, total| {
        Some(Far {
            is_whole,
            done,
            total,
        })
    };
    let stands = |inbox: &Inbox, seven, eight| {
        inbox.asked(&ben, 1, |id| if id == 7 { seven } else { eight })
    };
    let unknown = far(false, 0, 0);
    assert_eq!(stands(&inbox, unknown, unknown), Stands::Taking(0));
    assert_eq!(
        stands(&inbox, far(true, 30, 30), far(false, 5, 40)),
        Stands::Taking(500)
    );
    // Checked to the last byte, but not yet whole.
    assert_eq!(
        stands(&inbox, far(true, 30, 30), far(false, 40, 40)),
        Stands::Taking(999)
    );
    assert_eq!(
        stands(&inbox, far(false, u64::MAX, 1), unknown),
        Stands::Taking(999)
    );
    assert_eq!(stands(&inbox, far(true, 30, 30), None), Stands::Declined);
    let whole = far(true, 30, 30);
    assert_eq!(stands(&inbox, whole, whole), Stands::Has);
    assert!(inbox.arrived(|_| far(false, 30, 30)).is_empty());
    for (id, received) in inbox.arrived(|_| whole) {
        inbox.put(id, received);
    }
    // Whatever becomes of them.
    assert_eq!(stands(&inbox, None, None), Stands::Has);
}

#[test]
fn an_offer_is_kept_for_a_week_and_longer_only_while_it_is_fetched() {
    let (mut inbox, week) = (Inbox::default(), 7 * 24 * 3600);
    for _ in 0..3 {
        offer(&mut inbox, PeerId::random(), 1, 100);
    }
    decide(&mut inbox, 2, Decided::Taken(vec![7]));
    assert!(inbox.expired(99 + week).is_empty());
    assert_eq!(inbox.expired(100 + week), [1, 3]);
}
