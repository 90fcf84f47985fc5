//! Content as others make it: other hash functions, entries that are no files, odd CARs, blocks that nobody has.

use std::path::Path;

use support::Wire;
use support::kubo::{Daemon, Kubo};
use support::shoal::{Done, Shoal, text};
use support::trees;
use support::wait::HUNG_SECONDS;

/// All that Kubo both adds with and verifies.
const HASHES: [&str; 16] = [
    "sha1",
    "sha2-256",
    "sha2-512",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "shake-256",
    "keccak-256",
    "keccak-512",
    "dbl-sha2-256",
    "blake2b-160",
    "blake2b-256",
    "blake2b-512",
    "blake2s-256",
    "blake3",
];

/// Fetches from Kubo alone, whatever comes of it.
fn fetch(kubo: &Daemon<'_>, what: &str, into: &Path) -> Done {
    let provider = Wire::TcpTls.pick(&kubo.addresses);
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 8] = [
        &"get",
        &what,
        &"--into",
        &into,
        &"--provider",
        &provider,
        &"--timeout",
        &HUNG_SECONDS,
    ];
    Shoal::new().run(&arguments)
}

/// A folder of Kubo's with these entries, whatever they are.
fn folder_of(kubo: &Kubo, entries: &[(String, String)]) -> String {
    kubo.ipfs(&[&"files", &"mkdir", &"/made"]);
    for (name, cid) in entries {
        let (from, to) = (format!("/ipfs/{cid}"), format!("/made/{name}"));
        kubo.ipfs(&[&"files", &"cp", &from, &to]);
    }
    kubo.ipfs(&[&"files", &"stat", &"--hash", &"/made"])
}

#[test]
fn files_under_every_hash_function_that_kubo_verifies_arrive() {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // Several blocks each, with and without a frame around the leaves.
    let sent = folder.path().join("sent");
    fs_err::create_dir(&sent).unwrap();
    let mut entries = Vec::new();
    for (seed, hash) in (1..).zip(HASHES) {
        let file = trees::file(&sent.join(hash), seed, 600_000);
        let leaves = format!("--raw-leaves={}", seed % 2 == 0);
        let hash_option = format!("--hash={hash}");
        let options = [
            &hash_option,
            "--cid-version=1",
            "--chunker=size-262144",
            &leaves,
        ];
        entries.push((hash.to_owned(), kubo.add(&file, &options)));
    }
    let mixed = folder_of(&kubo, &entries);
    let whole = kubo.add(&sent, &["--hash=blake2b-256", "--cid-version=1"]);
    let kubo = kubo.daemon();
    for cid in [mixed, whole] {
        let into = folder.path().join("into");
        fetch(&kubo, &cid, &into).expect_code(0);
        trees::assert_same(&sent, &into.join(&cid));
    }
}

/// The address is a good one: nobody who has it should be told to copy it again.
#[test]
fn a_good_address_that_can_not_be_fetched_is_told_for_what_it_is() {
    let check = |cid: &str, code: &str, reason: &str| {
        for link in [cid.to_owned(), format!("ipfs://{cid}/a")] {
            let done = Shoal::new().run(&[&"get", &link]).expect_code(1);
            assert_eq!(done.problem(), code);
            let message = text(done.event("error"), "message");
            assert!(message.contains(reason), "{message}");
            assert!(!message.contains("content address"), "{message}");
        }
    };
    let md5 = "f0155d5011049f68a5c8493ec2c0bf489821c21fc3b";
    check(md5, "unknown-hash", "uses the hash function md5");
    let short = "f015512108f434346648f6b96df89dda901c5176b";
    check(short, "unknown-hash", "16 bytes is too short");
    let cbor = "f01711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0";
    check(cbor, "unknown-codec", "holds dag-cbor");
}
