//! Calls about the program itself: who answers, its settings, what it would tell a helper.

use engine::Engine;
use engine::api::{Problem, SettingView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Call;
use super::problem::told;

/// Who answers?
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct HelloRequest;

/// Who answers.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct Hello {
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) peer_id: String,
    pub(crate) listen: Vec<String>,
    /// The system's language, as BCP 47 writes it.
    pub(crate) locale: Option<String>,
    #[ts(inline)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Platform {
    Linux,
    MacOs,
    Windows,
    Other,
}

impl Call for HelloRequest {
    const NAME: &'static str = "hello";
    type Answer = Hello;

    async fn run(self, engine: &Engine) -> Result<Hello, Problem> {
        Ok(Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            peer_id: engine.peer_id().unwrap_or_default(),
            listen: engine.listen_addrs().await,
            locale: locale(),
            platform: platform(),
        })
    }
}

/// `C` is a machine's language, no person's.
fn locale() -> Option<String> {
    let locale = sys_locale::get_locale()?;
    (!matches!(locale.as_str(), "C" | "POSIX" | "")).then_some(locale)
}

fn platform() -> Platform {
    match std::env::consts::OS {
        "linux" => Platform::Linux,
        "macos" => Platform::MacOs,
        "windows" => Platform::Windows,
        _ => Platform::Other,
    }
}

/// What was not as it should be when the engine started, and what broke since then.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct RemarksRequest;

impl Call for RemarksRequest {
    const NAME: &'static str = "remarks";
    type Answer = Vec<Problem>;

    async fn run(self, engine: &Engine) -> Result<Vec<Problem>, Problem> {
        Ok(engine.remarks())
    }
}

/// All settings.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct SettingsRequest;

impl Call for SettingsRequest {
    const NAME: &'static str = "settings";
    type Answer = Vec<SettingView>;

    async fn run(self, engine: &Engine) -> Result<Vec<SettingView>, Problem> {
        Ok(engine.settings())
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct SetSettingRequest {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl Call for SetSettingRequest {
    const NAME: &'static str = "set-setting";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        let set = engine.set_setting(&self.key, &self.value).await;
        set.map_err(told)
    }
}

/// A report that names nothing.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct DiagnosticsRequest;

impl Call for DiagnosticsRequest {
    const NAME: &'static str = "diagnostics";
    type Answer = String;

    async fn run(self, engine: &Engine) -> Result<String, Problem> {
        Ok(engine.diagnostics().await)
    }
}
