//! The network's limits: what strangers and machines can make it hold. Each says its unit and its
//! reason.

use std::ops::RangeInclusive;
use std::time::Duration;

// Links.

/// Addresses of a link, or of any other hint, at which a session looks: each is a dial.
pub const MAX_HINTS: usize = 32;
/// Provider hints written into a link: two for everybody, or over relays, and two for people on
/// this network. More make it unhandy and help little.
pub(crate) const LINK_PROVIDERS: usize = 4;

// Connections.

/// Streams of one connection, both ways. Kubo opens about 10 for each peer; each may fill 256 KiB
/// before we read it.
pub(crate) const MAX_CONNECTION_STREAMS: usize = 64;
/// Bytes that a peer may send on one connection over TCP before we read them: 256 KiB for each
/// stream, and 16 MiB for the fast ones, which fills 1 Gbit/s over 130 ms.
pub(crate) const MAX_CONNECTION_WINDOW: usize =
    MAX_CONNECTION_STREAMS * 256 * 1024 + 16 * 1024 * 1024;
/// The same over QUIC, whose windows don't grow with use: a stranger has all of it at once. It fills
/// 1 Gbit/s over 50 ms.
pub(crate) const MAX_QUIC_WINDOW: usize = 6 * 1024 * 1024;
/// Streams of one connection that a peer has opened and we haven't begun to read.
pub(crate) const MAX_WAITING_STREAMS: usize = 32;
/// Networks of this machine whose private addresses may be dialled. Hosts of many containers have
/// dozens.
pub(crate) const MAX_LOCAL_NETWORKS: usize = 256;

/// Messages of the DHT in a second that are looked at: of one peer, of those who came from one
/// network, and of all who came. Each costs some 50 µs. Who announces a great many files sends
/// hundreds.
pub(crate) const DHT_MESSAGES_OF_PEER_A_SECOND: u32 = 200;
pub(crate) const DHT_MESSAGES_OF_NETWORK_A_SECOND: u32 = 400;
pub(crate) const DHT_MESSAGES_A_SECOND: u32 = 4_000;
/// Messages beyond that which wait for their turn, of up to 16 KiB each: as many of one connection as a
/// peer has questions under way, and of all.
pub(crate) const MAX_WAITING_DHT_MESSAGES_OF_CONNECTION: usize = 32;
pub(crate) const MAX_WAITING_DHT_MESSAGES: usize = 1024;
/// Provider records that we keep for the DHT: some 300 bytes each, 10 MB in all.
pub(crate) const MAX_PROVIDER_RECORDS: usize = 32 * 1024;
/// Providers that we keep for one key: as many as an answer holds (the DHT's replication factor).
pub(crate) const MAX_PROVIDERS_PER_KEY: usize = 20;
/// Keys that we keep of one provider, so that no single peer takes all places.
pub(crate) const MAX_KEYS_PER_PROVIDER: usize = 1024;
/// Bytes of a provider record's key: go-libp2p's limit. A multihash of 64 bytes fits.
pub(crate) const MAX_PROVIDER_KEY_BYTES: usize = 80;
/// Addresses kept of one peer, from whatever source. Honest peers have fewer; some have shown
/// thousands.
pub(crate) const MAX_PEER_ADDRESSES: usize = 16;

