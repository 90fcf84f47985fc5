//! Which parts of a download are wanted, and which come first: kept with the item, and carried out
//! by the download under way.

use super::ItemError;
use crate::api::{PrioritizeRequest, SelectRequest};
use crate::fetch::{Choice, FetchError, Selection, SelectionError};
use crate::look::files::is_high;
use crate::look::names;
use crate::look::tree::Tree;
use store::Source;
use store::index::{Index, ItemKind, ItemRecord};

/// Paths that may come first. With more of them, nothing comes first.
const MAX_HIGH: usize = 1000;

/// What has to happen after a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// The download begins again, with what is wanted now.
    Again,
}

/// What is wanted, and what is left out.
pub(super) type Lists = (Vec<String>, Vec<String>);

/// Keeps a choice. Nothing that is here is touched: what is no longer wanted stays as it is.
/// Blocks.
pub(super) fn select(
    index: &Index,
    source: &Source,
    record: &ItemRecord,
    request: &SelectRequest,
) -> Result<Then, ItemError> {
    let tree = Tree::new(source.clone());
    let paths = paths(&tree, record, &request.paths)?;
    let (chosen, id) = (request.chosen, record.id);
    let choose = move |record: &ItemRecord| {
        let mut selection = Selection::new(&record.wanted.select, &record.wanted.leave)?;
        for path in &paths {
            selection.choose(path, chosen)?;
        }
        let (select, leave) = selection.lists();
        // The lists must be readable when the download begins again.
        let selection = Selection::new(&select, &leave)?;
        Ok::<_, SelectionError>((select, leave, selection))
    };
    let (.., selection) = choose(record).map_err(FetchError::from)?;
    if !leaves_something(&tree, record, &selection) {
        return Err(FetchError::from(SelectionError::Nothing).into());
    }
    let was_done = record.done;
    index.update_item(id, move |record| {
        // The record may have changed since it was read, but not to something that cannot be read.
        if let Ok((select, leave, _)) = choose(record) {
            want(record, (select, leave), chosen);
        }
    })?;
    Ok(if was_done && !chosen {
        Then::Nothing
    } else {
        Then::Again
    })
}

/// What of a download is wanted from now on; `more`: not only less.
pub(super) fn want(record: &mut ItemRecord, lists: Lists, more: bool) {
    (record.wanted.select, record.wanted.leave) = lists;
    if !record.done {
        // What is wanted is counted anew.
        (record.bytes, record.files, record.begun.here) = (0, 0, 0);
    }
    if more && record.done {
        record.done = false;
        // The download goes on where its files lie.
        record.part = record.sources.first().cloned();
    }
}

/// What is wanted and left out of a download when these paths, or all of it, are asked for too. `None`: that is wanted already.
pub(super) fn wider(record: &ItemRecord, asked: &[String]) -> Result<Option<Lists>, ItemError> {
    let wanted = &record.wanted;
    let selection = Selection::new(&wanted.select, &wanted.leave);
    let mut selection = selection.map_err(FetchError::from)?;
    let all = [String::new()];
    let asked = if asked.is_empty() { &all } else { asked };
    let is_wanted = |path: &String| selection.choice(path) == Choice::All;
    if asked.iter().all(is_wanted) {
        return Ok(None);
    }
    for path in asked {
        selection.choose(path, true).map_err(FetchError::from)?;
    }
    Ok(Some(selection.lists()))
}

/// Keeps which paths come first, and gives all that do now. Blocks.
pub(super) fn prioritize(
    index: &Index,
    source: &Source,
    record: &ItemRecord,
    request: &PrioritizeRequest,
) -> Result<Vec<String>, ItemError> {
    let paths = paths(&Tree::new(source.clone()), record, &request.paths)?;
    let mut high = record.wanted.high.clone();
    for path in paths {
        high.retain(|known| !is_high(std::slice::from_ref(&path), known));
        if request.high && !is_high(&high, &path) {
            high.push(path);
        }
    }
    if high.len() > MAX_HIGH {
        return Err(FetchError::from(SelectionError::TooMany).into());
    }
    let kept = high.clone();
    index.update_item(record.id, move |record| record.wanted.high = kept)?;
    Ok(high)
}

/// A download of nothing would be done at once, and be an empty folder.
fn leaves_something(tree: &Tree, record: &ItemRecord, selection: &Selection) -> bool {
    let entries = record.root.map(|root| tree.entries(&root, ""));
    if let Some(Ok(Some(entries))) = entries
        && entries.complete
        && !entries.list.is_empty()
    {
        let mut names = entries.list.iter().map(|entry| entry.name.as_str());
        return names.any(|name| selection.choice(name) != Choice::None);
    }
    selection.choice("") != Choice::None
}

/// Paths inside a download, as its blocks name them: an item that is one file has no path in it,
/// but goes by its name.
fn paths(tree: &Tree, record: &ItemRecord, paths: &[String]) -> Result<Vec<String>, ItemError> {
    if record.kind != ItemKind::Download {
        return Err(ItemError::NotADownload(record.id));
    }
    let size = record.root.and_then(|root| tree.file_size(&root, ""));
    let is_file = size.is_some();
    let clean = |path: &String| {
        let clean = names(path)?.join("/");
        if is_file && clean == record.name {
            return Ok(String::new());
        }
        Ok(clean)
    };
    let clean: Result<Vec<String>, FetchError> = paths.iter().map(clean).collect();
    Ok(clean?)
}
