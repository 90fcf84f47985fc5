//! Disks that are to be ejected, that are away, and files that may not be read: what is let go of, and what is said.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::desk::by_way_of_shell;
use super::two::{Fetcher, Sharer, slow_fetcher};
use support::disk::Stick;
use support::process::Process;
use support::shoal::{Shoal, text};
use support::trees;

/// Ejects a disk as a desktop does: refused while something on it is in use.
fn eject(at: &Path) -> bool {
    let ejected = Command::new("umount").arg(at).output().unwrap();
    ejected.status.success()
}

#[test]
fn a_disk_can_be_ejected_soon_after_it_was_read_and_at_once_after_a_pause() {
    let Some(stick) = Stick::new(64) else { return };
    let sharer = Fetcher::new();
    let usb = sharer.path("usb");
    fs_err::create_dir(&usb).unwrap();
    let plugged = stick.plug(&usb);
    let file = trees::file(&usb.join("f"), 94, 3_000_000);
    let shared = sharer.shoal.ok(&[&"share", &file]);
    let (id, link) = (
        text(shared.event("shared"), "id"),
        text(shared.event("shared"), "link"),
    );
    let fetch = || {
        let into = tempfile::tempdir().unwrap();
        Shoal::new().ok(&[&"get", &link, &"--into", &into.path()]);
    };
    fetch();
    support::wait::until("a disk that nobody uses", || eject(&usb).then_some(()));
    std::mem::forget(plugged);

    let plugged = stick.plug(&usb);
    sharer.shared(&id);
    fetch();
    sharer.shoal.ok(&[&"pause", &id]);
    assert!(eject(&usb), "still in use after a pause");
    std::mem::forget(plugged);

    // A download to it, too.
    let fetcher = slow_fetcher();
    let plugged = stick.plug(&usb);
    let (_share, link) = Sharer::new().share(&trees::file(&sharer.path("g"), 95, 30_000_000));
    let id = fetcher.begin_in(&link, &usb);
    fetcher.some_of_it(&id);
    fetcher.shoal.ok(&[&"pause", &id]);
    assert!(eject(&usb), "still in use after a pause of a download");
    std::mem::forget(plugged);
}

#[test]
fn a_file_that_was_deleted_is_let_go_of() {
    let sharer = Fetcher::new();
    let file = trees::file(&sharer.path("f"), 94, 3_000_000);
    let shared = sharer.shoal.ok(&[&"share", &file]);
    let link = text(shared.event("shared"), "link");
    let into = tempfile::tempdir().unwrap();
    Shoal::new().ok(&[&"get", &link, &"--into", &into.path()]);
    fs_err::remove_file(&file).unwrap();
    support::wait::until("a file that nobody holds", || {
        let gone = format!("{} (deleted)", file.display());
        let held = open_files().into_iter().any(|held| held == gone);
        (!held).then_some(())
    });
}

/// What all processes of this user hold open.
fn open_files() -> Vec<String> {
    let processes = fs_err::read_dir("/proc").unwrap();
    let handles =
        processes.filter_map(|process| fs_err::read_dir(process.ok()?.path().join("fd")).ok());
    let paths = handles
        .flatten()
        .filter_map(|handle| fs_err::read_link(handle.ok()?.path()).ok());
    paths.map(|path| path.display().to_string()).collect()
}

fn problem(fetcher: &Fetcher, id: &str) -> Value {
    fetcher.problem(id);
    fetcher.status(id)["problem"].clone()
}

#[test]
fn a_share_on_a_disk_that_is_away_says_so_and_is_not_emptied() {
    let Some(stick) = Stick::new(64) else { return };
    let sharer = Fetcher::new();
    let usb = sharer.path("usb");
    fs_err::create_dir(&usb).unwrap();
    let plugged = stick.plug(&usb);
    fs_err::remove_dir(usb.join("lost+found")).unwrap();
    trees::file(&usb.join("f"), 94, 300_000);
    // The whole disk is shared: what is left without it is an empty folder.
    let shared = sharer.shoal.ok(&[&"share", &usb]);
    let (id, cid) = (
        text(shared.event("shared"), "id"),
        text(shared.event("shared"), "cid"),
    );
    drop(plugged);
    sharer.shoal.run(&[&"verify", &id]).expect_code(1);
    let told = problem(&sharer, &id);
    assert_eq!(told["code"], "disk-missing");
    assert!(text(&told, "message").contains("disk"), "{told}");
    assert!(
        text(&told, "hint").starts_with("Plug it in again"),
        "{told}"
    );

    // Whoever shares it again all the same is told so, and it stays what it was.
    let done = sharer.shoal.run(&[&"share", &usb]).expect_code(1);
    assert_eq!(done.problem(), "disk-missing");
    assert_eq!(sharer.status(&id)["cid"], cid);
    let _plugged = stick.plug(&usb);
    sharer.shared(&id);
    assert_eq!(sharer.status(&id)["cid"], cid);
}

