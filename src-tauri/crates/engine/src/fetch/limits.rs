//! What a download takes at most: every bound on what strangers and machines can make grow, with
//! unit and reason.

/// Blocks asked for at a time by one download. At 256 KiB a block that is 512 MiB ahead, more than
/// any link holds in flight; and the order within it is free, so that downloaders of one item get
/// different blocks and can feed each other.
pub(crate) const MAX_ASKED: usize = 2048;

/// Blocks with links asked for at a time, as far as they are known to have links.
pub(crate) const MAX_ASKED_NODES: usize = 256;

/// Bytes of a tree up to which it is taken for one block: Kubo's leaf, and the smallest of customary ones.
pub(crate) const ONE_BLOCK_BYTES: u32 = 256 * 1024;

/// Blocks asked for beyond [`MAX_ASKED`], so that what is looked at doesn't wait for a place.
pub(crate) const MAX_ASKED_HEAD: usize = 64;

/// Bytes of memory in blocks with links that have arrived and are not yet worked off, as an
/// estimate. A link takes about 250 bytes: enough for the inner nodes of 60 GiB in 1 MiB blocks.
pub(crate) const MAX_READY_BYTES: usize = 16 * 1024 * 1024;

/// Folders in folders. A path of the operating system has 4,096 bytes at most.
pub(crate) const MAX_FOLDER_DEPTH: u32 = 512;

/// Files and folders of one item. Above this it is no folder but an attack: a few blocks that
/// repeat each other unfold to any number of entries.
pub(crate) const MAX_ENTRIES: u64 = 10_000_000;

/// Files and folders, and bytes, up to which nobody is asked whether an item may unfold to more than
/// came for it.
pub(crate) const ASK_ENTRIES: u64 = 100_000;
pub(crate) const ASK_BYTES: u64 = 1 << 30;

/// Beyond those, how many times as much an item may unfold to as bytes of different blocks came.
pub(crate) const ASK_RATIO: u64 = 100;

/// Bytes that an entry counts for in that: the link that names one takes 11 at least, so that the
/// largest folder of empty files stays within the ratio.
pub(crate) const ENTRY_BYTES: u64 = 1024;

/// Steps of a plan that wait to be carried out: of those that need no block there may be as many as a
/// node has links.
pub(crate) const MAX_STEPS: usize = 1024;

/// Bytes of blocks that are kept although their content is in the item's files, or that no file or folder
/// needs so large: leaves in frames of other software, and padding. A share of what the item holds comes
/// to it. Beyond, blocks are used, but neither kept nor given to others.
pub(crate) const MAX_SPARE_BYTES: u64 = 64 * 1024 * 1024;
pub(crate) const SPARE_SHARE: u64 = 20;

/// Bytes of a symlink's target: what Linux takes.
pub(crate) const MAX_TARGET_BYTES: usize = 4095;

/// Wishes for single entries of one folder up to which a sharded folder is looked up by hash; with
/// more, all of it is read.
pub(crate) const MAX_SHARD_WISHES: usize = 256;

/// Files that one download holds open for writing. The usual limit of a process is 1,024.
pub(crate) const MAX_OPEN_FILES: usize = 64;

/// Bytes written, and kept in memory for the record, that wait for one sync. What a loss of power
/// costs at most.
pub(crate) const MAX_GROUP_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of inner nodes that wait for one record: they are held in memory.
pub(crate) const MAX_GROUP_KEPT: usize = 8 * 1024 * 1024;

/// Blocks in one record: about a tenth of a second of the index's time.
pub(crate) const MAX_GROUP_BLOCKS: usize = 4096;

/// Written parts that wait for the sync. Blocks are written by then: this bounds numbers, not
/// bytes.
pub(crate) const SYNC_QUEUE: usize = 4096;

/// Blocks that wait for the planner. The session's byte budget bounds them too.
pub(crate) const BLOCK_QUEUE: usize = 64;

/// What the worker of a download has to say to the network, waiting.
pub(crate) const COMMAND_QUEUE: usize = 256;

/// Levels of an item's tree on export: folders as deep as may be, each of the deepest shards, and a
/// file.
pub(crate) const MAX_CAR_DEPTH: usize = 16 * MAX_FOLDER_DEPTH as usize;

/// Blocks of a CAR: each takes 16 bytes of memory while it is imported. In 256 KiB blocks that is
/// 4 TiB.
pub(crate) const MAX_CAR_BLOCKS: usize = 16 * 1024 * 1024;

/// Blocks of a CAR under one hash that are looked at until one is what it says.
pub(crate) const MAX_CAR_COPIES: usize = 16;

/// Items out of one CAR: a header has room for 25,000 roots.
pub(crate) const MAX_CAR_ROOTS: usize = 100;

/// Places in a download that are looked at and come first: a player reads at two or three, the
/// oldest are forgotten.
pub(crate) const MAX_HEADS: usize = 4;

/// Files of a download that are named as missing; more are counted.
pub(crate) const MAX_NAMED: usize = 100;

/// Blocks of a download that readers wait for.
pub(crate) const MAX_BLOCK_WAITS: usize = 256;
