//! Files and places that are not Shoal's: what was there before, what came in between, disks that go and come.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::two::{Fetcher, Sharer, id, is_empty, read, slow, slow_fetcher};
use support::disk::{Disk, Stick};
use support::shoal::{number, text};
use support::trees;

#[test]
fn what_was_shared_from_here_survives_the_removal_of_its_download() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let file = trees::file(&fetcher.path("f"), 90, 3_000_000);
    let before = sharer.folder.path().join("f");
    fs_err::copy(&file, &before).unwrap();
    let shared = fetcher.shoal.ok(&[&"share", &file]);
    let done = fetcher.get(&text(shared.event("shared"), "link"));
    let event = done.event("done");
    assert_eq!(event["was_here"], true);
    assert_eq!(event["also"], serde_json::json!(["1"]));
    let kept = fetcher.remove(&text(event, "id"));
    assert_eq!(kept, [(file.display().to_string(), "shared".to_owned())]);
    trees::assert_same(&before, &file);
}

#[test]
fn a_copy_that_was_here_before_is_told_as_such_and_stays() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let file = sharer.file("f", 3_000_000);
    fs_err::copy(&file, fetcher.path("f")).unwrap();
    let (_share, link) = sharer.share(&file);
    let done = fetcher.get(&link);
    let event = done.event("done");
    assert_eq!(event["was_here"], true);
    assert!(number(event, "fetched") < 1000, "{event}");
    let kept = fetcher.remove(&text(event, "id"));
    let path = fetcher.path("f").display().to_string();
    assert_eq!(kept, [(path, "not-made".to_owned())]);
    trees::assert_same(&file, &fetcher.path("f"));
}

#[test]
fn a_copy_that_was_here_before_is_told_in_words() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    fs_err::create_dir(fetcher.path("d")).unwrap();
    for name in ["a.txt", "large"] {
        fs_err::copy(tree.join(name), fetcher.path("d").join(name)).unwrap();
    }
    let (_share, link) = sharer.share(&tree);
    let mut get = fetcher.shoal.bare_command();
    let said = get
        .args(["get", &link, "--into"])
        .arg(fetcher.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("It was here already: 3.00 MB, checked."),
        "{said}"
    );
    let remove = fetcher.shoal.bare_command();
    let mut remove = remove;
    let said = remove
        .args(["remove", "1", "--delete-files"])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("Shoal did not make it"), "{said}");
    trees::assert_same(&tree, &fetcher.path("d"));
}

#[test]
fn another_mode_is_no_other_content() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let file = sharer.file("f", 3_000_000);
    let (_share, link) = sharer.share(&file);
    let done = fetcher.get(&link);
    let path = fetcher.path("f");
    let mode = fs_err::metadata(&path).unwrap().mode() | 0o020;
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    assert!(fetcher.remove(&id(&done)).is_empty());
    assert!(!path.exists());
}

#[test]
fn what_was_changed_or_replaced_or_added_stays_and_is_told() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    trees::file(&tree.join("third"), 93, 4000);
    let (_share, link) = sharer.share(&tree);
    let done = fetcher.get(&link);
    let here = fetcher.path("d");
    fs_err::write(here.join("large"), "mine now").unwrap();
    fs_err::rename(here.join("a.txt"), here.join("mine")).unwrap();
    fs_err::copy(here.join("mine"), here.join("a.txt")).unwrap();
    fs_err::create_dir(here.join("empty")).unwrap();
    let mut kept = fetcher.remove(&id(&done));
    kept.sort();
    let at = |name: &str| here.join(name).display().to_string();
    let expected = [
        (at("a.txt"), "not-made".to_owned()),
        (at("large"), "changed".to_owned()),
    ];
    assert_eq!(kept, expected);
    assert!(!here.join("third").exists());
    assert!(here.join("empty").exists() && here.join("mine").exists());
    assert_eq!(read(&here.join("large")), "mine now");
}

#[test]
fn a_place_that_another_item_shares_by_another_name_stays() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    let (_share, link) = sharer.share(&tree);
    let done = fetcher.get(&link);
    // The same folder by another way.
    let way = fetcher.path("way");
    fs_err::os::unix::fs::symlink(fetcher.folder.path(), &way).unwrap();
    fetcher.shoal.ok(&[&"share", &way.join("d")]);
    let kept = fetcher.remove(&id(&done));
    assert!(!kept.is_empty());
    assert!(kept.iter().all(|(_, code)| code == "shared"), "{kept:?}");
    trees::assert_same(&tree, &fetcher.path("d"));
}

