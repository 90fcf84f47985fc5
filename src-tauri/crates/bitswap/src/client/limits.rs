//! The client's numbers, each with its unit and its reason.

use std::time::Duration;

/// Entries in our wantlist at one peer. Kubo and Helia keep no more and silently drop the rest.
pub(super) const MAX_WANTLIST: usize = 1024;
/// Blocks asked of one peer at a time, in entries: leaves the rest of [`MAX_WANTLIST`] to
/// want-haves.
pub(super) const MAX_ASKED: usize = 384;
/// Entries in one message: some 50 bytes each keep a message near 16 KiB, Kubo's own target.
pub(super) const MAX_ENTRIES_PER_MESSAGE: usize = 320;
/// Wants under way in a session when some of its peers hold only a part: each costs one want-have
/// at each of those peers. 1 MiB blocks: half a GiB in which downloaders can feed each other.
pub(super) const WINDOW_SHARED: usize = 512;
/// Wants under way beyond those already asked for when every peer of a session has everything.
/// Blocks are drawn from it at random, so that downloaders that have not yet met rarely ask a seed
/// for the same block.
pub(super) const WINDOW_AHEAD: usize = 128;
/// Want-haves that look beyond the window at a peer that has nothing in it.
pub(super) const EXPLORE_BATCH: usize = 96;
/// First pause between two such looks: some round trips.
pub(super) const EXPLORE_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause between two such looks, when none finds anything.
pub(super) const EXPLORE_PAUSE_MAX: Duration = Duration::from_secs(20);

/// Peers of one session: each may cost a want-have and a cancel for every block.
pub(super) const MAX_MEMBERS: usize = 256;
/// A new want waits at most this long for the word of partial holders before a busy complete source
/// is asked for it: their round trip, and the time in which want-haves gather.
pub(super) const HEARING: Duration = Duration::from_millis(150);

/// Peers outside a session that are asked whether they have its first blocks: a broadcast of
/// want-haves, kept small.
pub(super) const MAX_PROBED: usize = 96;
/// Blocks that such a peer is asked about: the root and some more, so that a fellow downloader's
/// first blocks tell.
pub(super) const PROBES_PER_PEER: usize = 8;
/// Providers remembered for a session until they can be dialled.
pub(super) const MAX_CANDIDATES: usize = 64;
/// Dials that a session waits for at a time.
pub(super) const MAX_DIALS: usize = 8;
/// After this long a dial without an answer counts as failed.
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A session with a connected source waits this long before it looks for more of them, as Kubo
/// does.
pub(super) const SEARCH_DELAY: Duration = Duration::from_secs(1);
/// First pause between two searches; doubled each time that nothing was received in between.
pub(super) const SEARCH_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause between two searches.
pub(super) const SEARCH_PAUSE_MAX: Duration = Duration::from_mins(10);
/// A session with this many peers looks for no more of them while blocks arrive.
pub(super) const ENOUGH_MEMBERS: usize = 4;

/// Expected bytes of a block whose size nobody told: Kubo's usual leaf.
pub(super) const DEFAULT_BLOCK: u32 = 256 * 1024;
/// No block is expected to be smaller, whatever those before it were: all a peer is asked for at a time stays bounded.
pub(super) const MIN_USUAL: u32 = 1024;
/// Bytes asked of a peer whose rate is not yet known.
pub(super) const FIRST_WINDOW: u64 = 2 * 1024 * 1024;
/// A peer's window covers its round trip and this much queue: enough to survive a busy scheduler or
/// a rate limiter's ticks, little enough that a slow peer never hoards.
pub(super) const QUEUE_TIME: Duration = Duration::from_millis(150);
/// A round trip above this does not widen the window: it is a queue, not a distance.
pub(super) const MAX_USEFUL_RTT: Duration = Duration::from_millis(400);
/// Shortest time over which a rate is measured.
pub(super) const MIN_ROUND: Duration = Duration::from_millis(10);
/// A second block is asked of a peer beyond its window only if both drain in this time.
pub(super) const MAX_DRAIN: Duration = Duration::from_secs(2);
/// The lowest round trip is measured again over this time, since routes change.
pub(super) const RTT_MEMORY: Duration = Duration::from_secs(10);

/// A peer that delivers nothing for this long (longer if its rate says so) while blocks are asked
/// of it is stalled.
pub(super) const STALL_MIN: Duration = Duration::from_secs(4);
/// No stall takes longer to see than this: Bitswap's customary rebroadcast interval.
pub(super) const STALL_MAX: Duration = Duration::from_mins(1);
/// What the only source of a block is asked for again after this much silence: Kubo forgets wants
/// when many come at once.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(4);
/// Entries with which those who said no are asked again, whenever a session that waits for nothing
/// else looks for providers: some 200 KB.
pub(super) const MAX_ASKED_AGAIN: usize = 4096;
/// Pause in which a stalled peer is asked for nothing; doubled with each stall in a row.
pub(super) const PENALTY: Duration = Duration::from_secs(2);
/// Longest such pause: a peer that only had a bad minute is soon of use again.
pub(super) const PENALTY_MAX: Duration = Duration::from_secs(64);
/// A peer that did not send a block which it said it has, or one without presences that did not send
/// it in time, is asked for that block again after this.
pub(super) const RETRY_REFUSED: Duration = Duration::from_mins(1);
/// How often waiting decisions (leave it to its owner? take it over?) are looked at again.
pub(super) const TICK: Duration = Duration::from_millis(50);
/// Want-haves and cancels wait this long for company, so that messages are few.
pub(super) const GATHER: Duration = Duration::from_millis(10);
/// With this few blocks missing, one may be asked of two peers.
pub(super) const ENDGAME: usize = 4;

/// Blocks asked of one gateway at a time. Web servers count requests, and a browser sends no more
/// than this many to one.
pub(super) const GATEWAY_ASKED: usize = 12;
/// The same while peers deliver the session's blocks: enough to help, little enough that the peers
/// carry the most.
pub(super) const GATEWAY_ASKED_BESIDE_PEERS: usize = 3;
/// A gateway that refused so many blocks in a row does not have the session's content.
pub(super) const GATEWAY_REFUSALS: usize = 8;

/// Blocks in a row that a peer may say it has and then not give before it is paused.
pub(super) const FORGIVEN_BREACHES: u32 = 4;
/// How long a peer that sent other bytes for a block is not asked for it again; doubled each time
/// that it does. Whoever mends a disk or gets the block anew takes minutes for it at least.
pub(super) const SPOILT: Duration = Duration::from_mins(10);
/// The longest such time.
pub(super) const SPOILT_MAX: Duration = Duration::from_hours(6);
/// Blocks of which it is remembered that some peer has other bytes for them.
pub(super) const MAX_SPOILT: usize = 4096;
/// How long a block may still be on its way that is asked for no more.
pub(super) const LATE: Duration = Duration::from_mins(1);
/// Blocks of which a peer is forgiven that they come late, and wrong bytes that count once. More
/// than can be asked of a peer at a time.
pub(super) const MAX_LATE: usize = 4096;
pub(super) const MAX_WRONG: usize = 64;
/// Strikes after which a peer is reported.
pub(super) const MAX_STRIKES: f32 = 10.0;
/// Presences about blocks we did not ask for that are forgiven: answers that crossed a cancel.
pub(super) const FORGIVEN_PRESENCES: u32 = 2048;
