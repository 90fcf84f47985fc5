//! Which parts of an item are here, as a row of equal slices.
//!
//! Files stand in the order in which they came on record, which is the order of the item's tree as
//! far as nothing was put first; what is not on record yet comes last.

use std::collections::HashMap;
use std::ops::Range;

use crate::api::PiecesView;
use crate::fetch::Asked;
use store::index::{FileId, FileState, Index, ItemRecord, Result};

/// Slices of the row: what a screen can show.
const MAX_CELLS: u64 = 480;

/// A slice that is being asked for.
const ASKED: u8 = 255;

/// Bytes of a block, where nothing is known of the item's own.
const USUAL_BLOCK: u64 = 1024 * 1024;

/// `total` is what the item has in bytes, as far as is known. Blocks on the disk.
pub(crate) fn look(
    index: &Index,
    record: &ItemRecord,
    total: u64,
    asked: &[Asked],
) -> Result<PiecesView> {
    let here = index.slice_count(record.id)?;
    let mut parts = Vec::new();
    let mut starts = HashMap::new();
    let mut end = 0;
    for file in index.sizes_of(record.id)? {
        starts.insert(file.id, end);
        match file.state {
            FileState::Whole => add(&mut parts, end..end + file.size),
            FileState::Part => {
                for extent in index.extents(file.id)? {
                    let start = end + extent.offset;
                    add(&mut parts, start..start + extent.bytes);
                }
            }
            FileState::Changed | FileState::Missing => {}
        }
        end += file.size;
    }
    let total = total.max(end);
    let bytes: u64 = parts.iter().map(|part| part.end - part.start).sum();
    let block = bytes.checked_div(here).filter(|block| *block > 0);
    let rest = (total - bytes.min(total)).div_ceil(block.unwrap_or(USUAL_BLOCK));
    let blocks = here + rest;
    let mut cells = fill(&parts, total, blocks.min(MAX_CELLS));
    for range in places(index, record, asked, &starts, end)? {
        mark(&mut cells, &range, total);
    }
    Ok(PiecesView {
        blocks,
        here,
        asked: asked.len() as u64,
        cells,
    })
}

/// Ranges come in order; neighbours become one.
fn add(parts: &mut Vec<Range<u64>>, part: Range<u64>) {
    match parts.last_mut() {
        Some(last) if last.end == part.start => last.end = part.end,
        _ => parts.push(part),
    }
}

/// Where in the row what is asked for lies. A file that is not on record yet begins behind all
/// others.
fn places(
    index: &Index,
    record: &ItemRecord,
    asked: &[Asked],
    starts: &HashMap<FileId, u64>,
    end: u64,
) -> Result<Vec<Range<u64>>> {
    let mut known: HashMap<&str, u64> = HashMap::new();
    let mut places = Vec::with_capacity(asked.len());
    for part in asked {
        let start = if let Some(start) = known.get(part.path.as_str()) {
            *start
        } else {
            // An item that is one file has its own name.
            let path = if part.path.is_empty() {
                record.name.as_str()
            } else {
                part.path.as_str()
            };
            let file = index.file_at(record.id, path)?;
            let start = file.and_then(|file| starts.get(&file.id).copied());
            *known.entry(&part.path).or_insert(start.unwrap_or(end))
        };
        let start = start.saturating_add(part.offset);
        places.push(start..start.saturating_add(part.bytes));
    }
    Ok(places)
}

/// Per cent of each cell that are here.
fn fill(parts: &[Range<u64>], total: u64, cells: u64) -> Vec<u8> {
    let mut filled = vec![0; usize::try_from(cells).unwrap_or(0)];
    for part in parts {
        for cell in touched(part, total, cells) {
            let (from, to) = (edge(cell, total, cells), edge(cell + 1, total, cells));
            let bytes = part.end.min(to).saturating_sub(part.start.max(from));
            if let Some(sum) = usize::try_from(cell).ok().and_then(|at| filled.get_mut(at)) {
                *sum += bytes;
            }
        }
    }
    let percent = |(cell, bytes): (u64, u64)| {
        let size = edge(cell + 1, total, cells) - edge(cell, total, cells);
        // A cell that isn't all here never looks so.
        let percent = u128::from(bytes) * 100 / u128::from(size.max(1));
        u8::try_from(percent.min(100)).unwrap_or(100)
    };
    (0..).zip(filled).map(percent).collect()
}

fn mark(cells: &mut [u8], part: &Range<u64>, total: u64) {
    for cell in touched(part, total, cells.len() as u64) {
        if let Some(value) = usize::try_from(cell).ok().and_then(|at| cells.get_mut(at))
            && *value < 100
        {
            *value = ASKED;
        }
    }
}

/// The cells that a range lies in.
fn touched(part: &Range<u64>, total: u64, cells: u64) -> Range<u64> {
    if part.is_empty() || total == 0 || cells == 0 {
        return 0..0;
    }
    let cell = |byte: u64| {
        let cell = u128::from(byte.min(total - 1)) * u128::from(cells) / u128::from(total);
        u64::try_from(cell).unwrap_or(cells)
    };
    cell(part.start)..(cell(part.end - 1) + 1).min(cells)
}

/// Where a cell begins: the first byte that [`touched`] puts there.
fn edge(cell: u64, total: u64, cells: u64) -> u64 {
    let edge = (u128::from(cell) * u128::from(total)).div_ceil(u128::from(cells.max(1)));
    u64::try_from(edge).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_say_how_much_of_them_is_here() {
        let check = |parts: &[(u64, u64)], total, cells, expected: &[u8]| {
            let ranges: Vec<_> = parts.iter().map(|(start, end)| *start..*end).collect();
            assert_eq!(
                fill(&ranges, total, cells),
                expected,
                "{parts:?} of {total}"
            );
        };
        check(&[], 0, 0, &[]);
        check(&[], 100, 4, &[0, 0, 0, 0]);
        check(&[(0, 100)], 100, 4, &[100, 100, 100, 100]);
        check(&[(0, 30), (99, 100)], 100, 4, &[100, 20, 0, 4]);
        check(&[(1, 10)], 10, 1, &[90]);
        check(&[(u64::MAX / 2, u64::MAX)], u64::MAX, 2, &[0, 100]);
    }

    #[test]
    fn what_is_asked_for_is_marked_unless_it_is_here() {
        let mut cells = vec![100, 50, 0, 0];
        mark(&mut cells, &(20..60), 100);
        mark(&mut cells, &(900..1000), 100);
        assert_eq!(cells, [100, ASKED, ASKED, ASKED]);
    }

    proptest! {
        #[test]
        fn all_bytes_are_counted_in_one_cell(start in 0_u64..1000, len in 0_u64..1000, more in 0_u64..1000, cells in 1_u64..50) {
            let total = start + len + more;
            let sizes: u64 = (0..cells).map(|cell| edge(cell + 1, total, cells) - edge(cell, total, cells)).sum();
            prop_assert_eq!(sizes, total);
            let inside = touched(&(start..start + len), total, cells);
            let counted: u64 = inside.map(|cell| {
                let (from, to) = (edge(cell, total, cells), edge(cell + 1, total, cells));
                (start + len).min(to).saturating_sub(start.max(from))
            }).sum();
            prop_assert_eq!(counted, len);
        }
    }
}
