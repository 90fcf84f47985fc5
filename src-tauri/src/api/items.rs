//! Calls about items: the list, what is added to it and taken from it, what is done with what is there.

use std::path::PathBuf;

use engine::Engine;
use engine::api::{
    Action, CarView, DownloadRequest, ItemId, ItemView, LibraryRequest, LibraryView, LinkView,
    Problem, Removed, Report, ShareRequest,
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use ts_rs::TS;

use super::Call;
use super::problem::told;

impl Call for LibraryRequest {
    const NAME: &'static str = "library";
    const ONLY_WAITS: bool = true;
    type Answer = LibraryView;

    async fn run(self, engine: &Engine) -> Result<LibraryView, Problem> {
        Ok(engine.library(&self).await)
    }
}

/// Every item.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ItemsRequest;

impl Call for ItemsRequest {
    const NAME: &'static str = "items";
    type Answer = Vec<ItemView>;

    async fn run(self, engine: &Engine) -> Result<Vec<ItemView>, Problem> {
        Ok(engine.items())
    }
}

/// About one item.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
#[ts(rename = "OfItem")]
pub(crate) struct ItemRequest {
    pub(crate) id: ItemId,
}

impl Call for ItemRequest {
    const NAME: &'static str = "item";
    type Answer = ItemView;

    async fn run(self, engine: &Engine) -> Result<ItemView, Problem> {
        engine.item(self.id).map_err(told)
    }
}

/// About one item.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
#[ts(rename = "OfItem")]
pub(crate) struct ReportRequest {
    pub(crate) id: ItemId,
}

impl Call for ReportRequest {
    const NAME: &'static str = "report";
    type Answer = Report;

    async fn run(self, engine: &Engine) -> Result<Report, Problem> {
        engine.report(self.id).await.map_err(told)
    }
}

/// About one item.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
#[ts(rename = "OfItem")]
pub(crate) struct LinkRequest {
    pub(crate) id: ItemId,
}

impl Call for LinkRequest {
    const NAME: &'static str = "link";
    type Answer = LinkView;

    async fn run(self, engine: &Engine) -> Result<LinkView, Problem> {
        engine.links(self.id).await.map_err(told)
    }
}

impl Call for ShareRequest {
    const NAME: &'static str = "share";
    type Answer = ItemId;

    async fn run(self, engine: &Engine) -> Result<ItemId, Problem> {
        engine.share(self).await.map_err(told)
    }
}

impl Call for DownloadRequest {
    const NAME: &'static str = "download";
    type Answer = ItemId;

    async fn run(self, engine: &Engine) -> Result<ItemId, Problem> {
        engine.download(self).await.map_err(told)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct ActRequest {
    pub(crate) ids: Vec<ItemId>,
    pub(crate) action: Action,
}

impl Call for ActRequest {
    const NAME: &'static str = "act";
    type Answer = ();

    /// Does it with each; what goes wrong with one doesn't keep the others from it.
    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        // At once, as a pause waits until files are let go of.
        let mut acts = JoinSet::new();
        for id in self.ids {
            let engine = engine.clone();
            acts.spawn(async move { engine.act(id, self.action).await });
        }
        let mut outcome = Ok(());
        while let Some(done) = acts.join_next().await {
            outcome = outcome.and(done.unwrap_or(Ok(())));
        }
        outcome.map_err(told)
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct ActAllRequest {
    #[ts(inline)]
    pub(crate) action: AllAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AllAction {
    Pause,
    Resume,
}

impl Call for ActAllRequest {
    const NAME: &'static str = "act-all";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        let pause = self.action == AllAction::Pause;
        engine.pause_all(pause).await.map_err(told)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct RemoveRequest {
    pub(crate) ids: Vec<ItemId>,
    pub(crate) delete_files: bool,
}

impl Call for RemoveRequest {
    const NAME: &'static str = "remove";
    type Answer = Removed;

    /// Removes each; what goes wrong with one doesn't keep the others.
    async fn run(self, engine: &Engine) -> Result<Removed, Problem> {
        let mut all = Removed::default();
        let mut outcome = Ok(());
        for id in self.ids {
            match engine.remove(id, self.delete_files).await {
                Ok(removed) => {
                    all.kept.extend(removed.kept);
                    all.count += removed.count;
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome.map(|()| all).map_err(told)
    }
}

/// What others see it called from now on.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct RenameRequest {
    pub(crate) id: ItemId,
    pub(crate) name: String,
}

impl Call for RenameRequest {
    const NAME: &'static str = "rename";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        let renamed = engine.rename(self.id, &self.name).await;
        renamed.map_err(told)
    }
}

/// Take the content of a CAR file in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ImportCarRequest {
    #[serde(with = "engine::api::path::one")]
    pub(crate) path: PathBuf,
}

impl Call for ImportCarRequest {
    const NAME: &'static str = "import-car";
    type Answer = CarView;

    async fn run(self, engine: &Engine) -> Result<CarView, Problem> {
        engine.import_car(&self.path).await.map_err(told)
    }
}

/// Write an item's blocks to a CAR file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ExportCarRequest {
    pub(crate) id: ItemId,
    #[serde(with = "engine::api::path::one")]
    pub(crate) path: PathBuf,
}

impl Call for ExportCarRequest {
    const NAME: &'static str = "export-car";
    /// The bytes written.
    type Answer = u64;

    async fn run(self, engine: &Engine) -> Result<u64, Problem> {
        engine.export_car(self.id, &self.path).await.map_err(told)
    }
}
