//! Which engine a command wants: any, one with a network, its own, or only one that runs already.

use engine::EngineError;
use engine::api::Problem;
use engine::paths::DataDirError;

use super::Context;
use super::event::Event;
use super::problem;
use super::render::Output;
use crate::api::{Hello, HelloRequest};
use crate::connect::Asked;

pub(super) use crate::connect::Connection;
pub(super) use crate::interrupt::interrupted;

impl Connection {
    /// For commands about what is there: they need no network, and no daemon.
    pub(super) async fn any(context: &Context) -> Result<Self, Problem> {
        Self::find_or(context, false).await
    }

    /// For commands that fetch or share.
    pub(super) async fn online(context: &Context) -> Result<Self, Problem> {
        Self::find_or(context, true).await
    }

    /// For the daemon: an engine that runs already is a problem.
    pub(super) async fn own(context: &Context) -> Result<Self, Problem> {
        let connection = Self::find_or(context, true).await?;
        if connection.is_ours() {
            return Ok(connection);
        }
        let taken = DataDirError::InUse(context.data_dir.clone());
        Err(EngineError::from(taken).problem())
    }

    /// For commands that make no sense without a running engine: `what` they would show.
    pub(super) async fn running(context: &Context, what: &str) -> Result<Self, Problem> {
        let found = Self::find(&context.data_dir).await?;
        found.ok_or_else(|| problem::no_engine(what))
    }

    async fn find_or(context: &Context, network: bool) -> Result<Self, Problem> {
        let connection = Self::find_or_start(&context.data_dir, network).await?;
        for remark in &connection.remarks {
            context.out.remark(remark)?;
        }
        Ok(connection)
    }

    /// Tells who we are, where the engine is ours and has a network.
    pub(super) async fn say_ready(&self, out: &Output) -> Result<(), Problem> {
        if let Asked::Foreground(_) = self.asked {
            let Hello {
                peer_id, listen, ..
            } = self.call(HelloRequest).await?;
            out.event(&Event::Ready { peer_id, listen })?;
        }
        Ok(())
    }

    /// Ends what this process began. A second Ctrl-C doesn't wait for that: what was synced is safe however the process
    /// ends.
    pub(super) async fn leave(self) {
        tokio::select! {
            () = self.close() => {}
            () = interrupted() => {}
        }
    }
}
