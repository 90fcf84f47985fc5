//! Walks through trees that somebody made to do harm.

use bytes::Bytes;

use crate::cid::{self, Cid};
use crate::fuzz_input::Input;
use crate::walk::{
    Ahead, Bounds, Classify, Contents, Every, List, Look, Read, Resolve, Walk, Wants,
};

mod made {
    use crate as unixfs;
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/made.rs"
    ));
}

use self::made::Made;

/// Blocks that a walk may take to find one answer: far more than any bound of these walks lets it.
const MOST: usize = 40_000;

/// Every walk ends, asks only for what can be had, and finds no more than it may: a range no bytes but its own, a list no more
/// entries than its bounds. What a range reads is what stands there in the whole.
pub(super) fn walks(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let made = Made::new(&mut input);
    let root = made.root();
    let names: Vec<String> = (0..input.below(4)).map(|_| input.text()).collect();
    let at = Resolve::new(root, names).ok();
    let at = at
        .and_then(|mut walk| answer(&mut walk, &made))
        .unwrap_or(root);
    let kind = Look::new(at, "").ok();
    let kind = kind.and_then(|mut walk| answer(&mut walk, &made));
    list(at, &made, &mut input);
    let start = input.below(500) as u64;
    let range = start..start + input.below(200) as u64;
    let ahead = Ahead {
        blocks: input.below(8),
        bytes: input.long(),
    };
    let part = read(at, range.clone(), ahead, &made);
    let whole = read(at, 0..range.end, Ahead::default(), &made);
    if let (Some(part), Some(whole)) = (part, whole)
        && range.end > 0
    {
        let from = usize::try_from(range.start).unwrap().min(whole.len());
        assert_eq!(part, whole[from..]);
        let size = kind.map(|stat| stat.size);
        assert_eq!(
            Some(whole.len() as u64),
            size.map(|size| size.min(range.end))
        );
    }
    if let Ok(mut every) = Every::new(root, input.below(40)) {
        while let Some(Some((cid, block))) = answer(&mut every, &made) {
            assert_eq!(cid::verify(&cid, &block), Ok(()));
        }
    }
}

fn list(at: Cid, made: &Made, input: &mut Input<'_>) {
    let bounds = Bounds {
        enough: input.below(20),
        most: input.below(300),
        bytes: usize::from(input.short()),
        ahead: input.below(8),
    };
    let Ok(mut list) = List::new(at, "", bounds) else {
        return;
    };
    let Some(Contents::Folder(folder)) = answer(&mut list, made) else {
        return;
    };
    let held = folder.entries.iter().chain(&folder.doubled);
    let held: usize = held.map(|entry| entry.name.len()).sum();
    assert!(held <= bounds.bytes);
    let names = folder.entries.iter();
    let mut names: Vec<_> = names.map(|entry| &entry.name).collect();
    names.sort();
    assert!(names.is_sorted_by(|one, other| one < other));
    let entries = folder.entries.iter();
    let entries = entries.map(|entry| (crate::name::to_text(&entry.name).into_owned(), entry.cid));
    let entries: Vec<_> = entries.collect();
    let many = entries.len();
    let mut classify = Classify::new("", entries, usize::from(input.short()), input.below(8));
    let known = answer(&mut classify, made);
    assert!(known.is_some_and(|known| known.len() <= many));
}

fn read(at: Cid, range: std::ops::Range<u64>, ahead: Ahead, made: &Made) -> Option<Vec<u8>> {
    let mut read = Read::new(at, "", range.clone(), ahead).ok()?;
    let mut found = Vec::new();
    for _ in 0..MOST {
        let Some(piece) = answer(&mut read, made)? else {
            return Some(found);
        };
        assert!(!piece.is_empty());
        found.extend_from_slice(&piece);
        assert!(found.len() as u64 <= range.end - range.start);
    }
    panic!("a read never ends")
}

/// What a walk finds; nothing if it can't.
fn answer<W: Walk>(walk: &mut W, made: &Made) -> Option<W::Answer> {
    for _ in 0..MOST {
        let next = match walk.wants() {
            Wants::Done(answer) => return Some(answer),
            Wants::Need { next, .. } => next,
        };
        assert_eq!(cid::acceptable(&next), Ok(()));
        assert!(matches!(walk.wants(), Wants::Need { next: again, .. } if again == next));
        let other = Cid::default();
        walk.take(&other, &Bytes::new())
            .expect("what isn't wanted is ignored");
        match made.get(&next) {
            Some(block) => walk.take(&next, &block).ok()?,
            None if walk.skip(&next) => {}
            None => return None,
        }
    }
    panic!("a walk never ends")
}
