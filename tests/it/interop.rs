//! Shoal and the other implementations, each on both sides, over each way to talk.

use std::path::Path;

use support::Wire;
use support::helia::Helia;
use support::kubo::Kubo;
use support::shoal::{Shoal, text};
use support::trees::{self, Kinds};
use support::wait::HUNG_SECONDS;

const PROFILES: [&str; 2] = ["unixfs-v1-2025", "unixfs-v0-2015"];

/// Enough entries for a HAMT directory under both profiles.
const CROWD: usize = 3500;

#[test]
fn cids_are_those_of_kubo() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 40, Kinds::All);
    trees::crowd(&tree.join("crowd"), CROWD);
    for profile in PROFILES {
        let Some(kubo) = Kubo::new(profile, Wire::TcpTls) else {
            return;
        };
        let done = Shoal::new().ok(&[&"cid", &tree, &"--profile", &profile]);
        assert_eq!(
            text(done.event("cid"), "cid"),
            kubo.add(&tree, &["--only-hash"]),
            "under {profile}"
        );
    }
}

/// Shared by Shoal under each profile, fetched by Kubo: empty files, links, equal files and a HAMT directory.
fn kubo_fetches_from_shoal(wire: Wire) {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 41, Kinds::All);
    trees::crowd(&tree.join("crowd"), CROWD);
    for profile in PROFILES {
        let Some(kubo) = Kubo::new(profile, wire) else {
            return;
        };
        let kubo = kubo.daemon();
        let (_share, ready, shared) = Shoal::new().share(&tree, &["--profile", profile]);
        kubo.connect(ready.address(wire));
        let out = folder.path().join(profile);
        kubo.get(&text(&shared, "cid"), &out);
        trees::assert_same(&tree, &out);
    }
}

#[test]
fn kubo_fetches_from_shoal_over_tls() {
    kubo_fetches_from_shoal(Wire::TcpTls);
}

#[test]
fn kubo_fetches_from_shoal_over_noise() {
    kubo_fetches_from_shoal(Wire::TcpNoise);
}

#[test]
fn kubo_fetches_from_shoal_over_quic() {
    kubo_fetches_from_shoal(Wire::Quic);
}

/// Added by Kubo under each profile, fetched by Shoal: the same tree, whose empty files Kubo cannot send.
fn shoal_fetches_from_kubo(wire: Wire) {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 42, Kinds::All);
    trees::crowd(&tree.join("crowd"), CROWD);
    for profile in PROFILES {
        let Some(kubo) = Kubo::new(profile, wire) else {
            return;
        };
        let cid = kubo.add(&tree, &[]);
        let kubo = kubo.daemon();
        let out = folder.path().join(profile);
        fetch(&cid, wire.pick(&kubo.addresses), &out);
        trees::assert_same(&tree, &out.join(&cid));
    }
}

#[test]
fn shoal_fetches_from_kubo_over_tls() {
    shoal_fetches_from_kubo(Wire::TcpTls);
}

#[test]
fn shoal_fetches_from_kubo_over_noise() {
    shoal_fetches_from_kubo(Wire::TcpNoise);
}

#[test]
fn shoal_fetches_from_kubo_over_quic() {
    shoal_fetches_from_kubo(Wire::Quic);
}

#[test]
fn shoal_fetches_whatever_shape_kubo_can_make() {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 43, Kinds::All);
    let shapes: [&[&str]; 8] = [
        &["--raw-leaves=false"],
        &[
            "--cid-version=1",
            "--chunker=size-262144",
            "--max-file-links=174",
        ],
        &["--trickle"],
        &["--trickle", "--raw-leaves=false", "--chunker=size-1024"],
        &["--chunker=rabin-2048-8192-32768"],
        &["--chunker=size-2096896"],
        &["--hash=blake3"],
        &[
            "--inline",
            "--inline-limit=128",
            "--raw-leaves=false",
            "--preserve-mode",
            "--preserve-mtime",
        ],
    ];
    let cids = shapes.map(|shape| kubo.add(&tree, shape));
    let kubo = kubo.daemon();
    for (shape, cid) in shapes.iter().zip(cids) {
        let out = tempfile::tempdir().unwrap();
        fetch(&cid, Wire::TcpTls.pick(&kubo.addresses), out.path());
        println!("{shape:?}");
        trees::assert_same(&tree, &out.path().join(&cid));
    }
}

#[test]
fn helia_fetches_from_shoal() {
    let Some(helia) = Helia::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 44, Kinds::FilesAndFolders);
    for profile in PROFILES {
        let (_share, ready, shared) = Shoal::new().share(&tree, &["--profile", profile]);
        let out = folder.path().join(profile);
        helia.get(&text(&shared, "cid"), ready.address(Wire::TcpNoise), &out);
        trees::assert_same(&tree, &out);
    }
}

#[test]
fn shoal_fetches_from_helia() {
    let Some(helia) = Helia::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 45, Kinds::FilesAndFolders);
    let serving = helia.serve(&tree);
    assert_eq!(
        text(Shoal::new().ok(&[&"cid", &tree]).event("cid"), "cid"),
        serving.cid
    );
    let out = folder.path().join("out");
    fetch(&serving.cid, &serving.address, &out);
    trees::assert_same(&tree, &out.join(&serving.cid));
}

fn fetch(cid: &str, address: &str, into: &Path) {
    Shoal::new().ok(&[
        &"get",
        &cid,
        &"--into",
        &into,
        &"--provider",
        &address,
        &"--timeout",
        &HUNG_SECONDS,
    ]);
}
