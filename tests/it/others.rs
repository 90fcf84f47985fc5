//! The other side alone: when these fail, the interoperability tests say nothing about Shoal.

use support::Wire;
use support::helia::Helia;
use support::kubo::Kubo;
use support::trees::{self, Kinds};

/// The published CIDs of "hello world" under both profiles (IPIP-499).
#[test]
fn kubo_gives_the_published_cids() {
    for (profile, cid) in [
        (
            "unixfs-v0-2015",
            "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",
        ),
        (
            "unixfs-v1-2025",
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
        ),
    ] {
        let Some(kubo) = Kubo::new(profile, Wire::Quic) else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hello");
        fs_err::write(&file, "hello world").unwrap();
        assert_eq!(kubo.add(&file, &["--only-hash"]), cid);
    }
}

fn kubo_fetches_from_kubo(wire: Wire) {
    let (Some(seed), Some(fetcher)) = (
        Kubo::new("unixfs-v1-2025", wire),
        Kubo::new("unixfs-v1-2025", wire),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 1, 3_000_000);
    let cid = seed.add(&file, &[]);
    let (seed, fetcher) = (seed.daemon(), fetcher.daemon());
    fetcher.connect(wire.pick(&seed.addresses));
    let out = folder.path().join("out");
    fetcher.get(&cid, &out);
    trees::assert_same(&file, &out);
}

#[test]
fn kubo_fetches_from_kubo_over_tls() {
    kubo_fetches_from_kubo(Wire::TcpTls);
}

#[test]
fn kubo_fetches_from_kubo_over_noise() {
    kubo_fetches_from_kubo(Wire::TcpNoise);
}

#[test]
fn kubo_fetches_from_kubo_over_quic() {
    kubo_fetches_from_kubo(Wire::Quic);
}

#[test]
fn helia_fetches_from_helia() {
    let Some(helia) = Helia::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 2, Kinds::FilesAndFolders);
    let serving = helia.serve(&tree);
    assert_eq!(serving.cid, helia.cid(&tree));
    let out = folder.path().join("out");
    helia.get(&serving.cid, &serving.address, &out);
    trees::assert_same(&tree, &out);
}
