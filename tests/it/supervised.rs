//! A fault of Shoal's own ends nothing: what breaks is started again, and what was under way goes on. Only programs built for
//! tests can be told to break.

use std::path::Path;

use serde_json::Value;

use support::Wire;
use support::lab::Lab;
use support::shoal::{Shoal, number, text};
use support::trees;
use support::wait::until;

const SIZE: u64 = 6_000_000;
/// Bytes a second, so that a download is still under way when something breaks.
const PACE: &str = "2000000";

/// Has a part of the network break, for the so many-th time, and waits until it runs again. Gives how it stands then.
fn break_off(shoal: &Shoal, file: &Path, part: &str, times: u64) -> Value {
    // Whole as soon as it is there.
    let unfinished = file.with_extension("new");
    fs_err::write(&unfinished, part).unwrap();
    fs_err::rename(&unfinished, file).unwrap();
    until(format!("the {part} breaks and runs again").as_str(), || {
        // In between there is nothing to say.
        let said = shoal.run(&[&"network"]);
        let view = (said.code == Some(0)).then(|| said.event("network").clone())?;
        let fault = &view["fault"];
        (!fault.is_null() && number(fault, "times") == times).then(|| {
            assert_eq!(fault["part"], part);
            view.clone()
        })
    })
}

#[test]
fn a_download_and_a_share_go_on_though_the_network_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let [breaks_seed, breaks_fetcher] = ["seed", "fetcher"].map(|name| folder.path().join(name));
    let breaking = |file: &Path| Shoal::new().with("break", file.to_str().unwrap());
    let seed = breaking(&breaks_seed);
    let (_seeding, ready) = seed.daemon();
    let fetcher = breaking(&breaks_fetcher).with("download.limit", PACE);
    let (_fetching, _) = fetcher.daemon();

    for (times, part) in [(1, "task"), (2, "announcer"), (3, "task")] {
        let file = trees::file(
            &folder.path().join(format!("file {times}")),
            70 + times,
            SIZE,
        );
        let shared = seed.ok(&[&"share", &file]);
        let cid = text(shared.event("shared"), "cid");
        let into = folder.path().join(times.to_string());
        let provider = ready.address(Wire::TcpTls);
        let get = fetcher.start(&[&"get", &cid, &"--into", &into, &"--provider", &provider]);
        get.event_where("progress", |event| number(event, "done") > 0);
        break_off(&fetcher, &breaks_fetcher, part, times);
        let view = break_off(&seed, &breaks_seed, part, times);
        let listen = view["listen"].as_array().unwrap();
        for address in &ready.listen {
            assert!(
                listen.iter().any(|now| now == address),
                "{address} in {listen:?}"
            );
        }
        get.finish().expect_code(0);
        trees::assert_same(&file, &into.join(&cid));
    }
}

/// Has the next thing that a part of the engine does break.
fn break_next(file: &Path, part: &str) {
    let unfinished = file.with_extension("new");
    fs_err::write(&unfinished, part).unwrap();
    fs_err::rename(&unfinished, file).unwrap();
    until("it is told to break", || (!file.exists()).then_some(()));
}

/// Whether the program says that a part broke so often.
fn has_broken(shoal: &Shoal, part: &str, times: u64) -> bool {
    let status = shoal.ok(&[&"status"]);
    let expected = format!(
        "a part of Shoal ({part}) broke off by a fault and was begun anew; faults so far: {times}; the last: told to break"
    );
    let mut remarks = status
        .events
        .iter()
        .filter(|event| event["event"] == "remark");
    remarks.any(|remark| remark["code"] == "part-broke" && text(remark, "message") == expected)
}

#[test]
fn what_breaks_in_the_engine_costs_one_answer_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (breaks_seed, breaks_fetcher) = (path("break seed"), path("break fetcher"));
    let breaking = |file: &Path| Shoal::new().with("break", file.to_str().unwrap());
    let seed = breaking(&breaks_seed);
    let file = trees::file(&path("file"), 75, SIZE);
    let (_share, _, shared) = seed.share(&file, &[]);
    let link = text(&shared, "link");
    let fetcher = breaking(&breaks_fetcher).with("download.limit", PACE);
    let (_fetching, _) = fetcher.daemon();
    let into = path("into");
    let begun = fetcher.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let id = text(begun.event("detached"), "id");

    // The one who knows which item is worked on.
    for times in 1..=2 {
        break_next(&breaks_fetcher, "items");
        let lost = fetcher.run(&[&"pause", &id]).expect_code(1);
        assert_eq!(lost.problem(), "fault");
        until("all items are taken up again", || {
            has_broken(&fetcher, "items", times).then_some(())
        });
        fetcher.ok(&[&"pause", &id]);
        fetcher.ok(&[&"resume", &id]);
    }

    // Work on one item.
    let other = trees::file(&path("other"), 76, 5000);
    break_next(&breaks_fetcher, "job");
    let done = fetcher.run(&[&"share", &other]).expect_code(1);
    assert_eq!(done.problem(), "fault");
    assert!(has_broken(&fetcher, "job", 1));
    fetcher.ok(&[&"share", &other]);

    // A block for somebody else.
    break_next(&breaks_seed, "serving");
    fetcher.ok(&[&"settings", &"download.limit", &"0"]);
    until("all of it is here", || {
        let item = fetcher.ok(&[&"status", &id]);
        (item.event("item")["state"] == "sharing").then_some(())
    });
    trees::assert_same(&file, &into.join("file"));
    assert!(has_broken(&seed, "serving", 1));
}

#[test]
fn ports_are_kept_open_again_after_what_opened_them_broke() {
    let Some(mut lab) = Lab::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let breaks = folder.path().join("break");
    let shoal = Shoal::at(&lab.host()).with("break", breaks.to_str().unwrap());
    let (_daemon, _) = shoal.daemon();
    break_off(&shoal, &breaks, "ports", 1);
    break_off(&shoal, &breaks, "ports", 2);
}