/// Connections in all that a person may choose. Home routers drop mappings from some thousand on;
/// Kubo keeps 32 to 96.
pub const CONNECTIONS: RangeInclusive<u32> = 16..=2000;
/// Eighths of them that others may open: leaves room to open our own.
pub(crate) const INBOUND_EIGHTHS: u32 = 5;
/// Connections that others opened from one network, as a person may choose. As shipped about a
/// tenth of what all may open.
pub const CONNECTIONS_OF_NETWORK: RangeInclusive<u32> = 1..=256;
/// Connections that a network always gets, however few places are left: a person's own, over TCP and
/// QUIC.
pub(crate) const SMALLEST_SHARE: u32 = 2;
/// Handshakes of one network at a time, and a quarter of its connections where that is more: each is
/// over in less than a second, unless somebody means to take places.
pub(crate) const HANDSHAKES_OF_NETWORK: u32 = 4;
/// Connections of one network beyond its share that may finish their handshake, to see whether a
/// trusted peer is among them.
pub(crate) const HANDSHAKES_FOR_TRUSTED: u32 = 4;
/// Connections with one peer, as a person may choose. As shipped 4: TCP and QUIC opened from both
/// sides at once.
pub const CONNECTIONS_OF_PEER: RangeInclusive<u32> = 1..=8;
/// Connections being opened by others. A handshake costs about a millisecond of one core, and one that
/// is never finished some 50 KB for ten seconds. Places for as many networks as a stranger may have.
pub(crate) const MAX_PENDING_CONNECTIONS: u32 = 256;
/// Connections being opened by us, most of them to peers of the DHT that answer no more
/// (go-libp2p's number).
pub(crate) const MAX_PENDING_DIALS: usize = 160;
/// Bytes of physical memory above which strangers' connections make room. Without them this program
/// holds some 60 MB, and twice that in a large download.
pub(crate) const MAX_MEMORY_BYTES: usize = 256 * 1024 * 1024;
/// Connections of strangers that are not the cause of it, whatever they do: what is held then is our
/// own.
pub(crate) const FEW_STRANGERS: usize = 8;
/// Connections that are closed at once to make room, or more where more must hold it. What they hold
/// is free a moment later.
pub(crate) const SHED_AT_ONCE: usize = 16;
/// Requests that wait for the swarm: a sender of more waits.
pub(crate) const WAITING_COMMANDS: usize = 256;
/// Peers in one setting: trusted ones are dialled once a minute while they are away.
pub const MAX_CHOSEN_PEERS: usize = 64;
/// Peers kept away at a time for breaking the rules; the first is forgiven for the next.
pub(crate) const MAX_BLOCKED_PEERS: usize = 1024;

/// Times in a minute that one peer may say what it is, and that all may.
pub(crate) const IDENTITIES_OF_PEER_A_MINUTE: u32 = 10;
pub(crate) const IDENTITIES_A_MINUTE: u32 = 3000;

