//! The lab does what the other tests here take for granted.

use std::path::Path;

use serde_json::Value;

use support::lab::{Host, Lab, Nat, ONE_WAY_MS};
use support::process::Process;

#[test]
fn a_cone_router_keeps_the_port_and_a_symmetric_one_changes_it() {
    for (nat, keeps) in [(Nat::Cone, true), (Nat::Symmetric, false)] {
        let Some(mut lab) = Lab::new() else { return };
        let (first, second) = (lab.host(), lab.host());
        let _servers = [serve(&first), serve(&second)];
        let mut router = lab.router(nat);
        let home = lab.host_behind(&mut router);
        let found = ask(&home, &[&first, &second]);
        let external = router.external().to_string();
        let ports: Vec<&Value> = found["seen"]
            .as_array()
            .unwrap()
            .iter()
            .map(|seen| {
                assert_eq!(seen[0], external.as_str(), "{nat:?}: {found}");
                &seen[1]
            })
            .collect();
        assert_eq!(ports[0] == ports[1], keeps, "{nat:?}: {found}");
        assert_eq!(*ports[0] == found["port"], keeps, "{nat:?}: {found}");
    }
}

#[test]
fn a_far_router_is_as_far_as_it_should_be() {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    let _server = serve(&public);
    let mut router = lab.far_router(Nat::Cone);
    let home = lab.host_behind(&mut router);
    let found = ask(&home, &[&public]);
    println!("{found}");
    let round_trip = f64::from(2 * ONE_WAY_MS);
    let fastest = found["fastest_ms"].as_f64().unwrap();
    assert!(
        (round_trip..round_trip * 1.2).contains(&fastest),
        "{fastest} ms"
    );
    let rate = found["bytes_per_second"].as_f64().unwrap();
    assert!(rate > 2_000_000.0, "{rate} bytes a second");
}

#[test]
fn behind_two_routers_the_public_network_answers() {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    let _server = serve(&public);
    let mut outer = lab.router(Nat::Cone);
    let mut inner = lab.router_behind(&mut outer, Nat::Cone);
    let home = lab.host_behind(&mut inner);
    let found = ask(&home, &[&public]);
    assert_eq!(found["seen"][0][0], outer.external().to_string(), "{found}");
}

fn serve(host: &Host) -> Process {
    let server = host.python(&script(), &["serve"]);
    let is_ready = |line: &str| (line == "ready").then_some(());
    server.wait_for("\"ready\"", is_ready).unwrap();
    server
}

fn ask(host: &Host, servers: &[&Host]) -> Value {
    let addresses: Vec<String> = servers
        .iter()
        .map(|server| server.address().to_string())
        .collect();
    let mut arguments = vec!["ask"];
    arguments.extend(addresses.iter().map(String::as_str));
    let finished = host.python(&script(), &arguments).finish().unwrap();
    assert!(finished.status.success(), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout.join("")).unwrap()
}

fn script() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/src/lab/probe.py")
}
