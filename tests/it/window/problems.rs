//! What goes wrong, told in the window with a sentence and a way out.

use fs_err as fs;

use support::disk::Disk;
use support::shoal::{Shoal, text};
use support::trees;
use support::wait::until;
use support::window::Desktop;

/// A link to what nobody has.
const NOBODY_HAS: &str =
    "ipfs://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e?filename=Lost.zip";

#[test]
fn a_changed_file_is_told_and_shared_anew() {
    let desktop = Desktop::new();
    let window = desktop.open();
    let file = trees::file(&desktop.home().join("Budget.ods"), 100, 300_000);
    let old = window.share(&[&file]);

    // The window finds out like this where nobody tells it: somebody wants the file, and it is another.
    trees::file(&file, 101, 310_000);
    window.choose("Budget.ods", "Check the files");
    let row = window.row("Budget.ods");
    row.says("1 file changed");
    window.picture("changed");
    row.button("Update").click();
    row.says("Shared");

    window.choose("Budget.ods", "Copy link");
    let new = until("another link", || {
        desktop.copied().filter(|link| *link != old)
    });
    let into = desktop.home().join("fetched");
    Shoal::new().ok(&[&"get", &new, &"--into", &into]);
    trees::assert_same(&file, &into.join("Budget.ods"));
}

#[test]
fn nobody_online_is_told_and_found_later() {
    let desktop = Desktop::new();
    let window = desktop.open();
    let sheet = window.paste_link(NOBODY_HAS);
    sheet.says("Lost.zip");
    sheet.says("Looking for people who have this");
    window.picture("nobody");
    sheet.button("Download").click();
    window
        .row("Lost.zip")
        .says("Looking for people who have this");
    window.choose("Lost.zip", "Remove");
    window.row("Lost.zip").goes();
}

#[test]
fn a_bad_link_is_told_where_it_stands() {
    let desktop = Desktop::new();
    let window = desktop.open();
    window.place("button", "Open a link").click();
    let sheet = window.sheet("Open a link");
    sheet.says("Paste the link that somebody gave you");
    sheet.field("Link").types("ipfs://bafybeinonsense");
    sheet.says("Copy it again, all of it.");
    window.picture("bad-link");
    assert!(!sheet.button("Download").look().enabled);
    window.press("Escape");
    sheet.goes();
}

#[test]
fn a_full_disk_is_told_and_another_folder_helps() {
    let Some(disk) = Disk::new(4) else { return };
    let desktop = Desktop::new().with("download.folder", disk.path().to_str().unwrap());
    let file = trees::file(&desktop.home().join("Large.bin"), 102, 9_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let window = desktop.open();
    let sheet = window.paste_link(&text(&shared, "link"));
    sheet.says("There is not enough room");
    window.picture("no-room");
    // Somebody who tries all the same.
    sheet.button("Download").click();
    let row = window.row("Large.bin");
    row.says("There is not enough space");
    window.picture("no-space");
    disk.remount("size=64m");
    row.button("Try again").click();
    row.says("Downloaded and shared");
    trees::assert_same(&file, &disk.path().join("Large.bin"));
}

#[test]
fn settings_that_were_lost_are_told_in_the_window_until_that_was_read() {
    let desktop = Desktop::new();
    fs::create_dir_all(desktop.data_dir()).unwrap();
    fs::write(desktop.data_dir().join("settings.json"), [0; 100]).unwrap();
    let window = desktop.open();
    let told = window.place("region", "What Shoal found when it started");
    told.says("The file with the settings was damaged");
    told.says("settings.old-1.json");
    window.picture("settings-lost");
    told.button("Close").click();
    told.goes();
}

#[test]
fn a_data_directory_of_a_newer_version_is_told() {
    let desktop = Desktop::new();
    desktop.shoal().daemon().0.interrupt().expect_code(0);
    let database = fs::read_dir(desktop.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "db"))
        .expect("no database");
    let connection = rusqlite::Connection::open(database).unwrap();
    connection
        .pragma_update(None, "user_version", 9999)
        .unwrap();
    drop(connection);

    let window = desktop.open();
    window.says("A newer Shoal was used here");
    window.picture("newer");
    assert_eq!(window.interrupt(), 0);
}
