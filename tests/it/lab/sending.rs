//! Straight to a device of this network: offered, taken or declined, and gone on with when either side was away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::nearby::{device, device_where};
use support::asker::{Asker, OFFER};
use support::lab::{Host, Lab, Nat, Router};
use support::shoal::{Ready, Running, Shoal, number, text};
use support::trees;
use support::wait::until;

/// What is sent where one of both is killed midway, and how fast.
const SIZE: u64 = 16_000_000;
const PACE: u64 = 2_000_000;
const CID: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

/// Two people's devices in one network, and room for a third.
struct Home {
    lab: Lab,
    router: Router,
    ann: Shoal,
    anns: Host,
    ben: Shoal,
    bens: Host,
    folder: TempDir,
}

impl Home {
    fn new() -> Option<Self> {
        let mut lab = Lab::new()?;
        let mut router = lab.router(Nat::Cone);
        let [anns, bens] = [(); 2].map(|()| lab.host_behind(&mut router));
        Some(Self {
            ann: device(&anns, "Ann", "laptop"),
            anns,
            ben: device(&bens, "Ben", "desktop"),
            bens,
            folder: tempfile::tempdir().unwrap(),
            lab,
            router,
        })
    }

    fn file(&self, size: u64) -> PathBuf {
        trees::file(&self.folder.path().join("holiday.mov"), 71, size)
    }

    /// Both run, and know each other.
    fn run(&self) -> (Running, (Running, Ready)) {
        let (anns, ann) = self.ann.daemon();
        let (bens, ben) = self.ben.daemon();
        device_where(&self.ann, &ben.peer, |_| true);
        device_where(&self.ben, &ann.peer, |_| true);
        (anns, (bens, ben))
    }

    fn taken(&self) -> PathBuf {
        self.folder.path().join("taken")
    }
}

fn events(shoal: &Shoal, command: &str, name: &str) -> Vec<Value> {
    let done = shoal.ok(&[&command]);
    let events = done.events.into_iter();
    events.filter(|event| event["event"] == name).collect()
}

fn inbox(shoal: &Shoal) -> Vec<Value> {
    events(shoal, "inbox", "offer")
}

/// The first offer that is so.
fn offer_where(shoal: &Shoal, fits: impl Fn(&Value) -> bool) -> Value {
    let describe = || format!("no such offer: {:#?}", inbox(shoal));
    until(describe, || {
        inbox(shoal).into_iter().find(|offer| fits(offer))
    })
}

/// The first that was sent, once it is so.
fn sent_where(shoal: &Shoal, fits: impl Fn(&Value) -> bool) -> Value {
    let sent = || events(shoal, "outbox", "sent");
    let describe = || format!("nothing of it was sent: {:#?}", sent());
    until(describe, || sent().into_iter().find(|sent| fits(sent)))
}

fn is_open(offer: &Value) -> bool {
    offer["state"] == "waiting"
}

#[test]
fn what_is_sent_is_asked_about_and_taken() {
    let Some(home) = Home::new() else { return };
    let (_ann, (_ben, _)) = home.run();
    let file = home.file(3_000_000);
    let send = home.ann.start(&[
        &"send",
        &file,
        &"--to",
        &"ben",
        &"--note",
        &"From the sea\nAnn",
    ]);
    send.event_where("sent", |sent| sent["state"] == "waiting");

    let offer = offer_where(&home.ben, is_open);
    assert_eq!(
        (&offer["from"]["name"], &offer["note"]),
        (&json!("Ann"), &json!("From the sea\nAnn"))
    );
    assert_eq!(offer["items"][0]["name"], "holiday.mov");
    assert_eq!(number(&offer["items"][0], "size"), 3_000_000);
    let (id, into) = (text(&offer, "id"), home.taken());
    let taken = home.ben.ok(&[&"inbox", &"accept", &id, &"--into", &into]);
    let path = text(taken.event("done"), "path");
    assert_eq!(Path::new(&path), into.join("holiday.mov"));
    trees::assert_same(&file, Path::new(&path));
    let done = send.finish().expect_code(0);
    assert_eq!(done.event("sent")["state"], "has");
    // On neither side do others find it.
    for shoal in [&home.ann, &home.ben] {
        let list = fs_err::read(shoal.data_dir().join("shares.json")).unwrap();
        let list: Value = serde_json::from_slice(&list).unwrap();
        assert_eq!(list[0]["options"]["announce"], "none", "{list}");
    }
    // Whatever becomes of it there.
    let download = home.ben.ok(&[&"list"]).event("item")["id"].clone();
    home.ben.ok(&[&"remove", &download.as_str().unwrap()]);
    assert_eq!(inbox(&home.ben)[0]["state"], "has");
    let again = home.ben.run(&[&"inbox", &"accept", &id]).expect_code(1);
    assert_eq!(again.problem(), "already-decided");
}

