//! The bounds that hold against peers, each with its unit and its reason.

use std::time::Duration;

/// Bytes of a message without its length: the specification's limit.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a block: the specification's limit.
pub const MAX_BLOCK_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a CID in binary form: Kubo's limit.
pub const MAX_CID_BYTES: usize = 168;
/// Wants kept for one peer, and wants read from one message: what Kubo and Helia keep.
pub const MAX_WANTLIST: usize = 1024;
/// Cancels read from one message. More than wants, since a peer may take back what we never kept.
pub const MAX_MESSAGE_CANCELS: usize = 4 * MAX_WANTLIST;
/// Presences read from one message: as many as we can have asked for, and room for stragglers.
pub const MAX_MESSAGE_PRESENCES: usize = 4 * MAX_WANTLIST;
/// Blocks read from one message. Kubo fills 16 KiB; at this number of the smallest blocks that
/// exist hashing takes a few milliseconds.
pub const MAX_MESSAGE_BLOCKS: usize = 8192;

/// Blocks up to this many bytes are copied into their message: another write would cost more than
/// the copy.
pub(crate) const COPIED_BLOCK_BYTES: usize = 16 * 1024;

/// A want-have is answered with the block itself up to this many bytes: the HAVE and the want that
/// follows would cost as much. Kubo and Helia do the same.
pub(crate) const HAVE_AS_BLOCK_BYTES: u32 = 1024;
/// Small blocks travel together until their message has this many bytes: a message costs some ten
/// microseconds, and a peer must read a message whole before it sees the first block.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;
/// Blocks in one message, for the reader's sake.
pub(crate) const BATCH_BLOCKS: usize = 512;
/// The longest that a block waits for others to travel with, should one of them be slow to read.
pub(crate) const BATCH_DELAY: Duration = Duration::from_millis(20);

/// Bytes being read or waiting to be written for one peer, at first. A block more may begin below
/// it.
pub(crate) const FIRST_PIPE_BYTES: u64 = 1024 * 1024;
/// The same for a peer that takes them fast: enough to keep disk, cipher and wire busy at once.
pub(crate) const MAX_PIPE_BYTES: u64 = 4 * 1024 * 1024;
/// The pipe holds what the peer takes in this time: what is in it can no longer be cancelled.
pub(crate) const PIPE_TIME: Duration = Duration::from_millis(250);
/// What a block in a pipe takes besides its bytes: its CID and its place in lists and message. Else a
/// peer that takes nothing could have millions of blocks of a byte wait for it.
pub(crate) const BLOCK_OVERHEAD: u64 = 256;
/// Bytes in the pipes of all peers together.
pub(crate) const MAX_PIPES_BYTES: u64 = 32 * 1024 * 1024;
/// When others wait for room in pipes, a peer that has taken nothing for this long is dropped, so that
/// they go on.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// And one that takes some, but not the next message in so long: it holds up others as much.
pub(crate) const SLOWEST_FRONT: Duration = Duration::from_secs(30);
/// How often such a peer is looked for.
pub(crate) const STALL_TICK: Duration = Duration::from_secs(1);
/// Blocks being read for one peer at a time. Small blocks reach it before they reach the bytes.
pub(crate) const MAX_READS: u64 = 256;
/// Blocks being read for all peers, those that have left included.
pub(crate) const MAX_ALL_READS: u64 = 4096;
/// Look-ups under way over all peers (one each): the index answers each in well under a
/// millisecond.
pub(crate) const MAX_LOOKUPS: u64 = 64;
/// How soon everything that peers wait for is looked up again after something was not here; twice as
/// long each time after that. A disk or a file that comes back does so within seconds or hours.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The longest such time: a thousand wants of a peer are looked up in some ten milliseconds.
pub(crate) const LOOK_AGAIN_MAX: Duration = Duration::from_mins(5);
/// The shortest, however often it is said that something may be here.
pub(crate) const LOOK_AGAIN_MIN: Duration = Duration::from_secs(1);
/// Wants of one peer, denied before, for which a block is read and hashed in such a round.
pub(crate) const FEELERS: usize = 8;
/// Wants in one look-up: one or two milliseconds, after which it is somebody else's turn.
pub(crate) const MAX_LOOKED_UP: usize = 256;
/// Bytes that a peer may be sent in one turn while others wait for theirs; up to twice as much for
/// a peer that gives us as much as it takes.
pub(crate) const TURN_BYTES: i64 = 1024 * 1024;

/// Streams on which one connection's peer may talk to us. Kubo opens a stream for each message,
/// from eight workers.
pub(crate) const MAX_INBOUND_STREAMS: usize = 32;
/// Bytes of large messages that one connection may hold: being read, being hashed, or waiting to be
/// taken. Two blocks of the usual largest size can be read while others are hashed, and the largest
/// message fits.
pub(crate) const INBOUND_BYTES: usize = 6 * 1024 * 1024;
/// Messages up to this size are hashed where they are read, which takes some twenty microseconds;
/// larger ones on threads of their own, so that the connection goes on decrypting.
pub(crate) const HASHED_IN_PLACE_BYTES: usize = 32 * 1024;
/// Time in which a large message has to come in: this long, and longer by its bytes. Slower than a
/// modem nobody fetches anything.
pub(crate) const MESSAGE_TIME: Duration = Duration::from_secs(30);
pub(crate) const SLOWEST_BYTES_PER_SEC: u32 = 4096;
/// The longest that a large message waits for others of its connection, before it is read.
pub(crate) const BUDGET_TIME: Duration = Duration::from_mins(2);
/// A message that is not here after this long is suspect, if nothing was asked of its peer. What one
/// says of itself is small, and here at once.
pub(crate) const SUSPECT_AFTER: Duration = Duration::from_secs(10);
/// Bytes of unfinished messages of all peers of whom nothing was asked.
pub(crate) const MAX_UNFINISHED_BYTES: u64 = 64 * 1024 * 1024;
/// The same of all others: several times what is ever asked for at a time, since what waits to be read
/// counts as a whole message each.
pub(crate) const TOO_MANY_UNFINISHED_BYTES: u64 = 256 * 1024 * 1024;
/// Wants, presences and blocks that one network may bring each second, and ahead of time; and all
/// networks that bring much. Well above what the fastest honest peer says with blocks of a few
/// bytes; at this rate unknown wants take most of a processor's core, look-ups included.
pub(crate) const INBOUND_ENTRIES_PER_SEC: u32 = 100_000;
pub(crate) const INBOUND_AHEAD: Duration = Duration::from_secs(1);
/// Who is ahead by this much brings much.
pub(crate) const INBOUND_MUCH: Duration = Duration::from_millis(250);
/// Presences that wait for a peer to read them: twice as many as it can have asked for at a time, some
/// 170 bytes each. More are dropped: a peer that asks without listening must not fill our memory.
pub(crate) const MAX_WAITING_PRESENCES: usize = 2 * MAX_WANTLIST;
/// A stream that takes no byte for this long is stuck, and its connection is closed.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(30);
/// How often it is told that a stream takes bytes.
pub(crate) const PROGRESS_TICK: Duration = Duration::from_secs(1);
/// Times in a row that a stream may fail before its connection is given up.
pub(crate) const MAX_STREAM_FAILURES: u32 = 3;
/// Under an upload limit bytes are written in pieces of this size, and may be this far ahead of
/// time.
pub(crate) const PACED_PIECE_BYTES: usize = 16 * 1024;
pub(crate) const PACED_AHEAD: Duration = Duration::from_millis(20);
