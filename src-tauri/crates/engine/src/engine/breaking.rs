//! Breaks parts of the engine when tests say so, to show what becomes of faults. Not in what people run.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use crate::items::Context;
use net::status::Part;

/// Names a file in which tests write which part is to break.
const BREAK: &str = "SHOAL_BREAK";
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn when_told(context: &Context, tasks: &mut JoinSet<()>) {
    let Some(file) = std::env::var_os(BREAK) else {
        return;
    };
    let context = context.clone();
    tasks.spawn(async move {
        let mut looks = interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let told = fs_err::read_to_string(&file).unwrap_or_default();
            if !told.is_empty() && fs_err::remove_file(&file).is_ok() {
                break_part(&context, &told).await;
            }
        }
    });
}

async fn break_part(context: &Context, part: &str) {
    let of_network = match part {
        "task" => Part::Task,
        "announcer" => Part::Announcer,
        "ports" => Part::Ports,
        part => return context.faults.tell_to_break(part),
    };
    if let Some(net) = &context.net {
        net.break_part(of_network).await;
    }
}
