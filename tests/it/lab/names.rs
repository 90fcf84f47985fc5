//! Names in addresses are looked up as the network says in which a running Shoal is now.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::roam::{Content, SIZE, peers, tell};
use super::{bytes_from, network_where};
use support::Wire;
use support::lab::{Lab, Nat};
use support::shoal::{Ready, Shoal, text};
use support::wait::until;

const NAME: &str = "somebody.lab";
/// What the other network tells is noticed; else names would be looked up anew when somebody is tried again, a minute apart.
const BEFORE_NEXT_LOOK: Duration = Duration::from_secs(55);

/// In the first network nobody knows the name, and its server can't be asked from elsewhere. The other one tells of its own server
/// only after it gave an address, as some do.
#[test]
fn a_name_that_is_known_in_the_other_network_alone_is_found_there() {
    let Some(mut lab) = Lab::new() else { return };
    let [public, friend] = [(); 2].map(|()| lab.host());
    let [mut first, mut second] = [(); 2].map(|()| lab.router(Nat::Cone));
    let [mut home, unknowing] = [(); 2].map(|()| lab.host_behind(&mut first));
    let knowing = lab.host_behind(&mut second);
    let friend_name = format!("friend.{NAME}");
    let names = [(NAME, public.address()), (&friend_name, friend.address())];
    let [asked_first, _asked_then] = [unknowing.serve_names(&[]), knowing.serve_names(&names)];
    let content = Content::new();
    let (_source, ready, shared) = Shoal::at(&public)
        .with("dht", "on")
        .share(&content.file, &[]);
    let (_friend, friend_ready) = Shoal::at(&friend).daemon();

    home.resolve_at(&unknowing);
    let fetcher = Shoal::at(&home)
        .with("dht", "on")
        .with("bootstrap", &named(&ready, Wire::TcpTls, NAME))
        .with(
            "peers.trusted",
            &named(&friend_ready, Wire::TcpTls, &friend_name),
        );
    let (_daemon, _) = fetcher.daemon();
    let cid = text(&shared, "cid");
    let get = content.get(&fetcher, &cid, &[&named(&ready, Wire::Quic, NAME)]);
    for name in [NAME, &friend_name] {
        asked_first.wait_for_question(name);
    }

    home.unplug();
    home.plug_into(&mut second);
    let at = format!("/{}/", home.address());
    network_where(&fetcher, "in the other network", |view| {
        let mut listen = view["listen"].as_array().unwrap().iter();
        listen.any(|address| address.as_str().unwrap().contains(&at))
    });
    home.resolve_at(&knowing);
    let told = Instant::now();
    let done = get.finish().expect_code(0);
    let fetched = told.elapsed();
    content.assert_same(&cid);
    assert!(bytes_from(&done, &ready.peer) >= SIZE, "{}", done.stdout);
    let is_in = |view: &Value| view["dht_peers"].as_u64() > Some(0);
    network_where(&fetcher, "in the DHT", is_in);
    let entered = told.elapsed();
    until(
        || format!("{} is not met", friend_ready.peer),
        || peers(&fetcher).contains(&friend_ready.peer).then_some(()),
    );
    let met = told.elapsed();
    tell(&format!(
        "done {fetched:?} after the names were known, in the DHT after {entered:?}, friend met after {met:?}"
    ));
    assert!(met < BEFORE_NEXT_LOOK, "{met:?}");
}

/// The node's address with a name in the place of the number.
fn named(ready: &Ready, wire: Wire, name: &str) -> String {
    let address = ready.address(wire);
    let parts: Vec<&str> = address.splitn(4, '/').collect();
    let ["", "ip4", _, rest] = parts[..] else {
        panic!("{address}")
    };
    format!("/dns4/{name}/{rest}")
}
