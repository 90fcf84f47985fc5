//! Downloads between real networks over loopback.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use libp2p::identity::Keypair;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use unixfs::{Cid, Profile};

use super::remote::resolve;
use super::run::Fetched;
use super::tests::{Tree, numbers, read_tree};
use super::{FetchContext, FetchError, Running, Sent, car, import, run};
use crate::api::EntryKind;
use crate::faults::Faults;
use crate::link::Link;
use crate::look::{cat, list};
use crate::network;
use crate::settings::Settings;
use store::index::{Index, ItemId, ItemKind, NewItem};
use store::{Control, ImportRequest, Progress, Source};

/// Ends a test that hangs. No verdict: nothing that works comes near it, however busy the machine is.
const HUNG: Duration = Duration::from_mins(10);

struct Node {
    dir: TempDir,
    context: FetchContext,
    sent: Sent,
}

impl Node {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        let index = Index::open(&data).unwrap().index;
        let source = Source::new(index.clone(), |_| {});
        let mut config = Settings::load(dir.path().join("settings"), |name| {
            (name == "SHOAL_LOCAL").then(|| "1".to_owned())
        })
        .unwrap()
        .config()
        .net;
        config.listen.addresses = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let identity = Keypair::generate_ed25519();
        let net = network::start(config, identity, &source, &index, &Faults::default())
            .await
            .unwrap();
        let context = FetchContext {
            net,
            index,
            source,
            running: Running::default(),
        };
        Self {
            dir,
            context,
            sent: Sent::default(),
        }
    }

    /// Writes a folder and shares it.
    fn share(&self, tree: &Tree) -> Cid {
        let folder = self.dir.path().join("shared");
        for (path, data) in tree {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, data).unwrap();
        }
        let item = self.item(ItemKind::Share, None, None, &[]);
        let request = ImportRequest {
            item,
            paths: vec![folder],
            profile: Profile::V1_2025,
            hidden: true,
            metadata: false,
        };
        let (progress, control) = (Progress::default(), Control::default());
        let imported = store::import(&self.context.index, &request, &progress, &control).unwrap();
        imported.root
    }

    fn item(
        &self,
        kind: ItemKind,
        root: Option<Cid>,
        link: Option<String>,
        hints: &[String],
    ) -> ItemId {
        let new = NewItem {
            kind,
            name: "things".to_owned(),
            root,
            into: Some(self.dir.path().join("into")),
            link,
            providers: hints.to_vec(),
            ..NewItem::default()
        };
        self.context.index.create_item(new).unwrap()
    }

    async fn address(&self) -> String {
        self.context.net.listen_addrs().await[0].to_string()
    }

    async fn fetch(&self, id: ItemId, stop: &CancellationToken) -> Result<Fetched, FetchError> {
        let item = self.context.index.item(id).unwrap().unwrap();
        let (tell, sent) = (Box::new(|_| {}), self.sent.clone());
        let run = run(self.context.clone(), item, tell, sent, stop.clone());
        tokio::time::timeout(HUNG, run).await.unwrap()
    }

    async fn link(&self, cid: Cid, path: &[&str]) -> Link {
        Link {
            cid,
            path: path.iter().map(|name| (*name).to_owned()).collect(),
            filename: None,
            otherwise: None,
            providers: vec![self.address().await.parse().unwrap()],
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn tree() -> Tree {
    let mut tree = Tree::from([
        ("large".to_owned(), numbers(5_000_000, 1)),
        ("empty".to_owned(), Vec::new()),
        ("sub/other".to_owned(), numbers(3_000_000, 2)),
    ]);
    for n in 0..200 {
        tree.insert(format!("many/{n}"), numbers(100 + n, n));
    }
    tree
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_from_one_to_the_next() {
    let (first, second, third) = (
        Node::start().await,
        Node::start().await,
        Node::start().await,
    );
    let root = first.share(&tree());
    let id = second.item(
        ItemKind::Download,
        Some(root),
        None,
        &[first.address().await],
    );
    let fetched = second.fetch(id, &CancellationToken::new()).await.unwrap();
    assert_eq!(read_tree(&fetched.path), tree());
    let sources = second.sent.list();
    assert_eq!(sources.len(), 1);
    assert_eq!(sources[0].0, first.context.net.peer_id());
    assert!(sources[0].1 >= fetched.bytes);

    // What was fetched is a share: the first is not needed any more.
    first.context.net.clone().shutdown().await;
    let link = format!("{}", second.link(root, &["sub"]).await);
    let id = third.item(
        ItemKind::Download,
        None,
        Some(link),
        &[second.address().await],
    );
    let fetched = third.fetch(id, &CancellationToken::new()).await.unwrap();
    let sub = Tree::from([("other".to_owned(), numbers(3_000_000, 2))]);
    assert_eq!(read_tree(&fetched.path), sub);
    let item = third.context.index.item(id).unwrap().unwrap();
    assert_eq!(item.root, Some(fetched.root));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_download_goes_on() {
    let (first, second) = (Node::start().await, Node::start().await);
    let root = first.share(&tree());
    let id = second.item(
        ItemKind::Download,
        Some(root),
        None,
        &[first.address().await],
    );
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(matches!(
        second.fetch(id, &stop).await,
        Err(FetchError::Stopped)
    ));
    let fetched = second.fetch(id, &CancellationToken::new()).await.unwrap();
    assert_eq!(read_tree(&fetched.path), tree());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_can_be_looked_at_without_keeping_it() {
    let (first, second) = (Node::start().await, Node::start().await);
    let mut tree = tree();
    // Enough for shards.
    for n in 0..6000 {
        tree.insert(format!("sharded/{n:0>32}"), vec![1]);
    }
    let root = first.share(&tree);
    let context = &second.context;

    let (listed, complete) = list(context, &first.link(root, &[]).await).await.unwrap();
    assert!(complete);
    let names: Vec<(&str, EntryKind)> = listed
        .iter()
        .map(|entry| (entry.name.as_str(), entry.kind))
        .collect();
    let (file, folder) = (EntryKind::File, EntryKind::Folder);
    let expected = [
        ("empty", file),
        ("large", file),
        ("many", folder),
        ("sharded", folder),
        ("sub", folder),
    ];
    assert_eq!(names, expected);
    let large = listed.iter().find(|entry| entry.name == "large").unwrap();
    assert_eq!(large.size, 5_000_000);

    let (sharded, _) = list(context, &first.link(root, &["sharded"]).await)
        .await
        .unwrap();
    assert_eq!(sharded.len(), 6000);

    let name = format!("{:0>32}", 77);
    let path = ["sharded", name.as_str()];
    let cid = resolve(context, &first.link(root, &path).await)
        .await
        .unwrap();
    assert_eq!(cid, Profile::V1_2025.leaf(&[1]).cid);
    let nothing = resolve(context, &first.link(root, &["sharded", "x"]).await).await;
    assert_eq!(nothing.unwrap_err().problem().code, "not-in-item");

    let mut bytes = Vec::new();
    let link = first.link(root, &["large"]).await;
    let mut pieces = cat(context.clone(), link).await.unwrap();
    while let Some(piece) = pieces.recv().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(bytes, tree["large"]);
    let mut pieces = cat(context.clone(), first.link(root, &["sub"]).await)
        .await
        .unwrap();
    assert!(pieces.recv().await.unwrap().is_err());
    assert!(second.context.index.items().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_car_becomes_an_item() {
    let (first, second) = (Node::start().await, Node::start().await);
    let root = first.share(&tree());
    let file = first.path("item.car");
    car::export(&first.context.source, &root, &file).unwrap();
    assert_eq!(car::look(&file, &|| false).unwrap().roots, [root]);
    let id = second.item(ItemKind::Download, Some(root), None, &[]);
    let item = second.context.index.item(id).unwrap().unwrap();
    let stop = CancellationToken::new();
    let fetched = import(second.context.clone(), item, file, Box::new(|_| {}), stop)
        .await
        .unwrap();
    assert_eq!(read_tree(Path::new(&fetched.path)), tree());
    assert_eq!(
        second
            .context
            .source
            .read(&root)
            .map(|block| block.is_empty()),
        Some(false)
    );
}
