//! Watches over the network: when something in it breaks, which is a fault of ours, it is built
//! anew with what outlives it. Whoever holds a session, or the handle, notices a pause.
//!
//! The pauses before it begins anew grow up to a minute where it breaks again and again.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bitswap::pace::Backoff;
use futures::FutureExt;
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::Network;
use crate::address::DialPolicy;
use crate::commands::Command;
use crate::connections::bans::Bans;
use crate::devices::News;
use crate::exchange::Open;
use crate::memory::Memory;
use crate::meter::Meter;
use crate::status::{Fault, Part, Summary};
use crate::{Blocks, Config, NetError};

/// Before it begins anew the first time: its sockets are closed by then.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A network that ran for so long may break once more without a longer pause.
const STEADY: Duration = Duration::from_mins(10);
/// Characters kept of what a fault says.
const MAX_FAULT_CHARS: usize = 200;

/// What outlives a network that broke.
pub(crate) struct Lasting {
    pub(super) config: Config,
    pub(super) identity: Keypair,
    pub(super) policy: DialPolicy,
    pub(super) memory: Memory,
    pub(super) meter: Meter,
    /// Whoever keeps the blocks, asked by another channel each time: answers to what was asked by a
    /// network that broke are nobody's.
    pub(super) blocks: Box<dyn Fn() -> Blocks + Send>,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Other keys may be to be announced.
    pub(super) announcements: Arc<Notify>,
    pub(super) summary: watch::Sender<Summary>,
    /// Who is told what devices ask.
    pub(super) devices: Option<mpsc::Sender<News>>,
    pub(super) open: Open,
    pub(super) bans: Bans,
    /// Where it listened.
    pub(super) listened: Vec<Multiaddr>,
    pub(super) fault: Option<Fault>,
}

impl Lasting {
    /// Of a network that never ran, with what its handle needs of it.
    pub(crate) fn new(
        config: Config,
        identity: Keypair,
        policy: DialPolicy,
        memory: Memory,
        meter: Meter,
        blocks: Box<dyn Fn() -> Blocks + Send>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            config,
            identity,
            policy,
            memory,
            meter,
            blocks,
            commands,
            announcements: Arc::default(),
            summary: watch::Sender::default(),
            devices: None,
            open: Open::default(),
            bans: Bans::default(),
            listened: Vec::new(),
            fault: None,
        }
    }

    pub(crate) fn announcements(&self) -> Arc<Notify> {
        Arc::clone(&self.announcements)
    }

    pub(crate) fn summary(&self) -> watch::Receiver<Summary> {
        self.summary.subscribe()
    }

    fn broke(&mut self, part: Part, words: &str) {
        let times = self.fault.as_ref().map_or(0, |fault| fault.times);
        self.fault = Some(Fault {
            at: SystemTime::now(),
            part,
            words: words.to_owned(),
            times: times.saturating_add(1),
        });
        self.summary.send_replace(Summary::default());
    }

    /// Listens to nobody but those who can do without a network. Says whether it is to go on after
    /// that.
    async fn pause(&mut self, pause: Duration) -> bool {
        let listen = async {
            while let Some(command) = self.commands.recv().await {
                match command {
                    Command::Shutdown { reply } => {
                        let _ = reply.send(());
                        return;
                    }
                    Command::Configure(config) => self.config = *config,
                    Command::SetLimits { upload, download } => {
                        let limits = &mut self.config.limits;
                        (limits.upload, limits.download) = (upload, download);
                    }
                    Command::OpenSession { root, hints, reply } => {
                        let opened = self.open.open(root, hints);
                        let opened = opened.map(|(_, session)| session);
                        let _ = reply.send(opened.ok_or(NetError::TooManySessions));
                    }
                    // Whoever waits for an answer hears that there is none now.
                    _ => {}
                }
            }
        };
        timeout(pause, listen).await.is_err()
    }
}

/// Why a network ended.
pub(super) enum End {
    Shutdown(oneshot::Sender<()>),
    /// Nobody holds a handle on it.
    Abandoned,
    Broken(Part),
}

/// Runs the network until it is shut down.
pub(crate) async fn supervise(mut network: Box<Network>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let began = Instant::now();
        let run = AssertUnwindSafe(network.run()).catch_unwind();
        let (part, words) = match run.await {
            Ok(End::Shutdown(reply)) => {
                Box::pin(network.shut_down()).await;
                let _ = reply.send(());
                return;
            }
            Ok(End::Abandoned) => return,
            Ok(End::Broken(part)) => (part, "it ended".to_owned()),
            Err(panic) => (Part::Task, words(panic.as_ref())),
        };
        tracing::error!(?part, ?words, "the network broke, and is started again");
        if began.elapsed() >= STEADY {
            backoff.reset();
        }
        let mut lasting = network.end();
        lasting.broke(part, &words);
        match restart(lasting, &mut backoff).await {
            Some(again) => network = again,
            None => return,
        }
    }
}

/// `None`: it was shut down meanwhile.
async fn restart(mut lasting: Lasting, backoff: &mut Backoff) -> Option<Box<Network>> {
    loop {
        let pause = backoff.pause();
        backoff.grow();
        if !lasting.pause(pause).await {
            return None;
        }
        match Box::pin(Network::start(lasting)).await {
            Ok(network) => {
                tracing::info!("the network runs again");
                return Some(network);
            }
            Err(failed) => {
                tracing::error!(error = %failed.error, "the network can't be started again yet");
                lasting = failed.lasting;
            }
        }
    }
}

/// What a panic says, in no more than 200 characters.
pub fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a panic without a word");
    text.chars().take(MAX_FAULT_CHARS).collect()
}

/// A network that didn't come about, with what it was to be made of.
pub(crate) struct Failed {
    pub(crate) error: NetError,
    lasting: Lasting,
}

impl Failed {
    pub(super) fn new(error: NetError, lasting: Lasting) -> Box<Self> {
        Box::new(Self { error, lasting })
    }
}