/// Sessions open at a time: downloads, listings and previews. Each search costs DHT queries.
pub const MAX_SESSIONS: usize = 256;
/// Dials under way for sessions, and for one of them, of which neither those that the link names nor
/// those that others name take more than three quarters: one that leads nowhere takes 10 seconds.
pub(crate) const MAX_DIALS: usize = 32;
pub(crate) const MAX_DIALS_OF_SESSION: usize = 16;
/// More of them for what links name, so that others' answers never keep a download from those.
pub(crate) const MAX_URGENT_DIALS: usize = 8;
/// Dials of one session that wait for a free place; more are dropped, the next search brings them
/// back.
pub(crate) const MAX_WAITING_DIALS: usize = 128;
/// Connected sources of a session that are enough to end its search of the DHT: together they fill
/// most lines.
pub(crate) const ENOUGH_SOURCES: usize = 10;
/// Providers that one search takes note of. Those of popular content are many, and so may those be
/// that liars make up: no answer has more than its share.
pub(crate) const MAX_PROVIDERS: usize = 500;
/// Those of them of one answer. More are never needed: others name others.
pub(crate) const MAX_NAMED_OF_ANSWER: usize = 20;
/// Those that wait for the end of the search.
pub(crate) const MAX_WAITING_PROVIDERS: usize = 200;
/// Addresses of one provider that one search takes note of: a dial's worth, and what liars may add.
pub(crate) const MAX_TOLD_ADDRESSES: usize = 8 * MAX_PEER_ADDRESSES;
/// Providers that are enough of one delegated routing service: more than a download uses.
pub(crate) const ENOUGH_PROVIDERS: usize = 20;
/// Providers in one answer that are dialled at once; the rest wait for the end of the search.
pub(crate) const PROVIDERS_OF_ANSWER: usize = 5;
/// Providers without an address that one search looks up in all, and of one answer.
pub(crate) const MAX_NAMELESS: usize = 64;
pub(crate) const MAX_NAMELESS_OF_ANSWER: usize = 5;
/// Providers that one search looks up at a time.
pub(crate) const MAX_ADDRESS_SEARCHES: usize = 4;
/// Peers of the local network that are remembered from mDNS, and those of one address: programs of
/// one computer.
pub(crate) const MAX_LAN_PEERS: usize = 64;
pub(crate) const MAX_DEVICES_OF_ADDRESS: usize = 8;
/// Characters of a device's name. Host names have up to 63.
pub const MAX_DEVICE_NAME: usize = 64;
/// Bytes of what a device says of itself: a name and a kind, and room for what later versions add.
pub(crate) const MAX_HELLO_BYTES: u64 = 4096;
/// Times in a minute that one device of this network may ask who we are, that all at one address
/// may, and that all may: each asks once when it meets us, and again when its name changes.
pub(crate) const HELLOS_OF_PEER_A_MINUTE: u32 = 10;
pub(crate) const HELLOS_OF_ADDRESS_A_MINUTE: u32 = 60;
pub(crate) const HELLOS_A_MINUTE: u32 = 600;
/// Bytes of an offer: the longest note, and as many items as there may be with names of usual length.
pub(crate) const MAX_OFFER_BYTES: u64 = 64 * 1024;
/// Bytes of the answer to one: a word.
pub(crate) const MAX_OFFER_ANSWER_BYTES: u64 = 64;
/// Characters of a note: a page of text. What is longer is a file.
pub const MAX_NOTE_CHARS: usize = 2000;
/// Items in one offer.
pub const MAX_OFFERED: usize = 100;
/// Bytes of an offered item's name, as file systems have it.
pub const MAX_OFFERED_NAME: usize = 255;
/// Offers in a minute that are heard of one device, and of all. A person asks, and waits.
pub(crate) const OFFERS_OF_PEER_A_MINUTE: u32 = 10;
pub(crate) const OFFERS_A_MINUTE: u32 = 60;
/// Times in a minute that one device may ask what became of its offers, and that all may: once a
/// second while something is fetched.
pub(crate) const STATES_OF_PEER_A_MINUTE: u32 = 120;
pub(crate) const STATES_A_MINUTE: u32 = 3000;
/// Questions of other devices that wait for an answer, and for whoever gives it.
pub const MAX_DEVICE_QUESTIONS: usize = 32;
/// Records that libp2p's mDNS may hold before it begins anew: of as many devices, each with a few
/// addresses.
pub(crate) const MAX_MDNS_RECORDS: usize = 1024;
/// Events that wait for a session's reader. Blocks beyond it wait too, bounded by Bitswap's byte
/// budget.
pub(crate) const SESSION_EVENTS: usize = 1024;
/// Peers counted as sources of one session.
pub const MAX_SESSION_SOURCES: usize = 256;
/// Peers of the DHT that are remembered for the next start.
pub(crate) const MAX_REMEMBERED_PEERS: usize = 64;
/// Addresses remembered of each.
pub(crate) const MAX_REMEMBERED_ADDRESSES: usize = 4;
/// Keys announced at a time: each is a DHT query that talks to some 30 peers.
pub(crate) const ANNOUNCES_AT_A_TIME: usize = 4;
/// Keys of which it is remembered that they were announced in this run, though they are not any more.
pub(crate) const MAX_WITHDRAWN: usize = 100_000;