#[test]
fn a_share_that_was_changed_says_so_of_its_disk_too_while_that_is_away() {
    let Some(stick) = Stick::new(64) else { return };
    let sharer = Fetcher::new();
    let usb = sharer.path("usb");
    fs_err::create_dir(&usb).unwrap();
    let plugged = stick.plug(&usb);
    let tree = usb.join("d");
    fs_err::create_dir(&tree).unwrap();
    for (name, seed) in [("a", 90), ("b", 91)] {
        trees::file(&tree.join(name), seed, 300_000);
    }
    let shared = sharer.shoal.ok(&[&"share", &tree]);
    let id = text(shared.event("shared"), "id");
    let link = text(shared.event("shared"), "link");
    trees::file(&tree.join("a"), 92, 300_000);
    sharer.shoal.run(&[&"verify", &id]).expect_code(1);
    assert_eq!(sharer.problem(&id), "files-changed");
    drop(plugged);
    let code = |expected: &str| {
        support::wait::until("another problem", || {
            // Somebody asks for it, who knows of none of that.
            let into = tempfile::tempdir().unwrap();
            let get: [&dyn AsRef<std::ffi::OsStr>; 6] =
                [&"get", &link, &"--into", &into.path(), &"--timeout", &"1"];
            Shoal::new().run(&get).expect_code(3);
            (sharer.problem(&id) == expected).then_some(())
        });
    };
    code("disk-missing");
    let _plugged = stick.plug(&usb);
    code("files-changed");
}

#[test]
fn a_folder_that_was_replaced_is_told_as_such() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let file = sharer.file("f", 30_000_000);
    let (_share, link) = sharer.share(&file);
    let (into, old) = (fetcher.path("into"), fetcher.path("old"));
    fs_err::create_dir(&into).unwrap();
    let id = fetcher.begin_in(&link, &into);
    fetcher.some_of_it(&id);
    fetcher.shoal.ok(&[&"pause", &id]);
    fs_err::rename(&into, &old).unwrap();
    fs_err::create_dir(&into).unwrap();
    fetcher.shoal.ok(&[&"resume", &id]);
    let told = problem(&fetcher, &id);
    assert_eq!(told["code"], "folder-replaced");
    assert!(
        text(&told, "message").contains("another folder now"),
        "{told}"
    );

    // The old one comes back: it goes on by itself.
    fs_err::rename(&into, fetcher.path("new")).unwrap();
    fs_err::rename(&old, &into).unwrap();
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    fetcher.shared(&id);
    trees::assert_same(&file, &into.join("f"));
}

#[test]
fn a_download_begins_anew_in_the_new_folder_on_request() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let file = sharer.file("f", 20_000_000);
    let (_share, link) = sharer.share(&file);
    let (into, old) = (fetcher.path("into"), fetcher.path("old"));
    fs_err::create_dir(&into).unwrap();
    let id = fetcher.begin_in(&link, &into);
    fetcher.some_of_it(&id);
    fetcher.shoal.ok(&[&"pause", &id]);
    fs_err::rename(&into, &old).unwrap();
    fs_err::create_dir(&into).unwrap();
    fetcher.shoal.ok(&[&"resume", &id]);
    assert_eq!(fetcher.problem(&id), "folder-replaced");
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    fetcher.shoal.ok(&[&"resume", &id]);
    fetcher.shared(&id);
    trees::assert_same(&file, &into.join("f"));
    assert!(old.join("f.part").exists());
}

#[test]
fn files_that_may_not_be_read_are_not_told_as_gone() {
    let sharer = Fetcher::with(Shoal::new().bound_by_permissions());
    let tree = sharer.path("d");
    fs_err::create_dir(&tree).unwrap();
    trees::file(&tree.join("a"), 90, 3000);
    let inner = tree.join("inner");
    fs_err::create_dir(&inner).unwrap();
    trees::file(&inner.join("b"), 91, 3000);
    let shared = sharer.shoal.ok(&[&"share", &tree]);
    let id = text(shared.event("shared"), "id");
    let may = |path: &Path, mode| {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for (path, open) in [(tree.join("a"), 0o644), (inner, 0o755)] {
        may(&path, 0);
        sharer.shoal.run(&[&"verify", &id]).expect_code(1);
        let told = problem(&sharer, &id);
        assert_eq!(told["code"], "files-unreadable");
        assert_eq!(told["message"], "Shoal may not read 1 file");
        assert!(text(&told, "hint").starts_with("Allow it"), "{told}");
        may(&path, open);
        sharer.shared(&id);
    }
}

/// As a shell or a service may limit it: the system ends whoever writes more, unless it is told not to.
#[test]
fn a_limit_on_the_size_of_files_is_told_and_ends_nothing() {
    let (sharer, fetcher) = (Sharer::new(), Shoal::new());
    let file = sharer.file("f", 5_000_000);
    let (_share, link) = sharer.share(&file);
    let into = tempfile::tempdir().unwrap();
    let get: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"get", &link, &"--into", &into.path()];
    let limited = by_way_of_shell(&fetcher.command(&get), r#"ulimit -f 4000; exec "$@""#);
    let done = Process::start(&mut { limited }).unwrap().finish().unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(
        done.stdout.join("\n").contains("file-too-large"),
        "{done:?}"
    );
    fetcher.ok(&get);
    trees::assert_same(&file, &into.path().join("f"));
}
