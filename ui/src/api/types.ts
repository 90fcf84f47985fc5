// Written from the Rust types by `make types`: edit those instead. A test fails when this file is not what they say.
// Names are snake_case: the same JSON travels on the control socket. Times are Unix seconds, sizes bytes, rates bytes a
// second, unless said.

export type ActAllRequest = { action: "pause" | "resume", };

export type ActRequest = { ids: Array<ItemId>, action: Action, };

/** What can be done with an item. */
export type Action = "pause" | "resume" | "verify" | "update";

/** An address at which others might get here. */
export type AddressView = { address: string, transport: "tcp" | "quic" | "other", by: "direct" | "port" | "relay" | "local", reachable: "yes" | "no" | "unknown" | "checking",
  /** Others who tried it. */
  tries: number, };

/** What others can find in the public directory. */
export type Announce = "root" | "files" | "none";

/** A peer that is kept away for a while: it sent what nobody asked for, or what makes no sense. */
export type BannedView = { peer: string,
  /** Until it is let in again. */
  seconds: number, };

/** Whether a text is a link, or has one in it. */
export type CheckLinkRequest = { text: string, };

/** Test whether others can get here. */
export type CheckRequest = {
  /** Ask the public checking service too: it learns this computer's addresses. */
  public: boolean, };

/** What a test of whether others can get here found. */
export type CheckView = {
  /** When it ended. Unix seconds. */
  at: number, reachable: "yes" | "no" | "unknown" | "checking",
  /** Others who were asked to try. */
  asked: number, addresses: Array<AddressView>,
  /** What the public checking service said, if it was asked. */
  public: { reachable: "yes" | "no" | "unknown" | "checking",
  /** The address it got through at, or what went wrong. */
  detail: string | null, } | null, };

/** Shoal's own data, and the disk that it lies on. */
export type DataView = {
  /** Bytes of the index. */
  bytes: number,
  /** Bytes free on its disk. */
  free: number,
  /** That is too little for downloads to go on. */
  low: boolean, };

/** Fetch what a link names. */
export type DownloadRequest = { link: string,
  /** A full path; else the folder from the settings. */
  into: string | null,
  /** Paths inside the item; empty is all of it. */
  select: Array<string>,
  /** More peers that are said to have it, as multiaddrs. */
  providers: Array<string>,
  /** The permissions and times that its sharer gave along are kept; else as the settings say. */
  metadata?: boolean,
  /** It may unfold to far more than is fetched for it; else the person is asked. */
  unfold?: boolean, };

export type FileView = { name: string,
  /** Its path inside the item. */
  path: string, kind: "file" | "folder" | "symlink" | "other",
  /** Bytes; of a folder that is not all here yet as its maker claims. */
  size: number,
  /** Bytes that are here and verified. */
  done: number,
  /** Inside a folder, as far as known; 1 for a file. */
  files: number, chosen: "all" | "some" | "none", priority: "normal" | "high", state: "ok" | "changed" | "missing", };

/** One level of an item's tree. */
export type FilesRequest = { id: ItemId,
  /** A folder inside the item; empty is its top. */
  dir: string,
  /** The window of rows that is shown, at most 1,000. */
  offset: number, limit: number, };

export type FilesView = {
  /** Rows of this level in all. */
  total: number,
  /** Folders first, by name. */
  entries: Array<FileView>, };

/** Which items are shown. */
export type Filter = "all" | "sharing" | "downloading" | "needs-you";

/** The item that is open, with its last minute. */
export type Focus = { item: ItemView, history: Array<RateSample>, };

/** Who answers. */
export type Hello = { version: string, pid: number, peer_id: string, listen: Array<string>,
  /** The system's language, as BCP 47 writes it. */
  locale: string | null, platform: "linux" | "macos" | "windows" | "other", };

export type InspectEntry = { name: string, kind: "file" | "folder" | "symlink" | "other",
  /** Bytes; of a folder as its maker claims. */
  size: number, };

/** What is behind a link, as far as it is known yet. */
export type InspectLinkRequest = { link: string,
  /** A folder inside; empty is its top. */
  dir: string,
  /** Milliseconds, at most 10,000: it is answered when there is news. */
  wait_ms: number,
  /** `rev` of the last answer, 0 at first. */
  since: number,
  /** For the free space; else the folder for downloads. */
  into: string | null, };