/// Our own addresses that others are asked to try: a machine has a few, each over TCP and QUIC.
pub(crate) const MAX_PROBED_ADDRESSES: usize = 16;
/// Others being asked to try an address at a time.
pub(crate) const MAX_PROBES: usize = 4;
/// Others being tried by us at a time, because they asked for it, in all and in one network. One of
/// them may take 10 seconds.
pub(crate) const MAX_DIAL_BACKS: usize = 8;
pub(crate) const MAX_DIAL_BACKS_OF_NETWORK: usize = 2;
/// Others that wait for that.
pub(crate) const MAX_WAITING_DIAL_BACKS: usize = 32;
/// Times in a minute that we do so for one network, and for all. A peer has a few addresses, each
/// over TCP and QUIC, and asks about each once in a while.
pub(crate) const DIAL_BACKS_OF_NETWORK_A_MINUTE: u32 = 12;
pub(crate) const DIAL_BACKS_A_MINUTE: u32 = 60;
/// Holes being punched at a time.
pub(crate) const MAX_PUNCHES: usize = 16;
/// Times in a minute that one peer has us try to, and that all have. An attempt takes up to three of
/// each side.
pub(crate) const PUNCHES_OF_PEER_A_MINUTE: u32 = 12;
pub(crate) const PUNCHES_A_MINUTE: u32 = 60;
/// Connected peers remembered as willing to try.
pub(crate) const MAX_PROBE_SERVERS: usize = 32;
/// Peers whose word on where they see us is kept.
pub(crate) const MAX_OBSERVATIONS: usize = 32;
/// Relays that pass connections on to us at a time, as go-libp2p takes.
pub(crate) const MAX_RELAYS: usize = 2;
/// Connected peers remembered as willing to relay.
pub(crate) const MAX_KNOWN_RELAYS: usize = 32;
/// Peers that we pass connections on to, and connections being passed on: a person's own devices,
/// and some strangers.
pub(crate) const MAX_RELAYED: usize = 16;
/// Relay clients among them that are strangers: trusted peers always find a place.
pub(crate) const MAX_STRANGER_RELAY_CLIENTS: usize = 8;
/// Tests of whether others can get here that are waited for.
pub(crate) const MAX_CHECKS: usize = 16;

/// Tags whose rates are measured at a time. Strangers decide what they fetch; a person can't look
/// at so many.
pub(crate) const MAX_TAGS: usize = 1024;
/// Peers likewise. No more than 256 are connected at a time.
pub(crate) const MAX_METERED_PEERS: usize = 1024;

/// Questions that wait for the threads that serve blocks, and answers that wait for the swarm:
/// blocks of up to 2 MiB, but no more than Bitswap's server has room for.
pub(crate) const SERVE_QUEUE: usize = 64;
/// Of these, look-ups: each may take as long as dozens of blocks, which must not wait for all look-ups
/// of strangers.
pub(crate) const LOOK_UPS: usize = 2;

// Routers. They are strangers: anything on this network may say that it is one.

/// Addresses of this machine whose routers are asked to open ports. Each search costs a socket for
/// four seconds, and four datagrams. Hosts of many containers have dozens, and nothing tells which
/// of them leads outside.
pub(crate) const MAX_ROUTER_LINES: usize = 32;
/// Ports opened for one address: TCP and QUIC, and as many again while a port changes.
pub(crate) const MAX_PORTS_PER_LINE: usize = 4;
/// Time for routers to answer a search: UPnP has them wait up to 3 s, so that not all do at once.
pub(crate) const ROUTER_SEARCH_TIME: Duration = Duration::from_secs(4);
/// Time for a router's description, which is read for its name only.
pub(crate) const ROUTER_NAME_TIME: Duration = Duration::from_secs(2);
/// Time for all questions of one kind to a router. igd-next waits 10 s for each answer.
pub(crate) const ROUTER_JOB_TIME: Duration = Duration::from_secs(20);
/// Time at the end for routers to close what they opened. What they don't, they do within the hour.
pub(crate) const ROUTER_CLOSE_TIME: Duration = Duration::from_secs(4);
/// Bytes of a router's description that are read for its name. It stands near the beginning.
pub(crate) const MAX_ROUTER_DESCRIPTION: u64 = 64 * 1024;
/// Characters shown of what a router calls itself or says.
pub(crate) const MAX_ROUTER_WORDS: usize = 200;

