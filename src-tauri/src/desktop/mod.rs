//! The window and everything around it: the tray, the second start, notifications, previews.
//!
//! The only module that names Tauri. It owns the process while a window may be shown; the engine it shows is its own or
//! another process's ([`engine`]). The page in the window decides nothing about the system: it asks through the few
//! commands of [`commands`], and Tauri's capabilities let it ask for nothing else.

mod clipboard;
mod commands;
mod content;
mod dialogs;
mod dropped;
mod engine;
mod files;
mod instance;
#[cfg(target_os = "linux")]
mod media;
mod notify;
mod player;
mod preview;
mod quit;
mod requests;
mod settings;
mod tray;
mod watch;
mod window;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use tauri::{AppHandle, RunEvent, Theme};

use self::dropped::Offered;
use self::engine::EngineLink;
use self::requests::Inbox;
pub(crate) use self::requests::OpenRequest;
use crate::api::problem;

/// How to start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) data_dir: PathBuf,
    pub(crate) open: Vec<OpenRequest>,
    /// Without a window until it is asked for.
    pub(crate) hidden: bool,
}

/// What the commands and the events share.
#[derive(Debug)]
struct Shell {
    engine: EngineLink,
    inbox: Inbox,
    offered: Offered,
    /// Where the web view keeps what it has to keep.
    web_dir: PathBuf,
    /// Chosen by the person; the system's otherwise.
    theme: Mutex<Option<Theme>>,
}

/// Opens the window and stays until the person quits; the exit code. A second start on the same data directory hands its
/// requests to the first and ends.
pub(crate) fn run(start: Start) -> Result<u8, ::engine::api::Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| problem::start(&error))?;
    let Some(instance) = runtime.block_on(instance::first(&start))? else {
        return Ok(0);
    };
    window::check_display()?;
    tauri::async_runtime::set(runtime.handle().clone());
    let shell = Shell {
        engine: EngineLink::new(start.data_dir.clone()),
        inbox: Inbox::new(start.open),
        offered: Offered::default(),
        web_dir: start.data_dir.join("window"),
        theme: Mutex::default(),
    };
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_dialog::init())
        .plugin(settings::launcher())
        .plugin(window::remembering(&start.data_dir))
        .manage(shell)
        .manage(player::Player::default())
        .manage(tray::Tray::default())
        .register_asynchronous_uri_scheme_protocol(preview::SCHEME, preview::serve)
        .invoke_handler(commands::handler())
        .setup(move |app| {
            let app = app.handle();
            let words = settings::obey_early(app, &start.data_dir);
            if !start.hidden {
                window::show(app)?;
            }
            instance.serve(app)?;
            tray::add(app, words, &start.data_dir.join("tray"));
            watch::start(app.clone());
            quit::when_asked_to(app.clone());
            Ok(())
        })
        .build(tauri::generate_context!())
        .map_err(|error| problem::window(&error))?;
    let code = app.run_return(on_event);
    // Whatever had to end has ended: threads that are still reading a file need not hold up the person.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(u8::try_from(code).unwrap_or(1))
}

fn on_event(_app: &AppHandle, event: RunEvent) {
    match event {
        // Without a window Shoal goes on; only `quit` ends it, and that gives a code.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        // Elsewhere they come as arguments of another start.
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => requests::opened(_app, urls),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show_soon(_app, None),
        _ => {}
    }
}