/** What sharing these paths would share. */
export type InspectPathsRequest = { paths: Array<string>,
  /** Hidden files inside folders too. */
  hidden: boolean, };

export type InspectView = { rev: number, cid: string, name: string,
  /** Not known yet: nothing. */
  kind: "file" | "folder" | "symlink" | "other" | null,
  /** Bytes, as its maker claims. */
  total: number | null,
  /** Not known yet: nothing. At most 1,000. */
  entries: Array<InspectEntry> | null,
  /** There are more. */
  truncated: boolean,
  /** People found who have it, or part of it. */
  people: number,
  /** What was tried, and is being tried. */
  tried: Array<Search>,
  /** It was looked for so long. */
  seconds: number,
  /** The folder that it would go into. */
  into: string,
  /** Bytes free there, where that can be told. */
  free: number | null,
  /** It is in the library already. */
  existing: ItemId | null, };

/** An item's number: small, stable, never used again. It is what a person types. */
export type ItemId = number;

/** Where an item came from. A finished download is shared like any other item. */
export type ItemKind = "share" | "download";

/** One row of the list: everything that is shown of an item without opening it. */
export type ItemView = { id: ItemId, kind: ItemKind, name: string,
  /** Where it lies on this machine: the shared path, or the download once it has a place. */
  path: string | null,
  /** Known once it is hashed, or at once for a download. */
  cid: string | null,
  /** Bytes in all; 0 while unknown. */
  total: number,
  /** Bytes hashed, verified or downloaded. */
  done: number, files: number,
  /** A folder, or several things; not a single file. */
  folder: boolean,
  /** Bytes a second. */
  rate_down: number,
  /** Bytes a second. */
  rate_up: number,
  /** Peers it comes from, or goes to, now. */
  peers: number,
  /** Peers known to have something of it, connected or not. */
  having: number,
  /** Those of them to whom no direct connection could be made. */
  unreachable: number,
  /** Why it stands still although people are connected. */
  lacking: Lacking | null,
  /** Seconds left at the present rate, where that means something. */
  eta: number | null, skipped: number,
  /** Unix seconds. */
  created: number, } & ({ "state": "hashing" } | { "state": "finding" } | { "state": "downloading" } | { "state": "verifying" } | { "state": "sharing" } | { "state": "paused" } | { "state": "needs-you", "problem": Problem });

/** A file or folder that was not deleted. */
export type KeptFile = { path: string, reason: KeptReason,
  /** The item that shares it. */
  item: ItemId | null,
  /** What the system said. */
  detail: string | null, };

/** Why something was not deleted. */
export type KeptReason = "not-made" | "changed" | "shared" | "not-empty" | "failed" | "not-asked" | "unfinished";

/** What is left of a download that none of those has who are connected. */
export type Lacking = {
  /** At least so many pieces. */
  pieces: number,
  /** Those who are connected, and said to have something of it. */
  people: number, };

/** The part of the list that is on the screen. */
export type LibraryRequest = {
  /** The revision last seen; 0: answer at once. */
  since: number,
  /** Up to 60,000. Answers are at least 250 ms apart, unless `since` is 0 or something else is asked than last time. */
  wait_ms: number, filter: Filter,
  /** Words that a name must hold, all of them. */
  search: string, sort: Sort,
  /** The window of rows that is shown. */
  offset: number,
  /** At most 500. */
  limit: number,
  /** The item that is open in the pane. */
  focus: ItemId | null, };

export type LibraryView = {
  /** To be given as `since` next time. */
  rev: number, counts: { all: number, sharing: number, downloading: number, needs_you: number, },
  /** Rows that filter and search leave. */
  matching: number, offset: number,
  /** The window, whole: it replaces what was shown. */
  items: Array<ItemView>,
  /** `null`: it is gone, or none was asked for. */
  focus: Focus | null, rates: Rates,
  /** People connected now. */
  people: number, reach: Reachability,
  /** Everything is paused, by "Pause all". */
  paused: boolean,
  /** What happened after `since`; nothing when that is 0. */
  notices: Array<Notice>, };

export type LinkCheck = { "state": "empty" } | { "state": "good",
  /** The name that the link suggests. */
  name: string | null, } | { "state": "bad", why: "no-link" | "web-page" | "cut-off" | "mistyped" | "small-letters" | "name" | "unknown" | "outside" | "too-long", };

