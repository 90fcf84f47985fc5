//! Whether what is asked for is an item already.

use std::path::{Path, PathBuf};

use super::{ItemError, choose};
use crate::fetch;
use crate::link::MAX_LINK_PROVIDERS;
use store::files::{self, Identity};
use store::index::{Index, ItemKind, ItemRecord, ItemState, NewItem};
use store::made;

/// Problems after which going on means to begin anew, if nothing is left of what was begun.
const BEGUN_ANEW: [&str; 3] = [fetch::IN_THE_WAY, fetch::PART_GONE, fetch::FOLDER_REPLACED];

/// How an item that was asked for stands in the index.
pub(super) enum Found {
    New,
    AsIs,
    /// More people are said to have it, or more of it is wanted.
    WithMore,
}

/// Makes the item, or finds the one that already is what is asked for and makes it active.
pub(super) fn take_in(index: &Index, mut item: NewItem) -> Result<(ItemRecord, Found), ItemError> {
    let known = index.items_named(item.kind, &item.name)?;
    let mut known: Vec<ItemRecord> = known
        .into_iter()
        .filter(|record| is_same(record, &item))
        .collect();
    // The one that was asked for in the same words, else any: it takes along what it has not yet.
    known.sort_by_key(|record| record.wanted.select != item.select);
    let known = known.into_iter().next();
    let Some(known) = known else {
        // Where it is begun, even if that is later: a mount point may be empty by then.
        item.place = item
            .into
            .as_deref()
            .and_then(|folder| Identity::of_folder(folder).ok());
        let places = match item.kind {
            ItemKind::Share => item.sources.as_slice(),
            ItemKind::Download => item.into.as_slice(),
        };
        item.disks = disks(places.iter().map(PathBuf::as_path));
        let id = index.create_item(item)?;
        // A database that was made anew counts from lower numbers.
        made::forget(index.dir(), id);
        let record = index.item(id)?.ok_or(ItemError::UnknownItem(id))?;
        return Ok((record, Found::New));
    };
    let wider = match item.kind {
        ItemKind::Share => None,
        ItemKind::Download => choose::wider(&known, &item.select)?,
    };
    resumed(index, &known)?;
    let id = known.id;
    let new = item
        .providers
        .into_iter()
        .filter(|provider| !known.providers.contains(provider));
    let new: Vec<String> = new.collect();
    let found = if wider.is_none() && (new.is_empty() || known.done) {
        Found::AsIs
    } else {
        Found::WithMore
    };
    let (options, car) = (item.options, item.car.clone());
    index.update_item(id, move |record| {
        record.state = ItemState::Active;
        // Of a share it is part of what it is.
        record.options.metadata |= options.metadata;
        record.options.unfold |= options.unfold;
        // The file may be another one by now.
        record.begun.car = car.or(record.begun.car.take());
        // The newest hints are the likeliest to be right.
        record.providers.splice(0..0, new);
        record.providers.truncate(MAX_LINK_PROVIDERS);
        if let Some(lists) = wider {
            choose::want(record, lists, true);
        }
    })?;
    let record = index.item(id)?.ok_or(ItemError::UnknownItem(id))?;
    Ok((record, found))
}

/// The person goes on with an item. If they were told that what was begun is gone, it is begun anew.
fn resumed(index: &Index, record: &ItemRecord) -> Result<(), ItemError> {
    if let ItemState::Problem(problem) = &record.state
        && BEGUN_ANEW.contains(&problem.code.as_str())
    {
        fetch::begin_anew(index, record)?;
    }
    Ok(())
}

/// The person resumes an item. If they were told that it unfolds to far more than is fetched for it, that is all right.
pub(super) fn allowed(index: &Index, record: &ItemRecord) -> Result<(), ItemError> {
    if let ItemState::Problem(problem) = &record.state
        && problem.code == fetch::UNFOLDS
    {
        index.update_item(record.id, |record| record.options.unfold = true)?;
    }
    resumed(index, record)
}

/// Where the disks are mounted that these lie on. Blocks.
pub(super) fn disks<'a>(places: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    let mut disks: Vec<PathBuf> = places.filter_map(files::mount_point).collect();
    disks.sort_unstable();
    disks.dedup();
    disks
}

/// The same content into the same folder, or the same paths shared alike.
fn is_same(record: &ItemRecord, item: &NewItem) -> bool {
    let alike = match item.kind {
        ItemKind::Share => {
            record.sources == item.sources
                && record.profile == item.profile
                && record.options == item.options
        }
        ItemKind::Download => {
            // What a path leads to is not known when it is asked for.
            (&record.link, record.root) == (&item.link, item.root.or(record.root))
                && record.into == item.into
                && record.begun.car.as_ref().map(|car| &car.path)
                    == item.car.as_ref().map(|car| &car.path)
        }
    };
    record.kind == item.kind && record.name == item.name && alike
}

#[cfg(test)]
mod tests {
    use store::index::{StoredProblem, StoredRetry};

    use super::*;

    #[test]
    fn only_who_resumes_it_lets_an_item_unfold() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open(dir.path()).unwrap().index;
        let new = || NewItem {
            kind: ItemKind::Download,
            name: "x".to_owned(),
            link: Some("ipfs://x".to_owned()),
            ..NewItem::default()
        };
        let id = take_in(&index, new()).unwrap().0.id;
        let asked = || {
            let problem = StoredProblem {
                code: fetch::UNFOLDS.to_owned(),
                message: String::new(),
                hint: None,
                retry: StoredRetry::User,
                subject: None,
                count: None,
                field: None,
            };
            index
                .set_item_state(id, ItemState::Problem(problem))
                .unwrap();
            index.item(id).unwrap().unwrap()
        };
        asked();
        let (again, _) = take_in(&index, new()).unwrap();
        assert_eq!((again.id, again.options.unfold), (id, false));
        allowed(&index, &asked()).unwrap();
        assert!(index.item(id).unwrap().unwrap().options.unfold);
    }
}
