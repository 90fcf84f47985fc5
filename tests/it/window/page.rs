//! What the page may do, and does not: nothing from elsewhere, no errors.

use support::trees;
use support::wait::until;
use support::window::{Desktop, Window};

/// Begins the page anew with an ear at everything it complains of.
fn listen(window: &Window<'_>) {
    const LISTEN: &str = "
        if (document.querySelector('#app')?.childElementCount !== 0) {
            // Too late to hear all: once more.
            if (document.readyState === 'complete' && !window.leaving) {
                window.leaving = true;
                location.reload();
            }
            return false;
        }
        window.complaints = [];
        const keep = (...what) => window.complaints.push(what.map(String).join(' '));
        console.error = console.warn = keep;
        addEventListener('error', (event) => keep('error', event.message, event.target?.src ?? ''), true);
        addEventListener('unhandledrejection', (event) => keep('rejected', event.reason?.message ?? event.reason));
        addEventListener('securitypolicyviolation', (event) => keep('refused', event.violatedDirective, event.blockedURI));
        return true;";
    until("a page that has not begun", || {
        window.try_execute(LISTEN)?.as_bool()?.then_some(())
    });
    window.place("main", "").appears();
}

/// What it complained of since, without what comes from beginning anew: answers to questions of the page before.
fn complaints(window: &Window<'_>) -> Vec<String> {
    const OLD_ANSWER: &str = "[TAURI] Couldn't find callback id";
    let all = window.execute("return window.complaints", Vec::new());
    let all: Vec<String> = serde_json::from_value(all).expect("the page was loaded anew");
    all.into_iter()
        .filter(|one| !one.starts_with(OLD_ANSWER))
        .collect()
}

#[test]
fn every_screen_works_without_a_complaint_and_without_asking_anybody() {
    let desktop = Desktop::new();
    let window = desktop.open();
    listen(&window);
    let file = trees::file(&desktop.home().join("Song.txt"), 120, 1000);
    window.share(&[&file]);
    window.row("Song.txt").click();
    for tab in ["People", "Details", "Files"] {
        window.place("tab", tab).click();
    }
    for screen in ["Network", "Settings", "Library"] {
        window.go_to(screen);
        window.place("heading", screen).appears();
    }
    assert_eq!(complaints(&window), Vec::<String>::new());

    let asked = "return performance.getEntriesByType('resource').map((entry) => entry.name)";
    for address in window.execute(asked, Vec::new()).as_array().unwrap() {
        let address = address.as_str().unwrap();
        let ours = [
            "tauri://localhost/",
            "ipc://localhost/",
            "preview://localhost/",
        ];
        assert!(
            ours.iter().any(|start| address.starts_with(start)),
            "the page asked for {address}"
        );
    }
}

#[test]
fn the_page_can_load_nothing_from_elsewhere() {
    let desktop = Desktop::new();
    let window = desktop.open();
    listen(&window);
    window.execute(
        "new Image().src = 'http://127.0.0.1:9/picture.png';
         fetch('http://127.0.0.1:9/data').catch(() => {});
         const script = document.createElement('script');
         script.src = 'http://127.0.0.1:9/script.js';
         document.head.append(script);
         const inline = document.createElement('script');
         inline.textContent = 'window.ran = true';
         document.head.append(inline);",
        Vec::new(),
    );
    for directive in ["img-src", "connect-src", "script-src"] {
        until(&*format!("{directive} to refuse"), || {
            let refused = format!("refused {directive}");
            let complaints = complaints(&window);
            complaints
                .iter()
                .any(|one| one.starts_with(&refused))
                .then_some(())
        });
    }
    assert_eq!(
        window.execute("return window.ran ?? false", Vec::new()),
        false
    );
}