#[test]
fn what_is_declined_is_told_and_a_note_alone_is_enough() {
    let Some(home) = Home::new() else { return };
    let (_ann, (ben, ready)) = home.run();
    let file = home.file(1000);
    let send = home.ann.start(&[&"send", &file, &"--to", &ready.peer]);
    let id = text(&offer_where(&home.ben, is_open), "id");
    // A second one waits until the first is decided.
    let note = home
        .ann
        .start(&[&"send", &"--note", &"Are you there?", &"--to", &"Ben"]);
    note.event("sent");
    assert_eq!(inbox(&home.ben).len(), 1);
    // Open questions are still there after a restart.
    ben.interrupt();
    let (_ben, _) = home.ben.daemon();
    assert!(is_open(
        &offer_where(&home.ben, |offer| offer["id"] == id.as_str())
    ));
    home.ben.ok(&[&"inbox", &"decline", &id]);
    assert_eq!(send.finish().expect_code(1).problem(), "declined");
    let open = offer_where(&home.ben, is_open);
    assert_eq!(
        (&open["note"], &open["items"]),
        (&json!("Are you there?"), &json!([]))
    );
    home.ben.ok(&[&"inbox", &"accept", &text(&open, "id")]);
    note.finish().expect_code(0);

    let nobody = home
        .ann
        .run(&[&"send", &"--note", &"hi", &"--to", &"Eve"])
        .expect_code(1);
    assert_eq!(nobody.problem(), "no-such-device");
}

#[test]
fn a_sender_that_was_killed_goes_on_where_it_was() {
    let Some(home) = Home::new() else { return };
    let (ann, (_ben, _)) = home.run();
    let file = take_slowly(&home);
    ann.kill();
    let (_ann, _) = home.ann.daemon();
    arrives(&home, &file);
}

#[test]
fn a_receiver_that_was_killed_goes_on_where_it_was() {
    let Some(home) = Home::new() else { return };
    let (_ann, (ben, _)) = home.run();
    let file = take_slowly(&home);
    ben.kill();
    sent_where(&home.ann, |sent| sent["away"] == true);
    let (_ben, _) = home.ben.daemon();
    arrives(&home, &file);
}

/// Something is on its way, not all of it there.
fn take_slowly(home: &Home) -> PathBuf {
    home.anns.send_at_most(PACE);
    let file = home.file(SIZE);
    home.ann.ok(&[&"send", &file, &"--to", &"Ben", &"--detach"]);
    let id = text(&offer_where(&home.ben, is_open), "id");
    let into = home.taken();
    home.ben
        .ok(&[&"inbox", &"accept", &id, &"--into", &into, &"--detach"]);
    let is_under_way = |view: &Value| view["state"] == "taking" && number(view, "part") >= 200;
    offer_where(&home.ben, is_under_way);
    sent_where(&home.ann, |sent| sent["state"] == "taking");
    file
}

fn arrives(home: &Home, file: &Path) {
    sent_where(&home.ann, |sent| sent["state"] == "has");
    offer_where(&home.ben, |offer| offer["state"] == "has");
    trees::assert_same(file, &home.taken().join("holiday.mov"));
}

