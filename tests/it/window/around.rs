//! Around the window: the tray, closing, second starts, links from other programs, the first run.

use fs_err as fs;

use support::shoal::Shoal;
use support::trees;
use support::wait::until;
use support::window::{Desktop, Window};

/// A link that is one, to what nobody has.
const LINK: &str =
    "ipfs://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e?filename=Lost.zip";

fn close(window: &Window<'_>) {
    window.close();
    until("the window to hide", || {
        (!window.is_visible()).then_some(())
    });
}

fn shows(window: &Window<'_>) {
    until("the window to show", || window.is_visible().then_some(()));
}

#[test]
fn the_tray_does_what_its_menu_says() {
    let desktop = Desktop::new();
    let window = desktop.open();
    let labels: Vec<String> = desktop.menu().into_iter().map(|item| item.label).collect();
    assert_eq!(
        labels,
        [
            "Open Shoal",
            "Share files…",
            "Open link from clipboard",
            "Nothing is moving",
            "Pause everything",
            "Quit"
        ]
    );

    close(&window);
    desktop.click_in_tray("Open Shoal");
    shows(&window);

    desktop.copy(LINK);
    desktop.click_in_tray("Open link from clipboard");
    let sheet = window.sheet("Open a link");
    sheet.says("Lost.zip");
    sheet.button("Cancel").click();

    let file = trees::file(&desktop.home().join("Budget.ods"), 110, 10_000);
    desktop.click_in_tray("Share files…");
    desktop.choose_in_dialog("Open File", &file);
    let sheet = window.sheet("Budget.ods");
    sheet.says("Ready");
    sheet.button("Done").click();

    desktop.click_in_tray("Pause everything");
    window.says("Everything is paused");
    window.row("Budget.ods").says("Paused");
    window.picture("all-paused");
    desktop.click_in_tray("Resume");
    window.row("Budget.ods").says("Shared");

    desktop.click_in_tray("Quit");
    assert_eq!(window.ended(), 0);
    let list = desktop.shoal().ok(&[&"list"]);
    assert!(list.stdout.contains("Budget.ods"), "{}", list.stdout);
}

#[test]
fn sharing_goes_on_while_the_window_is_hidden_and_costs_the_page_nothing() {
    let desktop = Desktop::new();
    let window = desktop.open();
    let file = trees::file(&desktop.home().join("Film.mkv"), 111, 8_000_000);
    let link = window.share(&[&file]);
    close(&window);
    until("a word about it", || {
        let told = desktop.notifications();
        told.iter()
            .any(|one| one.summary == "Shoal goes on sharing")
            .then_some(())
    });

    // Hiding itself is work.
    window.rests();
    let into = desktop.home().join("fetched");
    let fetcher = Shoal::new().with("download.limit", "2000000");
    let before = window.page_ticks();
    fetcher.ok(&[&"get", &link, &"--into", &into]);
    let used = window.page_ticks() - before;
    trees::assert_same(&file, &into.join("Film.mkv"));
    // The file takes 4 seconds of 100 ticks each; a page that draws the transfer uses far more than a collection of
    // garbage now and then.
    assert!(used <= 8, "the hidden page used {used} clock ticks");

    assert!(desktop.start_again(&[]).status.success());
    shows(&window);
    window.row("Film.mkv").says("Shared");
    close(&window);
    assert_eq!(desktop.notifications().len(), 1, "it is told once");
    assert_eq!(window.interrupt(), 0);
}

#[test]
fn a_second_start_hands_over_to_the_first() {
    let desktop = Desktop::new();
    let window = desktop.open();
    close(&window);
    let file = trees::file(&desktop.home().join("Two words.txt"), 112, 1000);
    let second = desktop.start_again(&[&file]);
    assert!(second.status.success(), "{second:?}");
    shows(&window);
    let sheet = window.sheet("Two words.txt");
    sheet.says("Ready");
    sheet.button("Done").click();
    sheet.goes();

    let second = desktop.start_again(&[&LINK]);
    assert!(second.status.success(), "{second:?}");
    let sheet = window.sheet("Open a link");
    sheet.says("Lost.zip");
    assert_eq!(sheet.field("Link").appears().value, LINK);
}

#[test]
fn a_link_in_another_program_comes_to_the_open_window() {
    let desktop = Desktop::new();
    let window = desktop.open();
    desktop.follow(LINK);
    let sheet = window.sheet("Open a link");
    sheet.says("Lost.zip");
    assert_eq!(sheet.field("Link").appears().value, LINK);
}

#[test]
fn a_link_opens_the_window() {
    let desktop = Desktop::new();
    let window = desktop.open_with(&[&LINK]);
    let sheet = window.sheet("Open a link");
    sheet.says("Lost.zip");
    assert_eq!(sheet.field("Link").appears().value, LINK);
}

#[test]
fn the_first_run_is_told_what_sharing_means_once() {
    let desktop = Desktop::first_run();
    let window = desktop.open();
    let welcome = window.sheet("Welcome to Shoal");
    welcome.says("Only what you share can be fetched");
    window.picture("welcome");
    welcome.button("Start").click();
    welcome.goes();
    assert_eq!(window.interrupt(), 0);

    let window = desktop.open();
    window.says("Drop files here to share them");
    assert!(!window.sheet("Welcome to Shoal").is_there());
}

#[test]
fn the_entry_that_starts_it_at_login_names_it_where_it_lies() {
    let desktop = Desktop::new();
    let entry = desktop.home().join("config/autostart/Shoal.desktop");
    let mut last = None;
    for place in ["My Apps/shoal", "moved/100% shoal"] {
        let program = desktop.home().join(place);
        let mut on = desktop.put_to(&program);
        let on = on.args(["settings", "autostart", "on"]).output().unwrap();
        assert!(on.status.success(), "{on:?}");
        let text = fs::read_to_string(&entry).unwrap();
        let exec: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("Exec="))
            .collect();
        let path = program.to_str().unwrap().replace('%', "%%");
        assert_eq!(exec, [format!("Exec=\"{path}\" --hidden")]);
        last = Some(program);
    }
    let mut off = desktop.command(last.unwrap());
    let off = off.args(["settings", "autostart", "off"]).output().unwrap();
    assert!(off.status.success(), "{off:?}");
    assert!(!entry.exists());
}
