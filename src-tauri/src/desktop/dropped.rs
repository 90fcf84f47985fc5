//! What is dropped on the window: files by the bytes of their names, and links.
//!
//! Tauri knows of a drop as text, in which a name that is none has lost what it was. On Linux the list of addresses that the other
//! program gave is therefore read here too; elsewhere the system hands out paths as they are.

use std::path::PathBuf;

use parking_lot::Mutex;
use serde::Serialize;
use tauri::{AppHandle, Manager};

use super::requests::{self, OpenRequest};
use super::{Shell, window};

/// What another program offers while it hangs over the window.
#[derive(Debug, Default)]
pub(super) struct Offered(Mutex<Option<Offer>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Offer {
    paths: Vec<PathBuf>,
    link: Option<String>,
}

/// What the page is told.
#[derive(Debug, Clone, Serialize)]
struct Dropped {
    /// As [`engine::path_text`] writes them.
    paths: Vec<String>,
}

/// Listens to what is offered, as the toolkit has it.
#[cfg(target_os = "linux")]
pub(super) fn listen(view: &webkit2gtk::WebView, app: &AppHandle) {
    use gtk::prelude::WidgetExt;

    let app = app.clone();
    view.connect_drag_data_received(move |_, _, _, _, data, _, _| {
        let addresses = data.uris();
        if !addresses.is_empty() {
            let addresses = addresses.iter().map(gtk::glib::GString::as_str);
            *app.state::<Shell>().offered.0.lock() = Some(offer(addresses));
        }
    });
}

/// Files by their paths; of what is on the web, the first that is a link to content.
#[cfg(target_os = "linux")]
fn offer<'a>(addresses: impl Iterator<Item = &'a str>) -> Offer {
    use engine::Link;
    use gtk::gio::prelude::FileExt;

    let mut offer = Offer::default();
    for address in addresses {
        // A place on another machine has a path too where the desktop has mounted it.
        if let Some(path) = gtk::gio::File::for_uri(address).path() {
            offer.paths.push(path);
        } else if offer.link.is_none() && address.parse::<Link>().is_ok() {
            offer.link = Some(address.to_owned());
        }
    }
    offer
}

/// Something was dropped, which Tauri read as these paths.
pub(super) fn take(app: &AppHandle, paths: &[PathBuf]) {
    let offered = app.state::<Shell>().offered.0.lock().take();
    let Offer { paths, link } = offered.unwrap_or_else(|| Offer {
        paths: paths.to_vec(),
        link: None,
    });
    let paths: Vec<String> = paths.iter().map(|path| engine::path_text(path)).collect();
    let has_paths = !paths.is_empty();
    window::tell(app, "dropped", Dropped { paths });
    if let (Some(link), false) = (link, has_paths) {
        requests::deliver(app, vec![OpenRequest::link(link)]);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_byte_of_a_dropped_name_is_kept() {
        let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        let link = format!("ipfs://{cid}");
        let offered = offer(
            [
                "file:///a/caf%E9%20%23%25.txt",
                "https://example.org/x",
                &link,
                "file:///b%0Ac",
            ]
            .into_iter(),
        );
        let bytes = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        let paths = vec![bytes(b"/a/caf\xe9 #%.txt"), bytes(b"/b\nc")];
        let link = Some(link);
        assert_eq!(offered, Offer { paths, link });
    }
}
