//! Over a long line: a folder of small files, where only round trips count, and a large file, where windows do.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use support::Wire;
use support::lab::{Host, Lab, ONE_WAY_MS};
use support::shoal::Shoal;

use crate::Bench;
use crate::machine::{delete, same};
use crate::shoal::{get, share};
use crate::table::{Figure, Goal, Line};

const FILES: u64 = 2000;
const FILE_BYTES: u64 = 4096;

pub(super) fn small_files(bench: &mut Bench) -> Result<()> {
    let Some(mut lab) = Lab::new() else {
        return Ok(());
    };
    let (near, far) = (lab.host(), lab.far_host());
    let folder = bench
        .samples
        .small_files(&bench.scratch, FILES, FILE_BYTES)?;
    let (node, shared) = share(&Shoal::at(&near).tied(), &folder)?;
    let own = near.address().to_string();
    let mut listen = node.listen.clone();
    listen.retain(|address| address.contains(&own));
    for (wire, name) in [(Wire::TcpTls, "TCP"), (Wire::Quic, "QUIC")] {
        let address = wire.pick(&listen);
        let taken = bench.repeat(|scratch| {
            let into = scratch.folder("far-got")?;
            let fetcher = Shoal::at(&far).tied();
            let fetched = get(&fetcher, &shared.cid, &into, &[address])?.finish()?;
            same(&folder, &fetched.path)?;
            delete(&into)?;
            Ok(fetched.taken)
        })?;
        bench.table.add(Line {
            work: &format!(
                "{FILES} files of {FILE_BYTES} bytes, round trip {} ms, {name}",
                2 * ONE_WAY_MS
            ),
            by: "Shoal",
            figure: Figure::new(taken, "s"),
            raw: Some(("round trip", f64::from(2 * ONE_WAY_MS) / 1000.0)),
            goal: Some(Goal {
                at_most: 1.5,
                where_raw_was: None,
            }),
            also: String::new(),
        });
    }
    delete(&folder)
}

/// Bytes of the large file: the first seconds, in which windows grow, are little of it.
const LARGE: u64 = 256 << 20;

pub(super) fn large_file(bench: &mut Bench) -> Result<()> {
    let Some(mut lab) = Lab::new() else {
        return Ok(());
    };
    let (near, far) = (lab.host(), lab.far_host());
    let raw = bench.repeat(|_| raw_line(&near, &far))?;
    let raw = Figure::new(raw, "s").median();
    let file = bench.samples.file(&bench.scratch, LARGE)?;
    let (node, shared) = share(&Shoal::at(&near).tied(), &file)?;
    let own = near.address().to_string();
    let mut listen = node.listen.clone();
    listen.retain(|address| address.contains(&own));
    for (wire, name, at_most) in [(Wire::TcpTls, "TCP", 1.05), (Wire::Quic, "QUIC", 1.11)] {
        let address = wire.pick(&listen);
        let taken = bench.repeat(|scratch| {
            let into = scratch.folder("far-got")?;
            let fetcher = Shoal::at(&far).tied();
            let fetched = get(&fetcher, &shared.cid, &into, &[address])?.finish()?;
            same(&file, &fetched.path)?;
            delete(&into)?;
            Ok(fetched.taken)
        })?;
        bench.table.add(Line {
            work: &format!(
                "{} MiB, round trip {} ms, {name}",
                LARGE >> 20,
                2 * ONE_WAY_MS
            ),
            by: "Shoal",
            figure: Figure::new(taken, "s"),
            raw: Some(("TCP over the same line", raw)),
            goal: Some(Goal {
                at_most: at_most * raw,
                where_raw_was: None,
            }),
            also: String::new(),
        });
    }
    delete(&file)
}

/// Seconds that as many bytes take over a TCP connection of the system's.
fn raw_line(near: &Host, far: &Host) -> Result<f64> {
    let address = SocketAddr::from((near.address(), 0));
    let listener = near
        .inside()
        .run(async move { TcpListener::bind(address) })?;
    let address = listener.local_addr()?;
    let sending = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let piece = vec![0x5a; 1 << 20];
        (0..LARGE >> 20).try_for_each(|_| stream.write_all(&piece))
    });
    let began = Instant::now();
    let mut stream = far
        .inside()
        .run(async move { TcpStream::connect(address) })?;
    let mut piece = vec![0; 1 << 20];
    let mut received = 0;
    loop {
        let bytes = stream.read(&mut piece)?;
        if bytes == 0 {
            break;
        }
        received += bytes as u64;
    }
    let taken = began.elapsed().as_secs_f64();
    ensure!(received == LARGE, "{received} bytes came");
    sending.join().ok().context("the sender broke")??;
    Ok(taken)
}