// Web services: delegated routing and gateways over HTTP.

/// Delegated routing services, and gateways, that a person may name: each is asked by every
/// download.
pub(crate) const MAX_WEB_SERVICES: usize = 8;
/// Gateways that delegated routing services named, in one answer and in all: few name any, and each
/// may be asked by every download that it was named for.
pub(crate) const MAX_FOUND_GATEWAYS: usize = 16;
/// Addresses of gateways that are remembered when they are no longer used, so that what came from
/// them can be shown.
pub(crate) const MAX_GATEWAY_NAMES: usize = 64;
/// Age of a session from which on gateways are used. Small things are there by then, and peers
/// found.
pub(crate) const GATEWAY_DELAY: Duration = Duration::from_secs(1);
/// Blocks asked of all gateways at a time: with the largest blocks 128 MiB, but the exchange's byte
/// budget ends it before.
pub(crate) const MAX_BLOCK_REQUESTS: usize = 64;
/// Time for a block: gateways look for what they lack for half a minute.
pub(crate) const BLOCK_REQUEST_TIME: Duration = Duration::from_secs(40);
/// Sessions for which delegated routing services are asked at a time; more wait.
pub(crate) const MAX_LOOKUPS: usize = 16;
/// Time for a delegated routing service to say who has something: it asks the DHT in turn.
pub(crate) const LOOKUP_TIME: Duration = Duration::from_secs(30);
/// Bytes of a delegated routing service's answer: a hundred providers with a dozen addresses each
/// take 200 KB.
pub(crate) const MAX_LOOKUP_BYTES: usize = 1024 * 1024;
/// Bytes of one provider in it.
pub(crate) const MAX_LOOKUP_RECORD: usize = 64 * 1024;
/// Providers looked at in one answer, of use or not. The specification has services name a hundred
/// at most.
pub(crate) const MAX_LOOKUP_RECORDS: usize = 200;
/// Answers that wait for the swarm. Blocks in them are within the exchange's byte budget.
pub(crate) const WEB_EVENTS: usize = 64;
/// Time to connect to a web server, name and encryption included.
pub(crate) const WEB_CONNECT_TIME: Duration = Duration::from_secs(10);
/// Silence of a web server after which its answer comes no more; a gateway that looks for a block
/// is silent.
pub(crate) const WEB_READ_TIME: Duration = Duration::from_secs(35);
/// Time for which an unused connection to a web server is kept: downloads ask again within seconds.
pub(crate) const WEB_IDLE_TIME: Duration = Duration::from_secs(30);
/// Unused connections kept to one web server: as many requests as the exchange sends to a gateway
/// at a time.
pub(crate) const MAX_IDLE_WEB_CONNECTIONS: usize = 12;
/// Redirects followed, all within one server.
pub(crate) const MAX_REDIRECTS: usize = 3;
/// Time for the public test, which may look in the DHT for half a minute before it connects.
pub(crate) const PUBLIC_CHECK_TIME: Duration = Duration::from_secs(65);
/// Bytes of its answer.
pub(crate) const MAX_CHECK_BYTES: usize = 256 * 1024;
/// Characters shown of what it says.
pub(crate) const MAX_CHECK_WORDS: usize = 300;

/// Addresses that one link or command, or the settings, can name within private networks: as many
/// trusted peers, relays and bootstrap peers as may be chosen.
pub(crate) const MAX_NAMED_ADDRESSES: usize = 256;
/// Addresses in this machine's networks that devices there named and that may be dialled for it: of
/// as many devices as are remembered, each over TCP and QUIC in a few networks.
pub(crate) const MAX_NEARBY_ADDRESSES: usize = 1024;
