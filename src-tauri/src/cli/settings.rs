//! `shoal settings`

use std::io::Read;
use std::path::Path;

use engine::api::{Origin, Problem, SettingView};
use fs_err::File;

use super::connect::Connection;
use super::event::Event;
use super::problem;
use super::{Context, OK, Outcome};
use crate::api::{SetSettingRequest, SettingsRequest};

/// Bytes read of a `swarm.key`: it has 95.
const MAX_KEY_FILE: u64 = 4096;

/// Show all settings with their meaning, or one; or set one
///
/// Each can also be given for one run as an environment variable: upload.limit is SHOAL_UPLOAD_LIMIT.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    key: Option<String>,
    /// What to set it to, for this and later runs; for network.key the path of a swarm.key, or - for standard input
    value: Option<String>,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let connection = Connection::any(context).await?;
    let settings = settings(&args, &connection, context).await;
    connection.leave().await;
    let settings = settings?;
    let out = &context.out;
    if out.is_json() {
        settings
            .into_iter()
            .try_for_each(|setting| out.event(&Event::Setting(setting)))?;
        return OK;
    }
    match (&args.key, settings.as_slice()) {
        (Some(_), [setting]) => out.text(&setting.value)?,
        _ => explain(&settings, context)?,
    }
    OK
}

async fn settings(
    args: &Args,
    connection: &Connection,
    context: &Context,
) -> Result<Vec<SettingView>, Problem> {
    if let (Some(key), Some(value)) = (args.key.clone(), args.value.clone()) {
        let text = text_of_key_file(&key, value.clone())?;
        if key == "network.key" && text == value && value != "none" {
            context.out.talk("Your shell may remember the key. A file leaves no trace: `shoal settings network.key swarm.key`.");
        }
        let value = text;
        let change = SetSettingRequest { key, value };
        connection.call(change.clone()).await?;
        obey(&change, context)?;
    }
    let mut settings = connection.call(SettingsRequest).await?;
    if let Some(key) = &args.key {
        settings.retain(|setting| setting.key == *key);
        if settings.is_empty() {
            return Err(problem::unknown_setting(key));
        }
    }
    Ok(settings)
}

/// Does at once what no running window may be there to do. The desktop starts one Shoal at login, that of the usual data
/// directory.
#[cfg(all(feature = "desktop", target_os = "linux"))]
fn obey(change: &SetSettingRequest, context: &Context) -> Result<(), Problem> {
    let usual = engine::paths::default_data_dir();
    if change.key != "autostart" || usual.is_none_or(|usual| usual != context.data_dir) {
        return Ok(());
    }
    crate::autostart::set(change.value == "on").map_err(|error| problem::autostart(&error))
}

#[cfg(not(all(feature = "desktop", target_os = "linux")))]
#[allow(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
fn obey(_: &SetSettingRequest, _: &Context) -> Result<(), Problem> {
    Ok(())
}

/// A network key may be given as the path of a `swarm.key`, or by standard input; its text is what is set.
fn text_of_key_file(key: &str, value: String) -> Result<String, Problem> {
    let path = Path::new(&value);
    if key != "network.key" || !(value == "-" || path.is_file()) {
        return Ok(value);
    }
    let mut text = String::new();
    let read = if value == "-" {
        let mut start = std::io::stdin().take(MAX_KEY_FILE);
        start.read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MAX_KEY_FILE).read_to_string(&mut text))
    };
    read.map_err(|error| problem::bad_path(path, &error))?;
    Ok(text)
}

fn explain(settings: &[SettingView], context: &Context) -> Result<(), Problem> {
    for setting in settings {
        let from = match setting.from {
            Origin::Default => "",
            Origin::File => "  (set)",
            Origin::Environment => "  (set for this run)",
        };
        context
            .out
            .text(&format!("{} = {}{from}", setting.key, setting.value))?;
        context.out.text(&format!("    {}", setting.meaning))?;
    }
    Ok(())
}
