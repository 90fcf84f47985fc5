//! A folder of small files over a long line: here only round trips count.

use anyhow::Result;
use support::Wire;
use support::lab::{Lab, ONE_WAY_MS};
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
