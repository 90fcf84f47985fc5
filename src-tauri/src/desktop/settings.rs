//! The settings that the window itself obeys.

use engine::config::SettingView;
use tauri::{AppHandle, Manager};

use super::Shell;
use crate::api::types::Request;

/// A setting's value, while an engine is reached.
pub(super) async fn get(app: &AppHandle, key: &str) -> Option<String> {
    let asked = app.state::<Shell>().engine.reached()?;
    let settings: Vec<SettingView> = asked.call(Request::Settings).await.ok()?;
    let setting = settings.into_iter().find(|setting| setting.key == key)?;
    Some(setting.value)
}