#[test]
fn a_file_made_under_the_name_before_the_first_block_is_left_alone() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let file = sharer.file("film.mp4", 3_000_000);
    let link = sharer.link_of_one_away(&file);
    let id = fetcher.begin(&link);
    let part = fetcher.path("film.mp4.part");
    fs_err::write(&part, "precious").unwrap();
    let (_share, link) = sharer.share(&file);
    let done = fetcher.get(&link);
    assert_eq!(text(done.event("done"), "id"), id);
    assert_eq!(read(&part), "precious");
    trees::assert_same(&file, &fetcher.path("film.mp4"));
    assert!(fetcher.remove(&id).is_empty());
    assert_eq!(read(&part), "precious");
    assert!(!fetcher.path("film.mp4").exists());
}

#[test]
fn a_file_made_under_the_name_survives_the_removal() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let link = sharer.link_of_one_away(&sharer.file("film.mp4", 3_000_000));
    let id = fetcher.begin(&link);
    let part = fetcher.path("film.mp4.part");
    fs_err::write(&part, "precious").unwrap();
    assert!(fetcher.remove(&id).is_empty());
    assert_eq!(read(&part), "precious");
}

#[test]
fn a_folder_made_under_the_name_before_the_first_block_is_left_alone() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("Film");
    let link = sharer.link_of_one_away(&tree);
    let id = fetcher.begin(&link);
    let part = fetcher.path("Film.part");
    fs_err::create_dir_all(part.join("empty")).unwrap();
    fs_err::write(part.join("a.txt"), "precious").unwrap();
    let (_share, link) = sharer.share(&tree);
    fetcher.get(&link);
    trees::assert_same(&tree, &fetcher.path("Film"));
    assert!(fetcher.remove(&id).is_empty());
    assert_eq!(read(&part.join("a.txt")), "precious");
    assert!(part.join("empty").exists() && !fetcher.path("Film").exists());
}

#[test]
fn a_file_put_under_a_final_name_before_it_goes_on_there_is_left_alone() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    let (share, link) = sharer.share(&tree);
    let into = fetcher.folder.path();
    let done = fetcher
        .shoal
        .ok(&[&"get", &link, &"--into", &into, &"--select", &"a.txt"]);
    drop(share);
    // Of a whole one that is asked for again, what is not there is fetched.
    fs_err::remove_file(fetcher.path("d").join("a.txt")).unwrap();
    fs_err::write(fetcher.path("d").join("a.txt"), "precious").unwrap();
    let (_share, link) = sharer.share(&tree);
    fetcher.shoal.run(&[&"resume", &id(&done)]);
    fetcher.get(&link);
    assert_eq!(read(&fetcher.path("d").join("a.txt")), "precious");
    trees::assert_same(&tree, &fetcher.path("d (2)"));
    drop(fetcher.daemon);
}

#[test]
fn a_part_that_is_not_the_file_written_to_is_noticed() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let file = sharer.file("f", 30_000_000);
    let (_share, link) = sharer.share(&file);
    let id = fetcher.begin(&link);
    let part = fetcher.path("f.part");
    fetcher.some_of_it(&id);
    let copy = fetcher.path("copy");
    fs_err::copy(&part, &copy).unwrap();
    fs_err::rename(&copy, &part).unwrap();
    let begun = fs_err::read(&part).unwrap();
    assert_eq!(fetcher.problem(&id), "in-the-way");
    assert!(!fetcher.path("f").exists());
    assert!(fs_err::read(&part).unwrap() == begun, "it was written to");

    fs_err::rename(&part, fetcher.path("away")).unwrap();
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    fetcher.shoal.ok(&[&"resume", &id]);
    fetcher.get(&link);
    trees::assert_same(&file, &fetcher.path("f"));
}

#[test]
fn a_part_that_is_gone_is_told_before_all_of_it_is_fetched_again() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let file = sharer.file("f", 30_000_000);
    let (_share, link) = sharer.share(&file);
    let id = fetcher.begin(&link);
    fetcher.some_of_it(&id);
    fetcher.shoal.ok(&[&"pause", &id]);
    fs_err::remove_file(fetcher.path("f.part")).unwrap();
    fetcher.shoal.ok(&[&"resume", &id]);
    assert_eq!(fetcher.problem(&id), "part-gone");
    assert!(!fetcher.path("f.part").exists());
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    fetcher.get(&link);
    trees::assert_same(&file, &fetcher.path("f"));
}

