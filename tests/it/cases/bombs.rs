//! Items that are far more than what is fetched for them, by themselves or in Shoal's own data.

use super::two::Fetcher;
use support::Wire;
use support::dag::{self, Block};
use support::kubo::Kubo;
use support::shoal::Shoal;

/// Somebody who has hand-made blocks, the first being the root, and gives them to whoever asks, for as long as `then` takes the
/// link.
fn given(blocks: &[&Block], then: impl FnOnce(&str)) {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("made.car");
    fs_err::write(&car, dag::car(blocks)).unwrap();
    kubo.import(&car);
    let kubo = kubo.daemon();
    let provider = Wire::TcpTls.pick(&kubo.addresses);
    then(&format!("ipfs://{}?provider={provider}", blocks[0].cid));
}

/// Two names in each of 22 folders, one in the other: 8 million folders out of 2 KB.
#[test]
fn a_folder_that_unfolds_without_end_asks_first_and_can_be_removed() {
    let mut folders = vec![dag::directory(&[])];
    for _ in 0..22 {
        let inner = folders.last().unwrap();
        folders.push(dag::directory(&[(b"a", inner), (b"b", inner)]));
    }
    let blocks: Vec<&Block> = folders.iter().rev().collect();
    given(&blocks, |link| {
        let fetcher = Fetcher::new();
        let into = fetcher.folder.path();
        let done = fetcher.shoal.run(&[&"get", &link, &"--into", &into]);
        assert_eq!(done.expect_code(1).problem(), "unfolds");
        assert_eq!(fetcher.status("1")["state"], "needs-you");
        assert!(fetcher.remove("1").is_empty());
        assert_eq!(fs_err::read_dir(into).unwrap().count(), 0);
    });
}

/// A file of 130 bytes, in blocks of which each holds 1 MiB that no file needs.
#[test]
fn padding_does_not_fill_the_disk_of_shoals_own_data() {
    const PADDING: usize = 1 << 20;
    /// What is kept of such blocks, and what SQLite has for itself.
    const KEPT: u64 = 64 << 20;
    const OWN: u64 = 16 << 20;
    let leaves: Vec<Block> = (0..130_u8).map(|n| dag::padded(&[n], PADDING)).collect();
    let leaves: Vec<&Block> = leaves.iter().collect();
    let root = dag::file(&leaves, &vec![1; leaves.len()]);
    let mut blocks = vec![&root];
    blocks.extend(&leaves);
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("padded.car");
    fs_err::write(&car, dag::car(&blocks)).unwrap();
    let into = work.path().join("into");
    let shoal = Shoal::new().with("download.folder", into.to_str().unwrap());
    let (daemon, _) = shoal.daemon();
    shoal.ok(&[&"import", &car]);
    let bytes: Vec<u8> = (0..130).collect();
    assert_eq!(fs_err::read(into.join("padded")).unwrap(), bytes);
    daemon.interrupt().expect_code(0);
    let index = fs_err::metadata(shoal.data_dir().join("index.db")).unwrap();
    assert!(index.len() < KEPT + OWN, "{} bytes", index.len());
}
