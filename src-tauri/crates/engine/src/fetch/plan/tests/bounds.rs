//! What a few blocks may make of themselves.

use super::*;
use crate::fetch::limits::{ASK_ENTRIES, MAX_SPARE_BYTES, MAX_STEPS};

/// Runs a plan with all blocks at hand. What it said, until its end or fault.
fn run_plan(mut plan: Plan, blocks: &Blocks) -> (Vec<Step>, Result<(), Fault>) {
    let mut steps = Vec::new();
    loop {
        match plan.next() {
            Ok(Some(Step::Want { cid, .. })) => {
                if let Err(fault) = plan.block(&cid, &blocks[&cid]) {
                    return (steps, Err(fault));
                }
            }
            Ok(Some(step)) => steps.push(step),
            Ok(None) => return (steps, Ok(())),
            Err(fault) => return (steps, Err(fault)),
        }
    }
}

fn plan_of(root: Cid) -> Plan {
    Plan::new(root, Selection::new(&[], &[]).unwrap(), Rules::UNIX).unwrap()
}

/// A node with these links and this data, byte by byte.
fn add_node(blocks: &mut Blocks, links: &[(&[u8], Cid)], data: &[u8]) -> Cid {
    let mut encoder = unixfs::dagpb::Encoder::default();
    for (name, cid) in links {
        encoder.link(&cid.to_bytes(), &[name], 0);
    }
    let block = Bytes::from(encoder.finish(data));
    let hash = cid::hash(cid::SHA2_256, &block).unwrap();
    let cid = Cid::new_v1(cid::DAG_PB, hash);
    blocks.insert(cid, block);
    cid
}

/// Two names in each of 22 folders, one in the other: 8 million from 22 blocks.
#[test]
fn what_unfolds_to_far_more_than_came_asks_first() {
    let mut blocks = Blocks::new();
    let mut folder = add_node(&mut blocks, &[], &[8, 1]);
    for _ in 0..22 {
        folder = add_node(&mut blocks, &[(b"a", folder), (b"b", folder)], &[8, 1]);
    }
    let nearly = |plan: Plan| {
        let mut plan = plan;
        plan.amount.entries = ASK_ENTRIES - 1000;
        plan
    };
    let (steps, result) = run_plan(nearly(plan_of(folder)), &blocks);
    let Err(Fault::Unfolds { entries, came, .. }) = result else {
        panic!("{result:?}")
    };
    assert!(came < 3000, "{came}");
    assert_eq!(entries, ASK_ENTRIES + 1);
    assert!(steps.len() as u64 <= entries);

    // Whoever knows goes on.
    let mut plan = nearly(plan_of(folder)).unfolding(true);
    for _ in 0..10_000 {
        match plan.next().unwrap() {
            Some(Step::Want { cid, .. }) => plan.block(&cid, &blocks[&cid]).unwrap(),
            Some(_) => {}
            None => panic!("it ended"),
        }
    }
}

/// Content that follows from its CID needs no block, and still waits for its turn.
#[test]
fn children_that_need_no_block_come_a_few_at_a_time() {
    let mut blocks = Blocks::new();
    let names: Vec<String> = (0..3000).map(|n| format!("{n}")).collect();
    let implied =
        |name: &String| Cid::new_v1(RAW, cid::hash(cid::IDENTITY, name.as_bytes()).unwrap());
    let links: Vec<(&[u8], Cid)> = names
        .iter()
        .map(|name| (name.as_bytes(), implied(name)))
        .collect();
    let root = add_node(&mut blocks, &links, &[8, 1]);
    let mut plan = plan_of(root);
    let mut files = 0;
    while let Some(step) = plan.next().unwrap() {
        assert!(plan.steps.len() <= 2 * MAX_STEPS, "{}", plan.steps.len());
        match step {
            Step::Want { cid, .. } => plan.block(&cid, &blocks[&cid]).unwrap(),
            Step::Close { .. } => files += 1,
            _ => {}
        }
    }
    assert_eq!(files, 3000);
}

/// A leaf as others frame it: of another type, and with more in it than a file needs.
fn add_foreign_leaf(blocks: &mut Blocks, content: &[u8], padding: usize) -> Cid {
    let mut data = vec![8, 0];
    unixfs::proto::put_bytes(&mut data, 2, content);
    unixfs::proto::put_number(&mut data, 3, content.len() as u64);
    if padding > 0 {
        unixfs::proto::put_bytes(&mut data, 15, &vec![0; padding]);
    }
    add_node(blocks, &[], &data)
}

fn add_file_of(blocks: &mut Blocks, leaves: &[Cid], bytes: u64) -> Cid {
    let mut data = vec![8, 2];
    unixfs::proto::put_number(&mut data, 3, bytes * leaves.len() as u64);
    for _ in leaves {
        unixfs::proto::put_number(&mut data, 4, bytes);
    }
    let links: Vec<(&[u8], Cid)> = leaves.iter().map(|leaf| (&b""[..], *leaf)).collect();
    add_node(blocks, &links, &data)
}

#[test]
fn blocks_that_are_mostly_padding_are_used_and_not_all_kept() {
    let mut blocks = Blocks::new();
    let leaves: Vec<Cid> = (0..100_u8)
        .map(|n| add_foreign_leaf(&mut blocks, &[n], 1 << 20))
        .collect();
    let file = add_file_of(&mut blocks, &leaves, 1);
    let (steps, result) = run_plan(plan_of(file), &blocks);
    result.unwrap();
    let kept = |steps: &[Step]| {
        let kept = steps.iter().filter_map(|step| match step {
            Step::Keep { data, .. } => Some(data.len() as u64),
            _ => None,
        });
        kept.sum::<u64>()
    };
    let written = |steps: &[Step]| {
        steps
            .iter()
            .filter(|step| matches!(step, Step::Write { .. }))
            .count()
    };
    assert!(kept(&steps) <= MAX_SPARE_BYTES + 10_000, "{}", kept(&steps));
    assert_eq!(written(&steps), 100);

    // Those of old programs are within the bounds.
    let mut blocks = Blocks::new();
    let leaves: Vec<Cid> = (0..100_u8)
        .map(|n| add_foreign_leaf(&mut blocks, &[n; 5000], 0))
        .collect();
    let file = add_file_of(&mut blocks, &leaves, 5000);
    let (steps, result) = run_plan(plan_of(file), &blocks);
    result.unwrap();
    let all: u64 = blocks.values().map(|block| block.len() as u64).sum();
    assert_eq!((kept(&steps), written(&steps)), (all, 100));
}

/// The one without a name, and the second of one name, have no place: they are named, and the rest comes.
#[test]
fn entries_without_a_name_of_their_own_are_left_out_and_named() {
    let mut blocks = Blocks::new();
    let [one, two] =
        [&b"one"[..], b"two"].map(|content| add_file(&mut blocks, &profile(true), content).cid);
    let links: [(&[u8], Cid); 4] = [(b"", one), (b"same", one), (b"same", two), (b"other", two)];
    let root = add_node(&mut blocks, &links, &[8, 1]);
    let (steps, result) = run_plan(plan_of(root), &blocks);
    result.unwrap();
    let mut left_out = Vec::new();
    let mut files = Vec::new();
    for step in steps {
        match step {
            Step::Skip { path, .. } => left_out.push(path),
            Step::Open { path, root, .. } => files.push((path.name.clone(), root)),
            _ => {}
        }
    }
    left_out.sort();
    files.sort();
    assert_eq!(left_out, ["(no name)", "same"]);
    assert_eq!(files, [("other".to_owned(), two), ("same".to_owned(), one)]);
}
