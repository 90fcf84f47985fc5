//! A home network is nobody's to look through: addresses in it that strangers name are never dialled, whatever way they name them.

use std::net::Ipv4Addr;

use libp2p::Multiaddr;

use support::Wire;
use support::dht::misleading::{Door, Misleading};
use support::lab::Lab;
use support::shoal::Shoal;
use support::wait::until;

const AT_HOME: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// Of nothing that anybody has.
const CID: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

#[test]
fn strangers_lead_nobody_into_the_home_network_and_the_person_gets_there() {
    let Some(mut lab) = Lab::new() else { return };
    let [host, stranger] = [(); 2].map(|()| lab.host());
    let home = format!("{AT_HOME}/24");
    host.space()
        .run(&["ip", "address", "add", &home, "dev", "eth0"]);
    let door = host.inside();
    let door_at_home = door.run(Door::new());
    let outside = stranger.inside();
    let open = outside.run(Door::new());
    // As a person who has other programs on this computer may have it: it listens there, too.
    let listen = "/ip4/0.0.0.0/tcp/4801,/ip4/127.0.0.1/tcp/4802";
    let shoal = Shoal::at(&host).with("dht", "on").with("listen", listen);
    let (_daemon, ready) = shoal.daemon();
    let victim = ready.listen.iter().find(|address| {
        Wire::TcpTls.matches(address) && address.contains(&host.address().to_string())
    });
    let victim: Multiaddr = victim.unwrap().parse().unwrap();
    let doors = [Ipv4Addr::LOCALHOST, AT_HOME].map(|ip| door_at_home.at(ip));
    let doors: Vec<Multiaddr> = doors.into_iter().flatten().collect();
    let many = doors.len();

    let to_open = open.at(stranger.address()).swap_remove(0);
    let ip = stranger.address();
    let come = async move { Misleading::come(ip, &victim, &doors, &to_open).await };
    let misleading = outside.run(come);
    let describe = || {
        let (asked, found) = (misleading.answers(), open.knocks());
        format!("{asked} of {many} questions are answered, {found} knocks outside")
    };
    until(describe, || {
        (misleading.answers() == many && open.knocks() > 0).then_some(())
    });
    assert_eq!(door_at_home.knocks(), 0, "by AutoNAT or the DHT");

    let peer = format!("/p2p/{}", misleading.peer);
    outside.run(misleading.leave());
    let describe = || format!("still there: {}", shoal.ok(&[&"peers"]).stdout);
    let is_gone = || {
        let peers = shoal.ok(&[&"peers"]);
        (!peers.stdout.contains(&peer[5..])).then_some(())
    };
    until(describe, is_gone);
    shoal.run(&[&"get", &CID, &"--provider", &peer, &"--timeout", &"2"]);
    assert_eq!(door_at_home.knocks(), 0, "by identify");
    let link = format!(
        "ipfs://{CID}?provider=/ip4/{AT_HOME}/tcp/{}",
        door_at_home.tcp
    );
    shoal.run(&[&"ls", &link, &"--timeout", &"2"]);
    assert_eq!(door_at_home.knocks(), 0, "by a link that is only looked at");

    shoal.run(&[&"get", &link, &"--detach"]);
    until("the door that the person names", || {
        (door_at_home.knocks() > 0).then_some(())
    });
}
