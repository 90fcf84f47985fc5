//! From one person's window to another's.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use fs_err as fs;

use support::shoal::{Shoal, text};
use support::trees::{self, Kinds};
use support::wait::until;
use support::window::Desktop;

#[test]
fn a_folder_dropped_on_one_window_arrives_at_another() {
    let anna = Desktop::new();
    let ben = Desktop::new().with("download.limit", "6000000");
    let folder = trees::sample(&anna.home().join("Holiday in Norway"), 90, Kinds::All);
    let large = trees::file(&folder.join("film.mkv"), 91, 12_000_000);

    let annas = anna.open();
    annas.drag_files(&[&folder], |window| window.picture("drop"));
    let sheet = annas.sheet("Holiday in Norway");
    sheet.says("Ready");
    let link = annas.copy_link_in(&sheet);
    annas.picture("share");
    sheet.button("Done").click();
    annas.row("Holiday in Norway").says("Shared");

    let bens = ben.open();
    let sheet = bens.paste_link(&link);
    sheet.says("One person has this");
    sheet.says("film.mkv");
    bens.picture("open");
    sheet.button("Download").click();

    let row = bens.row("Holiday in Norway");
    row.says("Downloading from the one person who has it");
    row.inside("progressbar", "Holiday in Norway")
        .wait("is half-way", |bar| {
            bar.now.is_some_and(|now| now > 0.0 && now < 100.0)
        });
    bens.picture("downloading");
    annas
        .row("Holiday in Norway")
        .says("1 person is fetching it");
    annas.picture("sharing");
    row.says("Downloaded and shared");
    trees::assert_same(&folder, &ben.downloads().join("Holiday in Norway"));
    assert!(large.exists());
    for window in [annas, bens] {
        assert_eq!(window.interrupt(), 0);
    }
}

#[test]
fn what_is_dropped_may_have_a_name_that_is_no_text() {
    let desktop = Desktop::new();
    let name = OsStr::from_bytes(b"caf\xe9 50% #1");
    let folder = desktop.home().join(name);
    fs::create_dir(&folder).unwrap();
    let file = trees::file(&folder.join(OsStr::from_bytes(b"na\xefve.txt")), 95, 10_000);
    let window = desktop.open();
    let link = window.share(&[&folder]);
    window.row("caf\u{fffd}E9 50% #1").says("Shared");
    let into = desktop.home().join("fetched");
    Shoal::new().ok(&[&"get", &link, &"--into", &into]);
    trees::assert_same(&folder, &into.join(name));
    assert!(file.exists());
}

#[test]
fn a_download_is_paused_resumed_and_removed() {
    let desktop = Desktop::new().with("download.limit", "2000000");
    let file = trees::file(&desktop.home().join("Harbour.mkv"), 92, 60_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let window = desktop.open();
    window.download(&text(&shared, "link"));
    let row = window.row("Harbour.mkv");
    row.says("Downloading");
    window.choose("Harbour.mkv", "Pause");
    row.says("Paused");
    window.choose("Harbour.mkv", "Resume");
    row.says("Downloading");

    window.choose("Harbour.mkv", "Remove");
    row.says("On its way out of the list");
    window.place("button", "Undo").click();
    row.says("Downloading");
    window.choose("Harbour.mkv", "Remove");
    row.goes();
    window.says("Drop files here to share them");
    let left = desktop.shoal().ok(&[&"list"]);
    assert!(!left.stdout.contains("Harbour"), "{}", left.stdout);
}

#[test]
fn deleting_a_download_asks_first() {
    let desktop = Desktop::new();
    let file = trees::file(&desktop.home().join("Map.pdf"), 93, 200_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let here = desktop.downloads().join("Map.pdf");
    let window = desktop.open();
    window.download(&text(&shared, "link"));
    window.row("Map.pdf").says("Downloaded and shared");
    assert!(here.exists());

    window.choose("Map.pdf", "Delete the files");
    let question = window.sheet("Delete Map.pdf?");
    question.button("Cancel").click();
    question.goes();
    assert!(here.exists());
    window.choose("Map.pdf", "Delete the files");
    question.button("Delete the files").click();
    window.row("Map.pdf").goes();
    assert!(!here.exists());
    assert!(file.exists());
}

#[test]
fn a_picture_and_a_text_are_shown_while_the_rest_still_comes() {
    let desktop = Desktop::new().with("download.limit", "1500000");
    let album = desktop.home().join("Album");
    fs::create_dir(&album).unwrap();
    trees::file(&album.join("film.bin"), 94, 60_000_000);
    fs::copy("assets/icons/128x128.png", album.join("cover.png")).unwrap();
    fs::write(
        album.join("notes.txt"),
        "Recorded at the harbour, in the rain.\n",
    )
    .unwrap();
    let (_share, _, shared) = Shoal::new().share(&album, &[]);
    let window = desktop.open();
    window.download(&text(&shared, "link"));
    window.row("Album").says("Downloading");

    window
        .preview("cover.png")
        .inside("img", "cover.png")
        .appears();
    until("the picture", || {
        let drawn = "return [...document.images].some((image) => image.complete && image.naturalWidth === 128)";
        window.execute(drawn, Vec::new()).as_bool()?.then_some(())
    });
    window.picture("preview");
    window.press("Escape");
    window
        .preview("notes.txt")
        .says("Recorded at the harbour, in the rain.");
    window.press("Escape");
    window.row("Album").says("Downloading");
}