#[test]
fn a_disk_that_is_away_is_waited_for_and_nothing_is_begun_in_its_place() {
    let Some(stick) = Stick::new(64) else { return };
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let file = sharer.file("f", 30_000_000);
    let (_share, link) = sharer.share(&file);
    let usb = fetcher.path("usb");
    fs_err::create_dir(&usb).unwrap();
    let plugged = stick.plug(&usb);
    let id = fetcher.begin_in(&link, &usb);
    fetcher.some_of_it(&id);
    fetcher.shoal.ok(&[&"pause", &id]);
    drop(plugged);
    fetcher.shoal.ok(&[&"resume", &id]);
    assert_eq!(fetcher.problem(&id), "disk-missing");
    assert!(is_empty(&usb), "something was begun on the other disk");

    // Another stick is not this one.
    let other = Stick::new(64).unwrap();
    let plugged = other.plug(&usb);
    fetcher.shoal.run(&[&"resume", &id]);
    assert_eq!(fetcher.problem(&id), "disk-missing");
    assert!(!usb.join("f.part").exists() && !usb.join("f").exists());
    drop(plugged);

    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    let _plugged = stick.plug(&usb);
    fetcher.shared(&id);
    trees::assert_same(&file, &usb.join("f"));
}

#[test]
fn a_disk_that_is_pulled_out_during_a_download_leaves_no_wrong_file() {
    let Some(stick) = Stick::new(64) else { return };
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let tree = sharer.tree("d");
    trees::file(&tree.join("larger"), 95, 30_000_000);
    let (_share, link) = sharer.share(&tree);
    let usb = fetcher.path("usb");
    fs_err::create_dir(&usb).unwrap();
    let plugged = stick.plug(&usb);
    let id = fetcher.begin_in(&link, &usb);
    fetcher.some_of_it(&id);
    drop(plugged);
    assert_eq!(fetcher.problem(&id), "disk-missing");
    assert!(is_empty(&usb), "something was begun on the other disk");
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    let _plugged = stick.plug(&usb);
    fetcher.shared(&id);
    trees::assert_same(&tree, &usb.join("d"));
}

#[test]
fn a_share_whose_disk_comes_back_is_whole_again_by_itself_without_being_read() {
    let Some(stick) = Stick::new(64) else { return };
    let (sharer, fetcher) = (Fetcher::new(), Fetcher::new());
    let usb = sharer.path("usb");
    fs_err::create_dir(&usb).unwrap();
    let plugged = stick.plug(&usb);
    let file = trees::file(&usb.join("f"), 94, 3_000_000);
    let copy = sharer.path("copy");
    fs_err::copy(&file, &copy).unwrap();
    // What is hashed while it is new is hashed once more in any case.
    support::wait::until("a file that is not new", || {
        let written = fs_err::metadata(&file).unwrap().modified().unwrap();
        (written.elapsed().unwrap() > Duration::from_secs(1)).then_some(())
    });
    let shared = sharer.shoal.ok(&[&"share", &file]);
    let (id, link) = (
        text(shared.event("shared"), "id"),
        text(shared.event("shared"), "link"),
    );
    let read = fs_err::metadata(&file).unwrap().atime_nsec();
    drop(plugged);
    let into = fetcher.folder.path();
    fetcher
        .shoal
        .run(&[&"get", &link, &"--into", &into, &"--timeout", &"3"])
        .expect_code(3);
    assert_eq!(sharer.problem(&id), "disk-missing");

    let _plugged = stick.plug(&usb);
    sharer.shared(&id);
    assert_eq!(
        fs_err::metadata(&file).unwrap().atime_nsec(),
        read,
        "it was read"
    );
    let another = Fetcher::new();
    another.get(&link);
    trees::assert_same(&copy, &another.path("f"));
}

#[test]
fn a_download_whose_disk_comes_back_is_whole_again_by_itself() {
    let Some(stick) = Stick::new(64) else { return };
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    let (_share, link) = sharer.share(&tree);
    let usb = fetcher.path("usb");
    fs_err::create_dir(&usb).unwrap();
    let plugged = stick.plug(&usb);
    let id = fetcher.begin_in(&link, &usb);
    fetcher.shared(&id);
    drop(plugged);
    fetcher.daemon.interrupt().expect_code(0);
    let (daemon, _) = fetcher.shoal.daemon();
    let fetcher = Fetcher { daemon, ..fetcher };
    assert_eq!(fetcher.problem(&id), "disk-missing");
    let _plugged = stick.plug(&usb);
    fetcher.shared(&id);
    assert!(fetcher.remove(&id).is_empty());
    assert!(!usb.join("d").exists());
}

