use super::super::record::Who;
use super::*;
use crate::api::DeviceKind;

fn sent(peer: PeerId, item: Option<i64>) -> Sent {
    Sent {
        to: Who {
            peer,
            name: "Ben".to_owned(),
            kind: DeviceKind::Laptop,
        },
        mark: 1,
        note: String::new(),
        item,
        at: 100,
        fate: Fate::New,
    }
}

fn ready(_: i64) -> bool {
    true
}

fn fate(outbox: &Outbox, id: i64) -> Fate {
    outbox.get(id).unwrap().fate
}

#[test]
fn an_offer_is_said_and_asked_after_until_it_is_had() {
    let (mut outbox, mut now) = (Outbox::default(), Instant::now());
    outbox.put(1, sent(PeerId::random(), Some(7)), now);
    assert_eq!(outbox.take_due(|_| false, now), []);
    now = outbox.next().unwrap();
    assert_eq!(outbox.take_due(ready, now), [(1, Step::Offer)]);
    assert_eq!(outbox.take_due(ready, now), []);
    assert_eq!(outbox.next(), None);
    for (stands, fate, is_new) in [
        (Stands::Waiting, Fate::Waiting, true),
        (Stands::Waiting, Fate::Waiting, false),
        (Stands::Taking(400), Fate::Taking(400), true),
        (Stands::Taking(400), Fate::Taking(400), false),
    ] {
        let kept = outbox.answered(1, Some(stands), now);
        assert_eq!(kept.map(|sent| sent.fate), is_new.then_some(fate));
        now = outbox.next().unwrap();
        assert_eq!(outbox.take_due(ready, now), [(1, Step::State)]);
    }
    assert!(outbox.answered(1, Some(Stands::Has), now).is_some());
    assert_eq!((outbox.next(), fate(&outbox, 1)), (None, Fate::Has));
    let peer = outbox.get(1).unwrap().to.peer;
    outbox.here(&peer, now);
    assert_eq!(outbox.take_due(ready, now), []);
}

#[test]
fn nothing_changes_is_asked_ever_less_often() {
    let (mut outbox, start) = (Outbox::default(), Instant::now());
    outbox.put(1, sent(PeerId::random(), None), start);
    let (mut now, mut asked) = (start, 0);
    while now < start + Duration::from_mins(10) {
        assert_eq!(outbox.take_due(ready, now).len(), 1);
        outbox.answered(1, Some(Stands::Waiting), now);
        now = outbox.next().unwrap();
        asked += 1;
    }
    assert!((50..80).contains(&asked), "{asked}");
}

#[test]
fn a_device_hears_one_new_offer_after_the_other() {
    let (mut outbox, now) = (Outbox::default(), Instant::now());
    let [ben, ann] = [(); 2].map(|()| PeerId::random());
    for (id, peer) in [(1, ben), (2, ben), (3, ann)] {
        outbox.put(id, sent(peer, None), now);
    }
    assert_eq!(
        outbox.take_due(ready, now),
        [(1, Step::Offer), (3, Step::Offer)]
    );
    outbox.answered(1, Some(Stands::Waiting), now);
    // Ben's is open still, and he says so.
    assert_eq!(outbox.take_due(ready, now), [(2, Step::Offer)]);
    assert_eq!(outbox.answered(2, Some(Stands::Busy), now), None);
    assert_eq!(fate(&outbox, 2), Fate::New);
    assert!(outbox.next().unwrap() > now);
}

#[test]
fn whoever_is_away_is_asked_again_and_at_once_when_it_is_back() {
    let (mut outbox, start) = (Outbox::default(), Instant::now());
    let ben = PeerId::random();
    outbox.put(1, sent(ben, None), start);
    let (mut now, mut pauses) = (start, Vec::new());
    for _ in 0..8 {
        assert_eq!(outbox.take_due(ready, now).len(), 1);
        assert_eq!(outbox.answered(1, None, now), None);
        assert!(outbox.all().all(|(_, entry)| entry.is_away));
        let next = outbox.next().unwrap();
        pauses.push(next - now);
        now = next;
    }
    assert!(
        pauses.is_sorted() && *pauses.last().unwrap() == LAST_RETRY,
        "{pauses:?}"
    );
    outbox.take_due(ready, now);
    outbox.answered(1, None, now);
    outbox.here(&ben, now);
    assert_eq!(outbox.take_due(ready, now), [(1, Step::Offer)]);
    outbox.answered(1, Some(Stands::Waiting), now);
    assert!(outbox.all().all(|(_, entry)| !entry.is_away));
    // It lost its index meanwhile.
    now = outbox.next().unwrap();
    assert_eq!(outbox.take_due(ready, now), [(1, Step::State)]);
    outbox.answered(1, Some(Stands::Unknown), now);
    assert_eq!(fate(&outbox, 1), Fate::New);
}

#[test]
fn offers_go_after_a_week_or_with_their_item() {
    let (mut outbox, now, week) = (Outbox::default(), Instant::now(), 7 * 24 * 3600);
    let peer = PeerId::random();
    outbox.put(1, sent(peer, Some(7)), now);
    let had = Sent {
        fate: Fate::Has,
        ..sent(peer, Some(7))
    };
    outbox.put(2, had, now);
    assert!(outbox.expired(ready, 99 + week).is_empty());
    assert_eq!(outbox.expired(|_| false, 100), [1]);
    assert_eq!(outbox.expired(ready, 100 + week), [1, 2]);
}
