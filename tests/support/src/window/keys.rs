//! Keys and the pointer: events of the X server, as a person's hands make them.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::json;

use super::app::Window;
use crate::wait::until;

/// Where the files lie that are dragged: right of every window.
const SOURCE: (i32, i32) = (1500, 900);

impl Window<'_> {
    /// Presses keys, such as `ctrl+v` or `Escape`, while the window has the focus.
    pub fn press(&self, keys: &str) {
        let id = self.id.to_string();
        let pressed = self.desktop.xdotool(&[
            "windowfocus",
            "--sync",
            &id,
            "key",
            "--clearmodifiers",
            keys,
        ]);
        assert!(pressed.is_some(), "{keys} can't be pressed");
    }

    /// Drags files from another program onto the middle of the window, and lets them go there.
    pub fn drop_files(&self, paths: &[&Path]) {
        self.drag_files(paths, |_| {});
    }

    /// The same, with a look at the window just before the files are let go.
    pub fn drag_files(&self, paths: &[&Path], before_drop: impl FnOnce(&Self)) {
        let desktop = self.desktop;
        let becomes = |state: &str| {
            until(&*format!("the drag to be {state:?}"), || {
                let now = desktop.ask("dragging", json!(null));
                assert_ne!(now, "refused", "the window does not take the files");
                (now == state).then_some(())
            });
        };
        let point = |x: i32, y: i32| {
            desktop.xdotool(&["mousemove", &x.to_string(), &y.to_string()]);
        };
        let (left, top, width, height) = self.rectangle();
        let (x, y) = SOURCE;
        let uris: Vec<String> = paths.iter().map(|path| file_uri(path)).collect();
        desktop.ask("drag", json!({ "uris": uris, "x": x, "y": y }));
        becomes("shown");
        point(x + 20, y + 20);
        desktop.xdotool(&["mousedown", "1"]);
        // A drag begins when the pointer has moved a little.
        let mut step = 0;
        until("the drag to begin", || {
            step = (step + 1) % 3;
            point(x + 20 - 10 * step, y + 20 - 5 * step);
            (desktop.ask("dragging", json!(null)) == "begun").then_some(())
        });
        let (middle_x, middle_y) = (left + width / 2, top + height / 2);
        let overlay = self.place("heading", "Drop to share");
        let mut step = 0;
        until("the window to take the files", || {
            step = (step + 1) % 4;
            point(middle_x + step, middle_y + step);
            overlay.is_there().then_some(())
        });
        before_drop(self);
        desktop.xdotool(&["mouseup", "1"]);
        becomes("dropped");
        desktop.ask("drag-over", json!(null));
    }

    /// Where the window is on the screen: left, top, width, height.
    fn rectangle(&self) -> (i32, i32, i32, i32) {
        let id = self.id.to_string();
        let shell = self
            .desktop
            .xdotool(&["getwindowgeometry", "--shell", &id])
            .unwrap();
        let field = |name: &str| {
            shell
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .and_then(|value| value.parse().ok())
                .unwrap_or_else(|| panic!("no {name} in {shell}"))
        };
        (field("X"), field("Y"), field("WIDTH"), field("HEIGHT"))
    }
}

/// As file managers write the address of a file: byte by byte.
fn file_uri(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes().iter();
    let written = bytes.map(|byte| match byte {
        b'/' | b'.' | b'-' | b'_' => char::from(*byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    written.fold("file://".to_owned(), |uri, part| uri + &part)
}