#[test]
fn the_numbers_are_the_same_after_a_pause_a_restart_and_a_kill() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let tree = sharer.tree("d");
    trees::file(&tree.join("larger"), 95, 30_000_000);
    let (share, link) = sharer.share(&tree);
    let id = fetcher.begin(&link);
    fetcher.some_of_it(&id);
    // Nobody has the rest any more: the numbers stand still.
    share.interrupt().expect_code(0);
    fetcher.shoal.ok(&[&"pause", &id]);
    let paused = fetcher.status(&id);
    let numbers = |item: &Value| ["total", "done", "files"].map(|field| number(item, field));
    let before = numbers(&paused);
    assert_eq!(before[0], 33_005_000);

    fetcher.daemon.interrupt().expect_code(0);
    let (daemon, _) = fetcher.shoal.daemon();
    let fetcher = Fetcher { daemon, ..fetcher };
    assert_eq!(numbers(&fetcher.status(&id)), before);
    fetcher.shoal.ok(&[&"resume", &id]);
    assert_eq!(numbers(&fetcher.status(&id)), before);
    fetcher.daemon.kill();
    let (daemon, _) = fetcher.shoal.daemon();
    let fetcher = Fetcher { daemon, ..fetcher };
    assert_eq!(numbers(&fetcher.status(&id)), before);

    // The same for one that needs the person.
    fs_err::rename(fetcher.path("d.part"), fetcher.path("away")).unwrap();
    fetcher.shoal.ok(&[&"pause", &id]);
    fetcher.shoal.ok(&[&"resume", &id]);
    assert_eq!(fetcher.problem(&id), "part-gone");
    assert_eq!(numbers(&fetcher.status(&id)), before);
    fetcher.daemon.interrupt().expect_code(0);
    let (daemon, _) = fetcher.shoal.daemon();
    let fetcher = Fetcher { daemon, ..fetcher };
    assert_eq!(fetcher.problem(&id), "part-gone");
    assert_eq!(numbers(&fetcher.status(&id)), before);

    fs_err::rename(fetcher.path("away"), fetcher.path("d.part")).unwrap();
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    let (_share, link) = sharer.share(&tree);
    fetcher.shoal.ok(&[&"resume", &id]);
    fetcher.get(&link);
    trees::assert_same(&tree, &fetcher.path("d"));
}

#[test]
fn downloads_together_leave_some_of_the_disk_free() {
    let Some(disk) = Disk::new(48) else { return };
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let (one, two) = (
        sharer.file("one", 30_000_000),
        sharer.file("two", 20_000_000),
    );
    let (_one, first) = sharer.share(&one);
    let other = Sharer::new();
    let (_two, second) = other.share(&two);
    let id = fetcher.begin_in(&first, disk.path());
    fetcher.some_of_it(&id);
    // There is room for it, but not for both.
    let refused = fetcher.begin_in(&second, disk.path());
    assert_eq!(fetcher.problem(&refused), "no-space");
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    fetcher.shared(&id);
    trees::assert_same(&one, &disk.path().join("one"));
    assert!(fetcher.remove(&id).is_empty());
    fetcher.shoal.ok(&[&"resume", &refused]);
    fetcher.shared(&refused);
    trees::assert_same(&two, &disk.path().join("two"));

    // What would fill it up to the last bytes is refused too.
    let large = sharer.file("large", (48 << 20) - 20_500_000);
    let (_large, link) = Sharer::new().share(&large);
    let refused = fetcher.begin_in(&link, disk.path());
    assert_eq!(fetcher.problem(&refused), "no-space");
}

#[test]
fn a_download_that_nothing_came_of_leaves_nothing() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let tree = sharer.tree("d");
    trees::file(&tree.join("larger"), 95, 30_000_000);
    // Begun, and of the first block on the way nothing is on record.
    for (shared, part) in [(sharer.file("f", 30_000_000), "f.part"), (tree, "d.part")] {
        let (_share, link) = sharer.share(&shared);
        let id = fetcher.begin(&link);
        support::wait::until("a part", || fetcher.path(part).exists().then_some(()));
        let kept = fetcher.remove(&id);
        assert!(kept.is_empty(), "{kept:?}");
        assert!(is_empty(fetcher.folder.path()), "{part}");
    }
}

