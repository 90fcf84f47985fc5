//! The tray: a picture of what Shoal does, and a menu with all that a hidden window is wanted for.
//!
//! Linux passes no clicks on, so everything is in the menu. Where the system has no tray, Shoal does without.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use parking_lot::Mutex;
use tauri::image::Image;
use tauri::menu::{MenuBuilder, MenuEvent, MenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry, include_image};

use super::requests::{self, OpenRequest};
use super::words::Words;
use super::{Shell, clipboard, quit, window};
use crate::api::{ActAllRequest, AllAction};

/// What the tray tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) paused: bool,
    /// Bytes a second.
    pub(super) down: u64,
    /// Bytes a second.
    pub(super) up: u64,
}

/// The tray, once there is one.
#[derive(Debug, Default)]
pub(super) struct Tray(Mutex<Option<Parts>>);

#[derive(Clone)]
struct Parts {
    icon: TrayIcon,
    rates: MenuItem<Wry>,
    pause: MenuItem<Wry>,
    /// With the keys of their words.
    fixed: [(&'static str, MenuItem<Wry>); 4],
    words: Words,
    look: Look,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look.fmt(f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picture {
    Idle,
    Active,
    Paused,
}

impl Look {
    fn picture(self) -> Picture {
        match self {
            Self { paused: true, .. } => Picture::Paused,
            Self { down: 0, up: 0, .. } => Picture::Idle,
            _ => Picture::Active,
        }
    }

    fn rates(self, words: Words) -> String {
        match self.picture() {
            Picture::Paused => words.say("all-paused").to_owned(),
            Picture::Idle => words.say("idle").to_owned(),
            Picture::Active => {
                let (down, up) = (words.rate(self.down), words.rate(self.up));
                words.say_of("rates", &[("down", &down), ("up", &up)])
            }
        }
    }

    fn pause(self, words: Words) -> &'static str {
        words.say(if self.paused {
            "resume-all"
        } else {
            "pause-all"
        })
    }
}

impl Picture {
    fn image(self) -> Image<'static> {
        match self {
            Self::Idle => include_image!("assets/tray/idle.png"),
            Self::Active => include_image!("assets/tray/active.png"),
            Self::Paused => include_image!("assets/tray/paused.png"),
        }
    }
}

/// Puts Shoal into the tray. `temp_dir` is where the system reads its pictures from: each data directory needs its own.
pub(super) fn add(app: &AppHandle, words: Words, temp_dir: &Path) {
    // Where its library is missing, making a tray panics before it has made anything.
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let made = std::panic::catch_unwind(AssertUnwindSafe(|| make(app, words, temp_dir)));
    std::panic::set_hook(quiet);
    match made {
        Ok(Ok(parts)) => app.state::<Tray>().set(parts),
        Ok(Err(error)) => tracing::warn!(%error, "there is no tray"),
        Err(_) => tracing::warn!("there is no tray: libayatana-appindicator3 is not installed"),
    }
}

fn make(app: &AppHandle, words: Words, temp_dir: &Path) -> tauri::Result<Parts> {
    let item = |id: &str, text: &str| MenuItem::with_id(app, id, text, true, None::<&str>);
    let fixed = |id| Ok::<_, tauri::Error>((id, item(id, words.say(id))?));
    let fixed = [
        fixed("open")?,
        fixed("share-files")?,
        fixed("open-link")?,
        fixed("quit")?,
    ];
    let look = Look::default();
    let rates = MenuItem::with_id(app, "rates", look.rates(words), false, None::<&str>)?;
    let pause = item("pause", look.pause(words))?;
    let [(_, open), (_, share), (_, link), (_, quit)] = &fixed;
    let menu = MenuBuilder::new(app)
        .item(open)
        .items(&[share, link])
        .separator()
        .items(&[&rates, &pause])
        .separator()
        .item(quit)
        .build()?;
    let icon = TrayIconBuilder::with_id("shoal")
        .icon(look.picture().image())
        .temp_dir_path(temp_dir)
        .tooltip("Shoal")
        .menu(&menu)
        .on_menu_event(chosen)
        .build(app)?;
    Ok(Parts {
        icon,
        rates,
        pause,
        fixed,
        words,
        look,
    })
}

fn chosen(app: &AppHandle, event: MenuEvent) {
    let app = app.clone();
    let id = event.id().as_ref().to_owned();
    tauri::async_runtime::spawn(async move {
        match id.as_str() {
            "open" => window::show_soon(&app, None),
            "share-files" => ask(&app, OpenRequest::share(Vec::new())),
            "open-link" => ask(&app, OpenRequest::link_or_ask(clipboard::read().await)),
            "pause" => pause(&app).await,
            "quit" => quit::quit(&app).await,
            _ => {}
        }
    });
}

fn ask(app: &AppHandle, request: OpenRequest) {
    window::show_soon(app, None);
    requests::deliver(app, vec![request]);
}

async fn pause(app: &AppHandle) {
    let paused = app
        .state::<Tray>()
        .get()
        .is_some_and(|parts| parts.look.paused);
    let action = if paused {
        AllAction::Resume
    } else {
        AllAction::Pause
    };
    let request = ActAllRequest { action };
    if let Err(problem) = app.state::<Shell>().engine.call(request).await {
        tracing::warn!(problem.message, "not everything could be paused or resumed");
    }
}

impl Tray {
    fn get(&self) -> Option<Parts> {
        let parts = self.0.lock();
        parts.clone()
    }

    fn set(&self, parts: Parts) {
        let mut current = self.0.lock();
        *current = Some(parts);
    }

    pub(super) fn is_there(&self) -> bool {
        self.get().is_some()
    }

    /// Shows what changed, and only that: the system draws anew whatever it is told.
    pub(super) fn show(&self, look: Look) {
        let Some(mut parts) = self.get() else { return };
        let before = std::mem::replace(&mut parts.look, look);
        let changed = || {
            let words = parts.words;
            if look.picture() != before.picture() {
                parts.icon.set_icon(Some(look.picture().image()))?;
            }
            if look.rates(words) != before.rates(words) {
                parts.rates.set_text(look.rates(words))?;
            }
            if look.paused != before.paused {
                parts.pause.set_text(look.pause(words))?;
            }
            tauri::Result::Ok(())
        };
        told(changed());
        self.set(parts);
    }

    pub(super) fn speak(&self, words: Words) {
        let Some(mut parts) = self.get() else { return };
        parts.words = words;
        let changed = || {
            for (key, item) in &parts.fixed {
                item.set_text(words.say(key))?;
            }
            parts.rates.set_text(parts.look.rates(words))?;
            parts.pause.set_text(parts.look.pause(words))
        };
        told(changed());
        self.set(parts);
    }
}

fn told(result: tauri::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the tray does not show what it should");
    }
}

/// Whether a picture in the tray can be seen: on Linux only where a panel shows it.
pub(super) async fn is_visible(app: &AppHandle) -> bool {
    app.state::<Tray>().is_there() && has_panel().await
}

#[cfg(target_os = "linux")]
async fn has_panel() -> bool {
    use gtk::gio::{self, BusType, DBusCallFlags};
    use gtk::glib::ToVariant;

    let asked = tokio::task::spawn_blocking(|| {
        let bus = gio::bus_get_sync(BusType::Session, gio::Cancellable::NONE).ok()?;
        let answer = bus.call_sync(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "NameHasOwner",
            Some(&("org.kde.StatusNotifierWatcher",).to_variant()),
            None,
            DBusCallFlags::NONE,
            BUS_PATIENCE_MS,
            gio::Cancellable::NONE,
        );
        let (has_owner,): (bool,) = answer.ok()?.get()?;
        Some(has_owner)
    });
    asked.await.ok().flatten().unwrap_or(false)
}

/// How long the message bus may take to answer.
#[cfg(target_os = "linux")]
const BUS_PATIENCE_MS: i32 = 2000;

#[cfg(not(target_os = "linux"))]
async fn has_panel() -> bool {
    true
}