/** A link to an item, for people with Shoal and for those without. */
export type LinkView = { link: string, gateway: string, };

/** A port that the router opened. */
export type MappingView = { transport: "tcp" | "quic" | "other",
  /** `192.168.1.10:4801`. */
  internal: string,
  /** `8.8.8.8:4801`. */
  external: string,
  /** Seconds until the router forgets it, should it not be renewed. */
  expires: number, };

/** How this peer stands in the network. */
export type NetworkView = { peer: string,
  /** Where it accepts connections. */
  listen: Array<string>,
  /** Where others can reach it, as far as it knows. */
  external: Array<string>,
  /** Connected peers. */
  peers: number,
  /** Peers in the routing table of the public directory; none: it is switched off. */
  dht_peers: number | null,
  /** It answers for the public directory too. */
  dht_server: boolean, reach: Reachability,
  /** Always four, the best first. */
  rungs: Array<Rung>,
  /** Devices on this network. */
  nearby: Array<{ peer: string,
  /** What it says it is, once it is connected. */
  app: string | null, }>,
  /** Peers in the routing table of this network's own directory; none: it is switched off. */
  lan_peers: number | null,
  /** The router that was asked to open ports, if one answered. */
  router: {
  /** What it calls itself. */
  name: string | null,
  /** Its address on this network. */
  address: string, spoken: "upnp" | "pcp" | "nat-pmp",
  /** Its own address, as seen from the other side. */
  external: string | null,
  /** Why what it does is no use: `double-nat`, `cgnat`, `refused`, `no-external-address`. */
  problem: string | null,
  /** What it said, in its own words. */
  detail: string | null, } | null,
  /** Ports that the router opened. */
  mappings: Array<MappingView>,
  /** Relays that were asked to pass connections on. */
  relays: Array<RelayView>,
  /** What is known of each address at which others might get here. */
  addresses: Array<AddressView>,
  /** The last test of whether others can get here. */
  check: CheckView | null,
  /** Web services that are asked who has what, or for blocks. */
  services: Array<ServiceView>,
  /** Only those who have the same key get in. */
  private_network: boolean,
  /** The last time in this run that something in the network broke, by a fault of Shoal's, and was started again. */
  fault: {
  /** Unix seconds. */
  at: number,
  /** `task`, `announcer` or `ports`. */
  part: string,
  /** For who mends it. */
  detail: string,
  /** Times in this run. */
  times: number, } | null,
  /** Shoal's own data, if that can be told. */
  data?: DataView, };

/** Something that a person wants to hear of even when not looking. */
export type Notice = { rev: number, kind: "finished" | "needs-you", id: ItemId, name: string, problem: Problem | null, };

/** About one item, or about all there is. */
export type OfAny = { id: ItemId | null, };

/** About one item. */
export type OfItem = { id: ItemId, };

export type PathsView = { name: string,
  /** A folder, or several things. */
  folder: boolean, files: number, folders: number, bytes: number,
  /** Looking took too long: the numbers are "at least". */
  complete: boolean,
  /** At most 100. */
  skipped: Array<Skipped>, skipped_count: number, };

/** A connected peer, as the window shows it. */
export type PersonView = {
  /** Its id. */
  peer: string,
  /** What it says it is: "Shoal 0.1.0", "kubo/0.43.0". */
  app: string | null,
  /** Bytes a second from it. */
  rate_down: number,
  /** Bytes a second to it. */
  rate_up: number,
  /** Bytes since it connected. */
  received: number,
  /** Bytes since it connected. */
  sent: number, how: "direct" | "nearby" | "relay", transport: "tcp" | "quic" | "other", address: string | null,
  /** It connected to us. */
  inbound: boolean,
  /** Always dialled, never dropped. */
  trusted: boolean,
  /** Round-trip time in milliseconds. */
  rtt_ms: number | null,
  /** Its part of the item that was asked about, 0 to 1; `null`: not known. */
  has: number | null, };

/** Which parts of an item are here. */
export type PiecesView = {
  /** Blocks that are known of. */
  blocks: number, here: number,
  /** Asked of others now. */
  asked: number,
  /** The item in equal slices, in order, at most 480: per cent that are here; 255 is asked for now. */
  cells: Array<number>, };

