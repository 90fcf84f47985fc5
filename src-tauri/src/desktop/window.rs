//! The one window: made when it is first wanted, shown, hidden, and remembered in size and place.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::api::{ItemId, Problem};
use serde::Serialize;
use tauri::plugin::TauriPlugin;
use tauri::webview::{NewWindowResponse, PageLoadEvent, PageLoadPayload};
use tauri::window::Color;
use tauri::{
    AppHandle, DragDropEvent, Emitter, Manager, Theme, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder, WindowEvent, Wry,
};
use tauri_plugin_window_state::StateFlags;

use super::{Shell, dropped, notify, player, quit, settings};
use crate::api::problem;

const LABEL: &str = "main";
/// Logical pixels of a first window: list and pane side by side.
const SIZE: (f64, f64) = (1080.0, 720.0);
/// Logical pixels: the narrowest that the pages are made for.
const MIN_SIZE: (f64, f64) = (420.0, 480.0);

/// What shows until the page does: its own background, as `ui/src/styles/tokens.css` says.
const LIGHT: Color = Color(0xf4, 0xf6, 0xf7, 0xff);
const DARK: Color = Color(0x12, 0x17, 0x1a, 0xff);
/// How long a hidden window keeps its page: coming back is quick until then, and afterwards its 100 MB and more are free.
const HIDDEN_PATIENCE: Duration = Duration::from_mins(10);

/// How often the window was shown: a page is dropped only if it was not shown meanwhile.
static SHOWN: AtomicU64 = AtomicU64::new(0);

/// Says what is missing before the toolkit ends the process over it.
pub(super) fn check_display() -> Result<(), Problem> {
    #[cfg(target_os = "linux")]
    gtk::init().map_err(|error| problem::no_display(&error))?;
    Ok(())
}

/// Keeps the window's size and place in the data directory.
pub(super) fn remembering(data_dir: &Path) -> TauriPlugin<Wry> {
    let file = data_dir.join("window.json");
    tauri_plugin_window_state::Builder::new()
        .with_filename(file.to_string_lossy())
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .build()
}

/// Shows the window in front of others. On the main thread.
pub(super) fn show(app: &AppHandle) -> tauri::Result<()> {
    SHOWN.fetch_add(1, Ordering::Relaxed);
    let window = match app.get_webview_window(LABEL) {
        Some(window) => window,
        None => make(app)?,
    };
    window.show()?;
    window.unminimize()?;
    window.set_focus()?;
    tell(app, "visible", true);
    Ok(())
}

/// Shows the window from any thread; `activation` is the desktop's leave to come to the front.
pub(super) fn show_soon(app: &AppHandle, activation: Option<String>) {
    let handle = app.clone();
    let shown = app.run_on_main_thread(move || {
        #[cfg(target_os = "linux")]
        if let (Some(window), Some(token)) = (handle.get_webview_window(LABEL), activation)
            && let Ok(window) = window.gtk_window()
        {
            use gtk::prelude::GtkWindowExt;
            window.set_startup_id(&token);
        }
        #[cfg(not(target_os = "linux"))]
        drop(activation);
        if let Err(error) = show(&handle) {
            tracing::error!(%error, "the window can't be shown");
        }
    });
    if let Err(error) = shown {
        tracing::error!(%error, "the window can't be shown");
    }
}

/// Tells the page of something, if there is one.
pub(super) fn tell<T: Serialize + Clone>(app: &AppHandle, event: &str, what: T) {
    if let Err(error) = app.emit_to(LABEL, event, what) {
        tracing::warn!(%error, event, "the page could not be told");
    }
}

fn make(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let shell = app.state::<Shell>();
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Shoal")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .visible(false)
        .zoom_hotkeys_enabled(true)
        .data_directory(shell.web_dir.clone())
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_page_load(on_page_load)
        .build()?;
    let chosen = *shell.theme.lock();
    let background = match chosen.map_or_else(|| window.theme(), Ok) {
        Ok(Theme::Dark) => DARK,
        _ => LIGHT,
    };
    window.set_background_color(Some(background))?;
    #[cfg(target_os = "linux")]
    {
        let handle = app.clone();
        window.with_webview(move |view| {
            mend(&view.inner());
            dropped::listen(&view.inner(), &handle);
        })?;
    }
    let handle = app.clone();
    window.on_window_event(move |event| match event {
        WindowEvent::CloseRequested { api, .. } => {
            api.prevent_close();
            tauri::async_runtime::spawn(close(handle.clone()));
        }
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => dropped::take(&handle, paths),
        _ => {}
    });
    Ok(window)
}

