// Blocks of a hostile publisher, for the targets that walk through them. Taken into the crates' modules `fuzz` beside `Input`.

use std::collections::HashMap;

use bytes::Bytes;
use unixfs::cid::{self, Cid, DAG_PB, IDENTITY, RAW, SHA2_256};
use unixfs::{DirectoryBuilder, Estimate, Fanout, Metadata, Profile, Root, dagpb, proto};

/// Blocks, each of which may link to those before it: files, folders, shards, symlinks and noise, some with lies in them.
#[derive(Debug, Default)]
pub(crate) struct Made {
    blocks: HashMap<Cid, Bytes>,
    /// In the order in which they were made, with the bytes of content that they say they hold.
    pub(crate) roots: Vec<(Cid, u64)>,
}

impl Made {
    pub(crate) fn new(input: &mut super::Input<'_>) -> Self {
        let mut made = Self::default();
        made.add(RAW, b"leaf".to_vec(), 4, false);
        for _ in 0..input.below(24) {
            if input.is_over() {
                break;
            }
            made.make(input);
        }
        made
    }

    pub(crate) fn root(&self) -> Cid {
        self.roots.last().map_or_else(Cid::default, |(cid, _)| *cid)
    }

    /// A block, if its publisher has it.
    pub(crate) fn get(&self, cid: &Cid) -> Option<Bytes> {
        let implied = || cid::implied_block(cid);
        self.blocks.get(cid).cloned().or_else(implied)
    }

    fn make(&mut self, input: &mut super::Input<'_>) {
        let kind = input.byte();
        // Short blocks may be their own CIDs.
        let inline = kind & 0x70 == 0x70;
        match kind % 9 {
            0 => {
                let data = input.some();
                self.add(RAW, data.to_vec(), data.len() as u64, inline);
            }
            1 => self.add(DAG_PB, input.some().to_vec(), input.below(9) as u64, inline),
            2 => {
                let (cid, size) = self.one(input);
                let mut block = self.get(&cid).unwrap_or_default().to_vec();
                if !block.is_empty() {
                    let at = input.below(block.len());
                    block[at] = input.byte();
                }
                self.add(DAG_PB, block, size, false);
            }
            3 | 4 => self.file(input, inline),
            5 | 6 => self.folder(input, inline),
            7 => self.shards(input),
            _ => {
                let mut data = Vec::new();
                proto::put_number(&mut data, 1, 4);
                proto::put_bytes(&mut data, 2, input.some());
                let block = dagpb::Encoder::default().finish(&data);
                self.add(DAG_PB, block, 0, inline);
            }
        }
    }

    fn one(&self, input: &mut super::Input<'_>) -> (Cid, u64) {
        self.roots[input.below(self.roots.len())]
    }

    fn file(&mut self, input: &mut super::Input<'_>, inline: bool) {
        let own = input.some();
        let parts: Vec<_> = (0..input.below(6)).map(|_| self.one(input)).collect();
        let lie = input.byte();
        let total = parts.iter().map(|(_, size)| *size);
        let total = total.fold(own.len() as u64, u64::saturating_add);
        let mut data = Vec::new();
        proto::put_number(&mut data, 1, 2);
        proto::put_bytes(&mut data, 2, own);
        proto::put_number(&mut data, 3, total ^ u64::from(lie == 1));
        let mut encoder = dagpb::Encoder::default();
        for (number, (cid, size)) in parts.iter().enumerate() {
            let size = if usize::from(lie) == number + 2 {
                input.long() >> 1
            } else {
                *size
            };
            proto::put_number(&mut data, 4, size);
            encoder.link(&cid.to_bytes(), &[b""], size);
        }
        self.add(DAG_PB, encoder.finish(&data), total, inline);
    }

    fn folder(&mut self, input: &mut super::Input<'_>, inline: bool) {
        let mut encoder = dagpb::Encoder::default();
        let mut bytes = 0_u64;
        for _ in 0..input.below(8) {
            let (cid, size) = self.one(input);
            encoder.link(&cid.to_bytes(), &[name(input)], size);
            bytes = bytes.saturating_add(size);
        }
        self.add(DAG_PB, encoder.finish(&[8, 1]), bytes, inline);
    }

    /// A sharded folder as an honest one makes it: others may be made of its blocks.
    fn shards(&mut self, input: &mut super::Input<'_>) {
        let profile = Profile {
            hamt_threshold: 0,
            hamt_fanout: Fanout::new(8 << input.below(8)).unwrap_or(Fanout::DEFAULT),
            estimate: Estimate::BlockBytes,
            ..Profile::V1_2025
        };
        let mut builder = DirectoryBuilder::new(&profile, Metadata::default());
        for _ in 0..input.below(12) {
            let (cid, size) = self.one(input);
            let tsize = size;
            // What can't be a name there isn't one.
            let _ = builder.push(name(input), Root { cid, size, tsize });
        }
        let mut blocks = Vec::new();
        if builder.finish(&mut |block| blocks.push(block)).is_ok() {
            for block in blocks {
                self.add(DAG_PB, block.data.to_vec(), 0, false);
            }
        }
    }

    fn add(&mut self, codec: u64, block: Vec<u8>, size: u64, inline: bool) {
        let code = if inline { IDENTITY } else { SHA2_256 };
        let hash = cid::hash(code, &block).or_else(|| cid::hash(SHA2_256, &block));
        if let Some(hash) = hash {
            let cid = Cid::new_v1(codec, hash);
            self.blocks.insert(cid, block.into());
            self.roots.push((cid, size));
        }
    }
}

/// Mostly short ones, which come twice.
fn name<'a>(input: &mut super::Input<'a>) -> &'a [u8] {
    const SHORT: [&[u8]; 6] = [b"a", b"b", b"A", b"con", b"..", b"\xff"];
    let number = input.below(12);
    SHORT.get(number).copied().unwrap_or_else(|| input.some())
}