/** Which parts of a download come first. */
export type PrioritizeRequest = { id: ItemId, paths: Array<string>, high: boolean, };

/** A problem as a person reads it: what happened, to what, and what to do next. */
export type Problem = {
  /** Stable, for scripts: lower case with hyphens. */
  code: string,
  /** One sentence that names the cause. */
  message: string,
  /** The next step, where there is one. */
  hint: string | null, retry: Retry,
  /** The file, link or setting it is about. */
  subject: string | null,
  /** How many it is about: of "3 files changed", 3. */
  count: number | null,
  /** The field of a form that it is about: `link`, `into`, `select`, or a setting's key. */
  field: string | null, };

/** Bytes a second: down, up. */
export type RateSample = [number, number];

/** Bytes a second of all items together, with the last minute. */
export type Rates = { down: number, up: number,
  /** One a second, oldest first, at most 60; none when nothing moved in the last minute. */
  history: Array<RateSample>, };

/** How others get here, in one word. */
export type Reachability = "offline" | "checking" | "direct" | "port" | "relay" | "local";

/** A relay that was asked to pass connections on. */
export type RelayView = { peer: string, address: string, state: "asking" | "reserved" | "refused",
  /** The person named it; else it was found in the network. */
  chosen: boolean, };

/** "It lies there now": checked, then shared from there. */
export type RelocateRequest = { id: ItemId, path: string, };

export type RemoveRequest = { ids: Array<ItemId>, delete_files: boolean, };

/** What became of the files of an item that was removed. */
export type Removed = {
  /** What of a download stays: the first of it. */
  kept: Array<KeptFile>,
  /** How much stays in all. */
  count: number, };

/** What others see it called from now on. */
export type RenameRequest = { id: ItemId, name: string, };

/** What is known of an item beyond its row. */
export type Report = {
  /** Where the item lies, once it has a place. */
  path: string | null, skipped: Array<Skipped>,
  /** Who sent how much, most first. */
  sources: Array<{
  /** Its peer ID, or the address of a gateway. */
  peer: string, bytes: number, }>,
  /** Seconds that it took to fetch it. */
  secs: number,
  /** Permissions and times were to be kept, and are as they were: it was here, and Shoal did not make it. */
  undressed: boolean,
  /** What was done last to make it whole, in this run of the engine. */
  last: {
  /** Who sent how much; most first. */
  sources: Array<{
  /** Its peer ID, or the address of a gateway. */
  peer: string, bytes: number, }>, secs: number,
  /** All of it was here before: it was checked, and nothing was fetched. */
  was_here: boolean, },
  /** Other items that share what lies there. */
  also: Array<ItemId>,
  /** What a download under way waits for. */
  missing: {
  /** Files that are whole. */
  here: number,
  /** Paths inside the item, in order, and not more than can be read. */
  files: Array<string>,
  /** How many there are. */
  count: number,
  /** Folders of which a part is missing, so that what is in it is not known; empty for the item itself. */
  folders: Array<string>, },
  /** Checks of all its content that ended in this run of the engine. */
  checks: number,
  /** What the last of them found, if it came to its end and the person need not decide. */
  checked: {
  /** All of it is here, and as it was shared. */
  whole: boolean,
  /** Of an item that is not whole: bytes that are here, and as they were shared. */
  here: number,
  /** Of one: pieces that were not, and are fetched again. */
  wrong_blocks: number, } | null,
  /** Who of those that its link names is kept away from, while it is not whole. */
  kept_away: Array<{
  /** Its peer ID. */
  peer: string, why: "blocked" | "network" | "banned", }>, };

/** Who tries again after a problem. */
export type Retry = "auto" | "user" | "never";

/** A way in which others may get here. */
export type Rung = { rung: "direct" | "port" | "relay" | "local", state: "in-use" | "ready" | "no" | "off" | "checking",
  /** Stable, one of these.
   *
   * | rung | reasons |
   * |---|---|
   * | all | `this-machine-only` `switched-off` `checking` `offline` |
   * | direct | `public-address` `no-public-address` `not-confirmed` (a firewall) |
   * | port | `opened` `not-needed` `no-router` `refused` `double-nat` `cgnat` `not-confirmed` |
   * | relay | `relayed` `not-needed` `no-relay` `refused` `symmetric-nat` (relayed, but punching holes fails) |
   * | local | `devices-nearby` `nobody-nearby` | */
  reason: string,
  /** What it is about: an address, a router's name, a port. */
  detail: string | null, };