#[test]
fn what_came_so_far_stays_with_a_word_unless_it_is_to_be_deleted() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let tree = sharer.tree("d");
    trees::file(&tree.join("larger"), 95, 30_000_000);
    let (share, link) = sharer.share(&tree);
    let id = fetcher.begin(&link);
    fetcher.some_of_it(&id);
    let done = fetcher.shoal.ok(&[&"remove", &id]);
    drop(share);
    let removed = done.event("removed");
    let part = fetcher.path("d.part");
    assert_eq!(removed["kept_count"], 1);
    assert_eq!(removed["kept"][0]["path"], part.display().to_string());
    assert_eq!(removed["kept"][0]["code"], "unfinished");
    let names = ["a.txt", "large", "larger"];
    assert!(names.iter().any(|name| part.join(name).exists()));

    // What is whole stays too, and that is said.
    let (_share, link) = sharer.share(&sharer.file("f", 3_000));
    let id = self::id(&fetcher.get(&link));
    let mut remove = fetcher.shoal.bare_command();
    let said = remove.args(["remove", &id]).output().unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    let path = fetcher.path("f").display().to_string();
    assert!(said.contains(&format!("It stays: {path}")), "{said}");
}

#[test]
fn nothing_beyond_a_symlink_is_deleted() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    fs_err::create_dir(tree.join("inner")).unwrap();
    trees::file(&tree.join("inner/b.txt"), 96, 4000);
    let (_share, link) = sharer.share(&tree);
    let first = id(&fetcher.get(&link));
    // The person keeps the download elsewhere, and a way to it where it was.
    let (kept, there) = (fetcher.path("archive"), fetcher.path("d"));
    fs_err::rename(&there, &kept).unwrap();
    fs_err::os::unix::fs::symlink(&kept, &there).unwrap();
    let stays = fetcher.remove(&first);
    let told = |path: &Path| (path.display().to_string(), "not-made".to_owned());
    assert_eq!(stays, [told(&there)]);
    trees::assert_same(&tree, &kept);

    // The same of a folder in it.
    fs_err::remove_file(&there).unwrap();
    let second = id(&fetcher.get(&link));
    let inner = fetcher.path("inner");
    fs_err::rename(there.join("inner"), &inner).unwrap();
    fs_err::os::unix::fs::symlink(&inner, there.join("inner")).unwrap();
    let stays = fetcher.remove(&second);
    assert_eq!(stays, [told(&there.join("inner"))]);
    trees::assert_same(&tree.join("inner"), &inner);
    assert!(!there.join("a.txt").exists());
}

#[test]
fn what_another_program_does_to_a_part_never_ends_in_a_wrong_file() {
    type Spoil = fn(&Path);
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let over = |path: &Path| {
        let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(file.file(), b"precious", 100).unwrap();
    };
    let cut = |path: &Path| {
        let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(2000).unwrap();
    };
    let longer = |path: &Path| {
        let file = fs_err::OpenOptions::new().append(true).open(path).unwrap();
        std::io::Write::write_all(&mut &file, b"more").unwrap();
    };
    let spoils: [(&str, Spoil); 3] = [("over", over), ("cut", cut), ("longer", longer)];
    for (name, spoil) in spoils {
        // What is here already is not fetched again.
        let seed = 100 + name.len() as u64;
        // A file that is being written.
        slow(&fetcher);
        let file = trees::file(&sharer.folder.path().join(name), seed, 8_000_000);
        let (share, link) = sharer.share(&file);
        let id = fetcher.begin(&link);
        fetcher.some_of_it(&id);
        spoil(&fetcher.path(&format!("{name}.part")));
        fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
        fetcher.shared(&id);
        trees::assert_same(&file, &fetcher.path(name));
        drop(share);

        // One that is whole, in a folder that is not.
        slow(&fetcher);
        let name = format!("{name} tree");
        let tree = sharer.folder.path().join(&name);
        fs_err::create_dir(&tree).unwrap();
        trees::file(&tree.join("a.txt"), seed + 10, 5000);
        trees::file(&tree.join("larger"), seed + 20, 8_000_000);
        let (_share, link) = sharer.share(&tree);
        let id = fetcher.begin(&link);
        let part = fetcher.path(&format!("{name}.part"));
        support::wait::until("a whole file", || {
            let small = fs_err::read(part.join("a.txt")).ok()?;
            (small == fs_err::read(tree.join("a.txt")).unwrap()).then_some(())
        });
        spoil(&part.join("a.txt"));
        fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
        fetcher.shared(&id);
        trees::assert_same(&tree, &fetcher.path(&name));
    }
}
