//! Text to and from the system's clipboard.

use arboard::Clipboard;
use engine::api::Problem;
use parking_lot::Mutex;

use crate::api::problem;

/// Kept for as long as the process lasts: on Linux the program that copied a text hands it out itself.
static CLIPBOARD: Mutex<Option<Clipboard>> = Mutex::new(None);

pub(super) async fn write(text: String) -> Result<(), Problem> {
    with(move |clipboard| clipboard.set_text(text)).await
}

/// `None` when there is no text in it.
pub(super) async fn read() -> Option<String> {
    with(Clipboard::get_text).await.ok()
}

async fn with<T: Send + 'static>(
    work: impl FnOnce(&mut Clipboard) -> Result<T, arboard::Error> + Send + 'static,
) -> Result<T, Problem> {
    let worked = tokio::task::spawn_blocking(move || {
        let mut clipboard = CLIPBOARD.lock();
        let clipboard = match &mut *clipboard {
            Some(open) => open,
            closed => closed.insert(Clipboard::new()?),
        };
        work(clipboard)
    });
    match worked.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(problem::clipboard(&error)),
        Err(error) => Err(problem::clipboard(&error)),
    }
}
