//! Measures a large library: fills an index with shares of one small file, then starts an engine on it and asks for its list.
//!
//!     cargo run --release -p engine --example library -- fill DATA-DIR FILE 100000
//!     SHOAL_LOCAL=1 cargo run --release -p engine --example library -- measure DATA-DIR

#![expect(
    clippy::print_stdout,
    reason = "it is a measurement, and this is its result"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use engine::api::ItemId;
use engine::api::{Filter, LibraryRequest, Sort};
use engine::{Engine, Options};
use fs_err as fs;
use store::index::{Fingerprint, HashedFile, Index, ItemKind, NewItem, TreeFile};
use unixfs::cid::{self, Cid};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Items made at a time: the index takes their changes into one transaction.
const AT_A_TIME: usize = 64;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fill", data, file, count] => fill(Path::new(data), Path::new(file), count.parse()?),
        ["measure", data] => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(measure(data.into()))
        }
        _ => Err("fill DATA-DIR FILE COUNT, or measure DATA-DIR".into()),
    }
}

fn fill(data: &Path, file: &Path, count: i64) -> Result<(), Failure> {
    fs::create_dir_all(data)?;
    let index = Index::open(data)?.index;
    let file = std::path::absolute(file)?;
    let begun = Instant::now();
    let next = AtomicI64::new(0);
    let work = || -> Result<(), Failure> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            add(&index, &file, number)?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            let ended = thread.join();
            ended.map_err(|_| Failure::from("a thread broke"))?
        })
    })?;
    index.close();
    println!("{count} shares in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn add(index: &Index, file: &Path, number: i64) -> Result<(), Failure> {
    let content = fs::read(file)?;
    let hash = cid::hash(cid::SHA2_256, &content).ok_or("the hash is unknown")?;
    let root = Cid::new_v1(cid::RAW, hash);
    let id = index.create_item(NewItem {
        kind: ItemKind::Share,
        name: format!("Ferien {} – Bild {number}.jpg", 1990 + number % 35),
        root: Some(root),
        profile: "unixfs-v1-2025".to_owned(),
        created: 1_700_000_000 + number,
        sources: vec![file.to_owned()],
        ..NewItem::default()
    })?;
    let metadata = fs::metadata(file)?;
    let (dir, name) = (file.parent(), file.file_name());
    let hashed = HashedFile {
        dir: Arc::new(TreeFile {
            path: dir.ok_or("no folder")?.to_owned(),
            name_in_item: String::new(),
        }),
        disk_name: name.ok_or("no name")?.to_owned(),
        fingerprint: Fingerprint::of(&metadata, SystemTime::now()),
        root,
        leaves: vec![(hash, u32::try_from(content.len())?)],
        framed: false,
        replaces: None,
    };
    index.add_hashed(id, vec![hashed], Vec::new()).wait()?;
    let bytes = content.len() as u64;
    index.update_item(id, move |record| {
        (record.bytes, record.files, record.done) = (bytes, 1, true);
    })?;
    Ok(())
}

async fn measure(data_dir: PathBuf) -> Result<(), Failure> {
    let begun = Instant::now();
    let index = Index::open(&data_dir)?.index;
    told("open", begun);
    drop(index);
    let begun = Instant::now();
    let engine = Engine::start(Options {
        data_dir,
        network: true,
    })
    .await?;
    told("start", begun);
    let window = LibraryRequest {
        limit: 50,
        ..LibraryRequest::default()
    };
    let mut requests = vec![("first answer", window.clone()), ("again", window.clone())];
    for (what, sort) in [
        ("by name", Sort::Name),
        ("by size", Sort::Size),
        ("newest", Sort::Newest),
    ] {
        let sorted = LibraryRequest {
            sort,
            ..window.clone()
        };
        requests.push((what, sorted));
    }
    for (what, search, filter) in [
        ("search", "bild 777", Filter::All),
        ("search more", "bild 7777", Filter::All),
        ("needs you", "", Filter::NeedsYou),
        ("all", "", Filter::All),
    ] {
        let searched = LibraryRequest {
            search: search.to_owned(),
            filter,
            ..window.clone()
        };
        requests.push((what, searched));
    }
    let scrolled = LibraryRequest {
        offset: 50_000,
        ..window.clone()
    };
    requests.push(("scrolled", scrolled));
    let mut shown = 0;
    for (what, request) in requests {
        let asked = Instant::now();
        let view = engine.library(&request).await;
        told(
            &format!("{what}: {} of {}", view.matching, view.counts.all),
            asked,
        );
        shown = view.items.first().map_or(shown, |item| item.id.0);
    }
    let asked = Instant::now();
    engine.rename(ItemId(shown), "Winter").await?;
    told("rename", asked);
    let asked = Instant::now();
    engine.library(&window).await;
    told("after a rename", asked);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = Instant::now();
    engine.pause_all(true).await?;
    told("pause all", asked);
    let asked = Instant::now();
    engine.library(&window).await;
    told("after a pause", asked);
    let asked = Instant::now();
    engine.pause_all(false).await?;
    told("resume all", asked);
    let asked = Instant::now();
    engine.shutdown().await;
    told("stop", asked);
    Ok(())
}

fn told(what: &str, since: Instant) {
    println!("{what}: {:.1} ms", since.elapsed().as_secs_f64() * 1000.0);
}
