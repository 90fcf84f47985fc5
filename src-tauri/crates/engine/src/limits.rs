//! The engine's limits: what strangers, links and machines can make it hold. Each says its unit and its reason.

use std::ops::RangeInclusive;

// Links.

/// Bytes of a link. Chats cut longer ones; ours stay under 2 KiB.
pub(crate) const MAX_LINK_BYTES: usize = 16 * 1024;
/// Provider hints read from a link: each is a dial.
pub(crate) const MAX_LINK_PROVIDERS: usize = 32;

// Network.

/// Streams of one connection, both ways. Kubo opens about 10 for each peer; each may fill 256 KiB before we read it.
pub(crate) const MAX_CONNECTION_STREAMS: usize = 128;
/// Bytes that a peer may send on one connection before we read them: 256 KiB for each stream, and 16 MiB for the fast
/// ones, which fills 1 Gbit/s over 130 ms.
pub(crate) const MAX_CONNECTION_WINDOW: usize =
    MAX_CONNECTION_STREAMS * 256 * 1024 + 16 * 1024 * 1024;
/// Streams of one connection that a peer has opened and we haven't begun to read.
pub(crate) const MAX_WAITING_STREAMS: usize = 32;
/// Networks of this machine whose private addresses may be dialled. Hosts of many containers have dozens.
pub(crate) const MAX_LOCAL_NETWORKS: usize = 256;

/// Provider records that we keep for the DHT: some 300 bytes each, 10 MB in all.
pub(crate) const MAX_PROVIDER_RECORDS: usize = 32 * 1024;
/// Providers that we keep for one key: as many as an answer holds (the DHT's replication factor).
pub(crate) const MAX_PROVIDERS_PER_KEY: usize = 20;
/// Keys that we keep of one provider, so that no single peer takes all places.
pub(crate) const MAX_KEYS_PER_PROVIDER: usize = 1024;
/// Bytes of a provider record's key: go-libp2p's limit. A multihash of 64 bytes fits.
pub(crate) const MAX_PROVIDER_KEY_BYTES: usize = 80;
/// Addresses kept of one peer, from whatever source. Honest peers have fewer; some have shown thousands.
pub(crate) const MAX_PEER_ADDRESSES: usize = 16;

/// Connections in all. Home routers drop mappings from some thousand on; Kubo keeps 32 to 96.
pub(crate) const MAX_CONNECTIONS: u32 = 256;
/// Connections that others opened: leaves room to open our own.
pub(crate) const MAX_INBOUND_CONNECTIONS: u32 = 160;
/// Connections with one peer: TCP and QUIC opened from both sides at once.
pub(crate) const MAX_CONNECTIONS_PER_PEER: u32 = 4;
/// Connections being opened, each way. A handshake costs about a millisecond of one core.
pub(crate) const MAX_PENDING_CONNECTIONS: u32 = 64;
/// Bytes of physical memory above which no connection is accepted or opened any more.
pub(crate) const MAX_MEMORY_BYTES: usize = 1024 * 1024 * 1024;
/// Requests that wait for the swarm: whoever sends more waits.
pub(crate) const WAITING_COMMANDS: usize = 256;
/// Peers kept away for breaking the rules; the oldest is forgiven for the next.
pub(crate) const MAX_BLOCKED_PEERS: usize = 1024;

/// Sessions open at a time: downloads, listings and previews. Each search costs DHT queries.
pub(crate) const MAX_SESSIONS: usize = 256;
/// Dials under way for sessions.
pub(crate) const MAX_DIALS: usize = 16;
/// Dials of sessions that wait for a free place; more are dropped, the next search brings them back.
pub(crate) const MAX_WAITING_DIALS: usize = 256;
/// Providers that are enough for one search of the DHT.
pub(crate) const ENOUGH_PROVIDERS: usize = 20;
/// Providers without an address that one search looks up in the DHT.
pub(crate) const MAX_ADDRESS_SEARCHES: usize = 4;
/// Peers of the local network that are remembered from mDNS.
pub(crate) const MAX_LAN_PEERS: usize = 64;
/// Events that wait for a session's reader. Blocks beyond it wait too, bounded by Bitswap's byte budget.
pub(crate) const SESSION_EVENTS: usize = 1024;
/// Peers counted as sources of one session.
pub(crate) const MAX_SESSION_SOURCES: usize = 256;
/// Keys announced at a time: each is a DHT query that talks to some 30 peers.
pub(crate) const ANNOUNCES_AT_A_TIME: usize = 4;

/// Questions that wait for the threads that serve blocks, and answers that wait for the swarm: blocks of up to 2 MiB, but
/// no more than Bitswap's server has room for.
pub(crate) const SERVE_QUEUE: usize = 64;
/// Threads that read blocks for others, by the number of cores.
pub(crate) const SERVE_THREADS: RangeInclusive<usize> = 2..=4;