#[test]
fn a_device_that_is_away_is_asked_when_it_comes() {
    let Some(home) = Home::new() else { return };
    let (_ann, (ben, ready)) = home.run();
    ben.kill();
    home.ann
        .ok(&[&"send", &"--note", &"hi", &"--to", &ready.peer, &"--detach"]);
    let sent = sent_where(&home.ann, |sent| sent["away"] == true);
    assert_eq!(sent["state"], "new");
    let (_ben, _) = home.ben.daemon();
    assert_eq!(offer_where(&home.ben, is_open)["note"], "hi");
    sent_where(&home.ann, |sent| {
        sent["state"] == "waiting" && sent["away"] == false
    });
}

/// As CVE-2025-27142, CVE-2026-32116 and GHSA-ppjh-xp5v-46wc, and of floods: what strangers offer chooses no place, and
/// fills nothing.
#[test]
fn hostile_offers_reach_nobody_and_fill_nothing() {
    let Some(mut home) = Home::new() else { return };
    let [guest, crowd] = [(); 2].map(|()| home.lab.host_behind(&mut home.router));
    let stranger = home.lab.host();
    let (_ben, _) = home.ben.daemon();
    let at = format!("/ip4/{}/tcp/4801", home.bens.address());
    let offer = |mark: u64, name: &str| {
        let item = json!({"cid": CID, "name": name, "size": 1, "count": 1});
        json!({"offer": {"mark": mark, "note": "take it", "items": [item]}})
    };
    let paths = ["../../.ssh/authorized_keys", "/etc/passwd", "..", "", "a/b"];
    let paths: Vec<Value> = (0..)
        .zip(paths)
        .map(|(mark, name)| offer(mark, name))
        .collect();
    let long = json!({"offer": {"mark": 1, "note": "a".repeat(2001), "items": []}});
    let huge = json!({"offer": {"mark": 1, "note": "a".repeat(100_000), "items": []}});
    let nonsense = json!({"explode": {}});
    let asks = |from: &Host, asker: Asker, questions: Vec<Value>| {
        let at = at.parse().unwrap();
        from.inside()
            .run(async move { asker.ask(at, OFFER, questions).await })
    };

    let refused = asks(&guest, Asker::new(), [paths, vec![long]].concat());
    assert!(
        refused
            .iter()
            .all(|answer| *answer == Some(json!("refused"))),
        "{refused:?}"
    );
    assert_eq!(
        asks(&guest, Asker::new(), vec![huge, nonsense]),
        [None, None]
    );
    assert!(inbox(&home.ben).is_empty());

    // One question a device, ten a minute.
    let flood: Vec<Value> = (0..30).map(|mark| offer(mark, "a")).collect();
    let heard = asks(&guest, Asker::new(), flood);
    assert_eq!(heard[..2], [Some(json!("waiting")), Some(json!("busy"))]);
    let answered = heard.iter().flatten().count();
    assert!((2..30).contains(&answered), "{answered} answers");
    // Many devices, or one that says so.
    for mark in 0..12 {
        let heard = asks(&crowd, Asker::new(), vec![offer(mark, "a")]);
        assert_eq!(heard, [Some(json!("waiting"))]);
    }
    let open = inbox(&home.ben);
    let from: BTreeSet<String> = open
        .iter()
        .map(|offer| text(&offer["from"], "peer"))
        .collect();
    assert_eq!((open.len(), from.len()), (13, 13));

    // A stranger, to whom it is connected.
    let asker = Asker::new();
    let address = format!("/ip4/{}/tcp/4801", stranger.address());
    let provider = format!("{address}/p2p/{}", asker.peer());
    let listen = address.parse().unwrap();
    let asking = std::thread::spawn(move || {
        let questions = vec![offer_of_nothing(), json!({"state": {"mark": 1}})];
        let inside = stranger.inside();
        inside.run(async move { asker.ask_who_comes(listen, OFFER, questions).await })
    });
    let timeout = support::wait::HUNG_SECONDS;
    let get = home.ben.start(&[
        &"get",
        &CID,
        &"--provider",
        &provider,
        &"--timeout",
        &timeout,
    ]);
    assert_eq!(asking.join().unwrap(), [None, None]);
    get.kill();
    assert_eq!(inbox(&home.ben).len(), open.len());
}

fn offer_of_nothing() -> Value {
    json!({"offer": {"mark": 1, "note": "hi", "items": []}})
}