/** A way in which people are looked for. */
export type Search = "connected" | "hints" | "lan" | "dht" | "http";

/** Which parts of a download are to be had. */
export type SelectRequest = { id: ItemId,
  /** Files and folders inside the item; empty is all of it. */
  paths: Array<string>, chosen: boolean, };

/** A web service that is asked who has what, or for blocks. */
export type ServiceView = { url: string, kind: "router" | "gateway",
  /** It answered when it was last asked; not asked yet counts too. */
  works: boolean, problem: string | null,
  /** Bytes of blocks that came from it. */
  received: number, };

export type SetSettingRequest = { key: string, value: string, };

/** One setting as a person sees it. */
export type SettingView = { key: string, value: string, default: string, meaning: string, from: "default" | "file" | "environment", };

/** Share files and folders where they lie, as one item. */
export type ShareRequest = {
  /** Full paths. One is shared as itself; several become the entries of a folder. */
  paths: Array<string>,
  /** What others see it called; else the one path's own name. */
  name: string | null,
  /** Name of the profile that decides how content becomes blocks. */
  profile: string | null,
  /** Hidden files inside folders too. */
  hidden: boolean, announce: Announce,
  /** Permissions and times become part of the content; else as the settings say. */
  metadata?: boolean, };

/** A file or folder that was left out, and why. */
export type Skipped = {
  /** As the person knows it: a path on this machine, or inside the item. */
  path: string, reason: string, };

/** In which order. */
export type Sort = "newest" | "name" | "size";

/** How a peer is to be treated from now on. */
export type StandingRequest = { peer: string, standing: "usual" | "trusted" | "blocked", };

/** What an item is doing now.
 *
 * | from        | to                                     | when                                         |
 * |-------------|----------------------------------------|----------------------------------------------|
 * | Hashing     | Sharing, Paused, NeedsYou              | whole; the person paused; it cannot be read  |
 * | Finding     | Downloading, Paused, NeedsYou          | a first block came; paused; bad link or disk |
 * | Downloading | Finding, Sharing, Paused, NeedsYou     | nobody left; whole; paused; disk or content  |
 * | Verifying   | Sharing, Downloading, Paused, NeedsYou | whole; parts missing; paused; files changed  |
 * | Sharing     | Hashing, Verifying, Paused, NeedsYou   | updated; asked to; paused; files changed     |
 * | Paused      | whatever it was doing before           | resumed                                      |
 * | NeedsYou    | whatever solves it                     | the person took the next step, or it retried | */
export type State = { "state": "hashing" } | { "state": "finding" } | { "state": "downloading" } | { "state": "verifying" } | { "state": "sharing" } | { "state": "paused" } | { "state": "needs-you", "problem": Problem };

/** Every call: name, argument, answer. On the wire {"call": name, "with": argument}; failure is a Problem. */
export interface Calls {
  "hello": [null, Hello];
  "library": [LibraryRequest, LibraryView];
  "item": [OfItem, ItemView];
  "report": [OfItem, Report];
  "inspect-paths": [InspectPathsRequest, PathsView];
  "share": [ShareRequest, ItemId];
  "check-link": [CheckLinkRequest, LinkCheck];
  "inspect-link": [InspectLinkRequest, InspectView];
  "download": [DownloadRequest, ItemId];
  "act": [ActRequest, null];
  "act-all": [ActAllRequest, null];
  "remove": [RemoveRequest, Removed];
  "rename": [RenameRequest, null];
  "relocate": [RelocateRequest, null];
  "files": [FilesRequest, FilesView];
  "select": [SelectRequest, null];
  "prioritize": [PrioritizeRequest, null];
  "people": [OfAny, Array<PersonView>];
  "pieces": [OfItem, PiecesView];
  "link": [OfItem, LinkView];
  "settings": [null, Array<SettingView>];
  "set-setting": [SetSettingRequest, null];
  "network": [null, NetworkView];
  "check": [CheckRequest, CheckView];
  "set-standing": [StandingRequest, null];
  "banned": [null, Array<BannedView>];
  "remarks": [null, Array<Problem>];
  "diagnostics": [null, string];
}
