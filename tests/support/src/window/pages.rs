//! The pages of the window, in the words of the person who uses them.

use crate::wait::until;

use super::app::Window;
use super::place::Place;

impl Window<'_> {
    /// The row of the library with that name in it.
    pub fn row(&self, name: &str) -> Place<'_> {
        self.place("grid", "Your files").inside("row", name)
    }

    /// The sheet of that title.
    pub fn sheet(&self, title: &str) -> Place<'_> {
        self.place("dialog", title)
    }

    /// The pane beside the library, which tells of one item.
    pub fn pane(&self) -> Place<'_> {
        self.place("complementary", "")
    }

    /// Waits until the page shows `text` beside its navigation.
    pub fn says(&self, text: &str) {
        self.place("main", "").says(text);
    }

    /// Looks at a file of the item in the pane.
    pub fn preview(&self, file: &str) -> Place<'_> {
        let more = format!("More for {file}");
        self.pane().inside("button", &more).click();
        self.place("menuitem", "Preview").click();
        let preview = self.sheet(&format!("Preview of {file}"));
        preview.appears();
        preview
    }

    /// Another screen, by its name in the navigation.
    pub fn go_to(&self, screen: &str) {
        let navigation = self.place("navigation", "");
        navigation.inside("button", screen).click();
    }

    /// Chooses from the menu of a row.
    pub fn choose(&self, name: &str, action: &str) {
        let row = self.row(name);
        row.inside("button", "What to do with").click();
        self.place("menuitem", action).click();
    }

    /// Pastes a link somewhere in the window, not into a field, and waits for the sheet that it opens.
    pub fn paste_link(&self, link: &str) -> Place<'_> {
        self.desktop.copy(link);
        self.press("ctrl+v");
        let sheet = self.sheet("Open a link");
        sheet.appears();
        sheet
    }

    /// Fetches what a link leads to, all of it, into the download folder.
    pub fn download(&self, link: &str) {
        let sheet = self.paste_link(link);
        // What is in the link comes meanwhile, and moves the button away from under a slow click.
        until("the sheet to go", || {
            if !sheet.is_there() {
                return Some(());
            }
            let button = sheet.button("Download");
            if button.is_there() {
                button.click();
            }
            None
        });
        sheet.goes();
    }

    /// Drops files and copies their link, once there is one.
    pub fn share(&self, paths: &[&std::path::Path]) -> String {
        self.drop_files(paths);
        let sheet = self.place("dialog", "");
        sheet.says("Ready");
        let link = self.copy_link_in(&sheet);
        sheet.button("Done").click();
        sheet.goes();
        link
    }

    /// Clicks the sheet's button for its link: what is in the clipboard then.
    pub fn copy_link_in(&self, sheet: &Place<'_>) -> String {
        self.desktop.copy("nothing was copied");
        sheet.button("Copy link").click();
        until("the link in the clipboard", || {
            self.desktop
                .copied()
                .filter(|text| text.starts_with("ipfs://"))
        })
    }
}
