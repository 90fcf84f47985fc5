//! `shoal daemon`

use super::connect::{Connection, interrupted};
use super::{Context, OK, Outcome};

/// Run the engine without a window until stopped; other commands talk to it
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(Args {}: Args, context: &Context) -> Outcome {
    let connection = Connection::own(context).await?;
    let interrupted = interrupted();
    let ended = async {
        connection.say_ready(&context.out).await?;
        let pid = std::process::id();
        context.out.talk(&format!(
            "Shoal is running. Stop it with Ctrl-C, or with `kill {pid}`."
        ));
        interrupted.await;
        OK
    };
    let outcome = ended.await;
    connection.leave().await;
    outcome
}
