//! Notifications of the system: that a download is here, that something needs the person, and once that closing the window
//! did not end Shoal.

use engine::api::ItemId;
use engine::api::{Notice, NoticeKind};
use notify_rust::Notification;
use tauri::AppHandle;
use tauri_plugin_dialog::DialogExt;

use super::words::Words;
use super::{settings, tray, window};

/// Shown of one answer; more than these say no more than that the list has changed.
const MAX_AT_ONCE: usize = 3;

/// Tells of what happened, unless the person looks at it or does not want to hear of it.
pub(super) async fn tell(app: &AppHandle, notices: Vec<Notice>) {
    if notices.is_empty()
        || window::is_looked_at(app)
        || settings::is(app, "notifications", "off").await
    {
        return;
    }
    let words = settings::words(app).await;
    for notice in notices.into_iter().rev().take(MAX_AT_ONCE) {
        let (title, body) = text(words, &notice);
        let (title, body) = (plain(&title), plain(&body));
        show(app, &title, &body, Some(notice.id)).await;
    }
}

fn text(words: Words, notice: &Notice) -> (String, String) {
    let name = [("name", notice.name.as_str())];
    match notice.kind {
        NoticeKind::Finished => (
            words.say_of("finished", &name),
            words.say("finished-body").to_owned(),
        ),
        NoticeKind::NeedsYou => {
            let problem = notice
                .problem
                .as_ref()
                .and_then(|problem| words.problem(problem));
            let body = problem.unwrap_or_else(|| words.say("needs-you-body").to_owned());
            (words.say_of("needs-you", &name), body)
        }
    }
}

/// Others' names without the marks that reorder or hide text, with which one can look like another.
fn plain(text: &str) -> String {
    text.replace(crate::shown::is_treacherous, "\u{fffd}")
}

/// Tells once that Shoal goes on without a window, and how to get that back.
pub(super) async fn tell_hidden(app: &AppHandle) {
    if settings::is(app, "hidden.told", "on").await {
        return;
    }
    let words = settings::words(app).await;
    let tray = tray::is_visible(app).await;
    let (title, body) = (
        words.say("hidden"),
        words.say(if tray {
            "hidden-tray"
        } else {
            "hidden-no-tray"
        }),
    );
    // Nothing else would say where the window went.
    if !show(app, title, body, None).await && !tray {
        app.dialog().message(body).title(title).show(|_| {});
    }
    settings::set(app, "hidden.told", "on").await;
}

/// False when the system shows no notifications.
#[cfg(target_os = "linux")]
async fn show(app: &AppHandle, title: &str, body: &str, item: Option<ItemId>) -> bool {
    let mut notification = notification(title, &escaped(body));
    notification.icon("shoal").action("default", title);
    let shown = match notification.show_async().await {
        Ok(shown) => shown,
        Err(error) => {
            tracing::warn!(%error, "the system shows no notifications");
            return false;
        }
    };
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let mut clicked = false;
        let answered = shown.wait_for_action_async(|answer: &notify_rust::NotificationResponse| {
            clicked = matches!(answer, notify_rust::NotificationResponse::Default);
        });
        // Whoever shows it may never say what became of it.
        let _ = tokio::time::timeout(CLICK_PATIENCE, answered).await;
        if clicked {
            window::show_item(&app, item);
        }
    });
    true
}

/// On Linux a body is markup, with links and pictures; a title is not.
#[cfg(target_os = "linux")]
fn escaped(body: &str) -> String {
    let body = body.replace('&', "&amp;");
    body.replace('<', "&lt;").replace('>', "&gt;")
}

/// How long after it was shown a click on a notification counts.
#[cfg(target_os = "linux")]
const CLICK_PATIENCE: std::time::Duration = std::time::Duration::from_hours(1);

#[cfg(not(target_os = "linux"))]
async fn show(_app: &AppHandle, title: &str, body: &str, _item: Option<ItemId>) -> bool {
    let notification = notification(title, body);
    let shown = tokio::task::spawn_blocking(move || notification.show()).await;
    matches!(shown, Ok(Ok(_)))
}

fn notification(title: &str, body: &str) -> Notification {
    let mut notification = Notification::new();
    notification.appname("Shoal").summary(title).body(body);
    notification
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_neither_markup_nor_another_name() {
        assert_eq!(plain("exe.\u{202e}gpj"), "exe.\u{fffd}gpj");
        #[cfg(target_os = "linux")]
        assert_eq!(
            escaped("<img src=\"x\"> & more"),
            "&lt;img src=\"x\"&gt; &amp; more"
        );
    }
}