/// The page's process may end while Shoal goes on: out of memory, or by a fault of its own. Then it begins anew.
#[cfg(target_os = "linux")]
fn mend(view: &webkit2gtk::WebView) {
    use webkit2gtk::WebViewExt;

    let last = std::cell::Cell::new(None::<Instant>);
    view.connect_web_process_terminated(move |view, reason| {
        tracing::error!(?reason, "the page's process ended");
        // One that ends as it begins would do so for ever.
        if last.get().is_none_or(|last| last.elapsed() > MEND_GAP) {
            view.reload();
        }
        last.set(Some(Instant::now()));
    });
}

/// The least time between two ends of the page's process after which it begins anew.
#[cfg(target_os = "linux")]
const MEND_GAP: Duration = Duration::from_secs(10);

/// The page never leads anywhere else.
fn is_ours(url: &tauri::Url) -> bool {
    matches!(
        (url.scheme(), url.host_str()),
        ("tauri", Some("localhost")) | ("http" | "https", Some("tauri.localhost"))
    )
}

fn on_page_load(window: WebviewWindow, page: PageLoadPayload<'_>) {
    if page.event() == PageLoadEvent::Started {
        window.state::<Shell>().inbox.page_is_new();
        player::stop(window.app_handle());
    }
}

/// Closing hides the window while sharing goes on, unless the person wants it to end, or nothing is going on: without an
/// engine no setting is known.
async fn close(app: AppHandle) {
    if app.state::<Shell>().engine.reached().is_none()
        || settings::is(&app, "keep.sharing", "off").await
    {
        quit::quit(&app).await;
        return;
    }
    if let Some(window) = app.get_webview_window(LABEL)
        && let Err(error) = window.hide()
    {
        tracing::error!(%error, "the window can't be hidden");
    }
    tell(&app, "visible", false);
    drop_later(app.clone());
    notify::tell_hidden(&app).await;
}

/// Drops the page of a window that stays hidden. The next [`show`] makes another.
fn drop_later(app: AppHandle) {
    let shown = SHOWN.load(Ordering::Relaxed);
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(HIDDEN_PATIENCE).await;
        let handle = app.clone();
        // On the main thread, where windows are shown: none is between the look and the end.
        let dropped = app.run_on_main_thread(move || {
            if SHOWN.load(Ordering::Relaxed) == shown
                && let Some(window) = handle.get_webview_window(LABEL)
            {
                handle.state::<Shell>().inbox.page_is_new();
                if let Err(error) = window.destroy() {
                    tracing::warn!(%error, "the hidden page stays in memory");
                }
            }
        });
        if let Err(error) = dropped {
            tracing::warn!(%error, "the hidden page stays in memory");
        }
    });
}

/// Whether the person has the window before their eyes.
pub(super) fn is_looked_at(app: &AppHandle) -> bool {
    let window = app.get_webview_window(LABEL);
    window.is_some_and(|window| window.is_focused().unwrap_or(false))
}

/// Shows the window, and in it an item.
pub(super) fn show_item(app: &AppHandle, item: Option<ItemId>) {
    show_soon(app, None);
    if let Some(item) = item {
        tell(app, "focus-item", item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_leads_to_its_own_page_alone() {
        for (url, expected) in [
            ("tauri://localhost/", true),
            ("http://tauri.localhost/index.html", true),
            ("https://tauri.localhost/", true),
            // Origins that begin, end or look like it.
            ("tauri://localhost.evil.example/", false),
            ("tauri://evil@localhost.example/", false),
            ("http://tauri.localhost.evil.example/", false),
            ("http://evil.tauri.localhost/", false),
            ("http://localhost/", false),
            ("http://tauri.localhost@evil.example/", false),
            // An item's own pages.
            ("preview://localhost/1/page.html", false),
            ("http://preview.localhost/1/page.html", false),
            ("file:///tmp/page.html", false),
            ("data:text/html,hello", false),
            ("javascript:alert(1)", false),
            ("about:blank", false),
        ] {
            assert_eq!(is_ours(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
