//! Measures an import: how long until ready, how much memory, how much disk. Then the same again, and how fast blocks are read.
//!
//!     cargo run --release -p store --example import -- DATA-DIR PATH...

#![expect(
    clippy::print_stdout,
    reason = "it is a measurement, and this is its result"
)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;
use store::index::{Index, ItemKind, NewItem};
use store::{Control, Depth, ImportRequest, Progress, Source, import, scan};
use unixfs::{Cid, Node, Profile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let data = arguments.next().ok_or("which data directory?")?;
    let paths: Vec<_> = arguments.collect();
    fs::create_dir_all(&data)?;
    let index = Index::open(&data)?.index;
    // Begun again on the same directory, it goes on where it was.
    let item = match index.items()?.first() {
        Some(item) => item.id,
        None => index.create_item(share_of(&paths))?,
    };
    let request = ImportRequest {
        item,
        paths,
        profile: Profile::V1_2025,
        hidden: true,
        metadata: false,
    };
    let (progress, control) = (Progress::default(), Control::default());

    let first = timed("import", || import(&index, &request, &progress, &control))?;
    println!(
        "  {} files, {} bytes, {} left out, {}",
        first.files,
        first.bytes,
        first.skipped.len(),
        first.root
    );
    timed("import again", || {
        import(&index, &request, &progress, &control)
    })?;
    timed("scan", || {
        scan(&index, item, Depth::Fingerprints, &progress, &control)
    })?;
    timed("verify", || {
        scan(&index, item, Depth::Content, &progress, &control)
    })?;
    let source = Source::new(index.clone(), |_| ());
    let read = timed("read every block", || read_below(&source, &first.root))?;
    println!("  {} blocks, {} bytes", read.0, read.1);
    drop(source);
    drop(index);
    let disk = disk(&data)?;
    let per_file = disk as f64 / first.files as f64;
    println!(
        "disk {disk} bytes: {:.4} %, {per_file:.0} a file",
        100.0 * disk as f64 / first.bytes as f64
    );
    println!("peak memory {}", status("VmHWM"));
    Ok(())
}

fn share_of(paths: &[PathBuf]) -> NewItem {
    NewItem {
        kind: ItemKind::Share,
        name: "measured".to_owned(),
        profile: Profile::V1_2025.name.to_owned(),
        sources: paths.to_vec(),
        ..NewItem::default()
    }
}

fn timed<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let begun = (Instant::now(), cpu_seconds());
    let result = work();
    let (wall, cpu) = (begun.0.elapsed().as_secs_f64(), cpu_seconds() - begun.1);
    println!(
        "{what}: {wall:.3} s, {cpu:.2} s of processor, memory {}",
        status("VmHWM")
    );
    result
}

fn read_below(source: &Source, root: &Cid) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let (mut blocks, mut bytes) = (0, 0);
    let mut left = vec![*root];
    while let Some(cid) = left.pop() {
        let block = source.read(&cid).ok_or("a block is missing")?;
        blocks += 1;
        bytes += block.len() as u64;
        match unixfs::decode(&cid, &block)? {
            Node::File(node) => left.extend(node.children.iter().map(|child| child.cid)),
            Node::Directory(node) => left.extend(node.entries.iter().map(|entry| entry.cid)),
            Node::Shard(node) => left.extend(node.items.iter().map(|item| match item {
                unixfs::ShardItem::Entry(entry) => entry.cid,
                unixfs::ShardItem::Shard { cid, .. } => *cid,
            })),
            Node::Symlink(_) => {}
        }
    }
    Ok((blocks, bytes))
}

fn disk(data: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(data)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// User's and system's time together; Linux counts it in hundredths.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; the 12th and 13th field behind it are the times.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

/// A line of this process's status, where the system has it.
fn status(key: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.map_or_else(String::new, |value| {
        value.trim_start_matches(':').trim().to_owned()
    })
}
