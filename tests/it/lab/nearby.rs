//! Devices of one network know each other by name, and nobody else does.

use serde_json::{Value, json};

use support::asker::{Asker, HELLO};
use support::lab::{Host, Lab, Nat};
use support::shoal::{Shoal, text};
use support::wait::until;

/// A name that tries to be more than a name.
const HOSTILE: &str = "Ben\u{202e}gpj.exe";

pub(super) fn device(host: &Host, name: &str, kind: &str) -> Shoal {
    let shoal = Shoal::at(host).with("mdns", "on");
    shoal.with("device.name", name).with("device.kind", kind)
}

/// What `devices` says: itself, and the others.
pub(super) fn devices(shoal: &Shoal) -> (Value, Vec<Value>) {
    let done = shoal.ok(&[&"devices"]);
    let others = done
        .events
        .iter()
        .filter(|event| event["event"] == "device");
    (done.event("own").clone(), others.cloned().collect())
}

/// That device, once it `fits`.
pub(super) fn device_where(shoal: &Shoal, peer: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let describe = || format!("{peer} is not as it should be: {:#?}", devices(shoal).1);
    until(describe, || {
        let (_, others) = devices(shoal);
        let mut others = others.into_iter();
        others.find(|device| device["peer"] == peer && fits(device))
    })
}

#[test]
fn devices_of_one_network_know_each_other_by_name_and_key() {
    let Some(mut lab) = Lab::new() else { return };
    let mut router = lab.router(Nat::Cone);
    let [ann, ben, eve] = [(); 3].map(|()| lab.host_behind(&mut router));
    let ann = device(&ann, "Ann", "laptop");
    let ben = Shoal::at(&ben)
        .with("mdns", "on")
        .with("device.kind", "server");
    ben.ok(&[&"settings", &"device.name", &HOSTILE]);
    // By the same name, which anybody may take.
    let eve = device(&eve, "Ann", "desktop");
    let (_ann, _) = ann.daemon();
    let (ben_runs, ready) = ben.daemon();
    let (_eve, eves) = eve.daemon();

    let seen = device_where(&ann, &ready.peer, |device| device["connected"] == true);
    assert_eq!(seen["name"], HOSTILE);
    assert_eq!(
        (&seen["kind"], &seen["here"]),
        (&json!("server"), &json!(true))
    );
    assert_eq!(seen["key"], devices(&ben).0["key"]);
    let other = device_where(&ann, &eves.peer, |_| true);
    let (own, _) = devices(&ann);
    assert_eq!(own["name"], other["name"]);
    assert_ne!(own["key"], other["key"]);
    device_where(&ben, &text(&own, "peer"), |device| {
        device["kind"] == "laptop"
    });

    ben.ok(&[&"settings", &"device.name", &"Ben"]);
    device_where(&ann, &ready.peer, |device| device["name"] == "Ben");
    ben_runs.kill();
    device_where(&ann, &ready.peer, |device| device["connected"] == false);
}

/// As CVE-2025-54792 of LocalSend: whoever was found counted as who it said it was.
#[test]
fn whoever_is_not_of_this_network_hears_no_name() {
    let Some(mut lab) = Lab::new() else { return };
    let stranger = lab.host();
    let mut router = lab.router(Nat::Cone);
    let [home, guest, liar] = [(); 3].map(|()| lab.host_behind(&mut router));
    let shoal = device(&home, "Ann", "laptop");
    let (_runs, _) = shoal.daemon();
    let hello = json!({"name": "Ben", "kind": "laptop"});

    // Of this network, and bounded.
    let at = format!("/ip4/{}/tcp/4801", home.address()).parse().unwrap();
    let asker = Asker::new();
    let (peer, questions) = (asker.peer(), vec![hello.clone(); 30]);
    let answers = guest
        .inside()
        .run(async move { asker.ask(at, HELLO, questions).await });
    assert_eq!(answers[0], Some(json!({"name": "Ann", "kind": "laptop"})));
    let answered = answers.iter().flatten().count();
    assert!((1..30).contains(&answered), "{answered} answers");
    let (_, known) = devices(&shoal);
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(known[0]["peer"], peer.to_string());

    // From outside, though somebody in here says that it is one of us.
    let asker = Asker::new();
    let outside = asker.peer();
    let (from, at) = (liar.address(), home.address());
    liar.inside()
        .run(async move { support::lab::storm::name(from, at, outside).await });
    let address = format!("/ip4/{}/tcp/4801", stranger.address());
    let listen = address.parse().unwrap();
    let asking = std::thread::spawn(move || {
        let questions = vec![hello; 3];
        let inside = stranger.inside();
        inside.run(async move { asker.ask_who_comes(listen, HELLO, questions).await })
    });
    let provider = format!("{address}/p2p/{outside}");
    let nothing = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    let get = shoal.start(&[
        &"get",
        &nothing,
        &"--provider",
        &provider,
        &"--timeout",
        &support::wait::HUNG_SECONDS,
    ]);
    assert_eq!(asking.join().unwrap(), [None, None, None]);
    get.kill();
    let (_, known) = devices(&shoal);
    assert!(
        known
            .iter()
            .all(|device| device["peer"] != outside.to_string()),
        "{known:?}"
    );
}
