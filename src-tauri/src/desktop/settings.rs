//! The settings that the window itself obeys.

use std::path::Path;

use engine::Settings;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager, Theme, Wry};
#[cfg(not(target_os = "linux"))]
use tauri_plugin_autostart::ManagerExt;

use super::Shell;
use super::tray::Tray;
use super::words::Words;
use crate::api::{Request, SetSettingRequest, SettingsRequest};

/// Starts Shoal at login, when it is asked to.
pub(super) fn launcher() -> TauriPlugin<Wry> {
    tauri_plugin_autostart::Builder::new()
        .arg("--hidden")
        .build()
}

/// What a request is about to change.
pub(super) fn changed_by(request: &Request) -> Option<SetSettingRequest> {
    match request {
        Request::SetSettingRequest(change) => Some(change.clone()),
        _ => None,
    }
}

/// Does before the first window what the settings file asks for: no engine has read it yet, and a window that shows in
/// the wrong colours flashes. Gives the words to begin with.
pub(super) fn obey_early(app: &AppHandle, data_dir: &Path) -> Words {
    let file = engine::paths::settings_file(data_dir);
    let settings = Settings::load(file, |name| std::env::var(name).ok());
    // Whoever starts the engine tells what is wrong with the file.
    let settings = settings.map(|settings| settings.all()).unwrap_or_default();
    let value = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key);
        setting.map_or("auto", |setting| setting.value.as_str())
    };
    theme(app, value("theme"));
    Words::of(value("language"))
}

/// Does what a changed setting asks for.
pub(super) fn obey(app: &AppHandle, SetSettingRequest { key, value }: &SetSettingRequest) {
    match key.as_str() {
        "language" => app.state::<Tray>().speak(Words::of(value)),
        "theme" => theme(app, value),
        "autostart" => autostart(app, value == "on"),
        _ => {}
    }
}

fn theme(app: &AppHandle, value: &str) {
    let theme = match value {
        "dark" => Some(Theme::Dark),
        "light" => Some(Theme::Light),
        _ => None,
    };
    let shell = app.state::<Shell>();
    *shell.theme.lock() = theme;
    app.set_theme(theme);
}

/// Starts Shoal at login from where it lies now, or no longer.
pub(super) fn autostart(app: &AppHandle, on: bool) {
    #[cfg(target_os = "linux")]
    let changed = {
        let _ = app;
        crate::autostart::set(on)
    };
    #[cfg(not(target_os = "linux"))]
    let changed = {
        let launcher = app.autolaunch();
        if on {
            launcher.enable()
        } else {
            launcher.disable()
        }
    };
    if let Err(error) = changed {
        tracing::warn!(%error, "starting at login could not be changed");
    }
}

/// Whether a setting has that value. Without an engine none has any.
pub(super) async fn is(app: &AppHandle, key: &str, value: &str) -> bool {
    get(app, key).await.as_deref() == Some(value)
}

pub(super) async fn words(app: &AppHandle) -> Words {
    let language = get(app, "language").await;
    Words::of(language.as_deref().unwrap_or("auto"))
}

pub(super) async fn get(app: &AppHandle, key: &str) -> Option<String> {
    let asked = app.state::<Shell>().engine.reached()?;
    let settings = asked.call(SettingsRequest).await.ok()?;
    let setting = settings.into_iter().find(|setting| setting.key == key)?;
    Some(setting.value)
}

pub(super) async fn set(app: &AppHandle, key: &str, value: &str) {
    let change = SetSettingRequest {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let set = app.state::<Shell>().engine.call(change).await;
    if let Err(problem) = set {
        tracing::warn!(key, problem.message, "a setting could not be changed");
    }
}
